//! What must hold of revoked and of used tokens.

use std::time::SystemTime;

use futures_util::future::join_all;

use super::{MS, Suite, seconds};
use crate::registry::{Connection, Registry, Revocation, Revocations, Revoked, SingleUse, Written};

impl<R: Registry> Suite<R> {
    fn single_use(&self, id: &str) -> SingleUse {
        SingleUse::new(self.user(id), self.exp)
    }

    async fn record_with(&self, connection: &Connection, token: &SingleUse) -> Written {
        let recorded = self.registry.record(connection, Some(token)).await;
        recorded.expect("a connection can be recorded")
    }

    pub(super) async fn a_token_is_used_once(&self) {
        let token = self.single_use("once");
        let first = self.connection("once", "once", self.now);
        for when in ["first", "repeated"] {
            assert_eq!(self.record_with(&first, &token).await, Written::Done, "{when}");
            self.expect(&first, when).await;
        }
        let second = self.connection("twice", "once", self.now);
        assert_eq!(self.record_with(&second, &token).await, Written::TokenUsed);
        self.expect_absent(&second, "its token was used").await;
        let other = self.single_use("other");
        assert_eq!(
            self.record_with(&second, &other).await,
            Written::Done,
            "a token of its own"
        );

        let joined = second.joined(&self.room("once2"), "{}", self.exp);
        let update = async |token: &SingleUse| {
            let written = self.registry.update(&second, &joined, Some(token)).await;
            written.expect("a change can be tried")
        };
        assert_eq!(update(&token).await, Written::TokenUsed);
        self.expect(&second, "it did not join").await;
        self.expect_not_in(&second, &self.room("once2"), "it did not join")
            .await;
        assert_eq!(update(&self.single_use("third")).await, Written::Done);
        self.expect(&joined, "by a token of its own").await;
        self.end(&joined).await;
        self.end(&first).await;
        assert_eq!(
            self.record_with(&second, &token).await,
            Written::TokenUsed,
            "for good"
        );
    }

    pub(super) async fn a_connection_that_was_not_changed_used_no_token(&self) {
        let connection = self.connection("kept2", "kept2", self.now);
        self.record(&connection).await;
        let renewed = connection.renewed("{}", self.exp);
        assert!(self.update(&connection, &renewed).await, "renewed");
        let token = self.single_use("kept2");
        let late = connection.joined(&self.room("kept3"), "{}", self.exp);
        let written = self.registry.update(&connection, &late, Some(&token)).await;
        assert_eq!(written.expect("a change can be tried"), Written::Changed);
        let other = self.connection("kept4", "kept2", self.now);
        assert_eq!(
            self.record_with(&other, &token).await,
            Written::Done,
            "still good"
        );
        self.end(&other).await;
        self.end(&renewed).await;
    }

    pub(super) async fn a_race_for_a_token_has_one_winner(&self) {
        for round in 0..5 {
            let token = self.single_use(&format!("race{round}"));
            let racers: Vec<_> = (0..6)
                .map(|number| self.connection(&format!("racer{number}"), "racers", self.now + round * MS))
                .collect();
            let written = join_all(racers.iter().map(|racer| self.record_with(racer, &token))).await;
            let winners = written.iter().filter(|one| **one == Written::Done).count();
            assert_eq!(winners, 1, "one of several");
            for (racer, written) in racers.iter().zip(written) {
                if written == Written::Done {
                    self.expect(racer, "the winner").await;
                    self.end(racer).await;
                } else {
                    self.expect_absent(racer, "the token was used").await;
                }
            }
        }
    }

    pub(super) async fn revocations_are_found_at_once(&self) {
        let (user, token) = (self.user("revoked"), self.user("token"));
        let find = async |user: Option<&str>, token: Option<&str>| {
            let found = self.registry.revocations(user, token).await;
            found.expect("revocations can be read")
        };
        assert_eq!(find(Some(&user), Some(&token)).await, Revocations::default());
        let (earlier, later) = (self.now - seconds(60), self.now);
        self.revoke(Revoked::Token(token.clone()), later, self.exp).await;
        assert_eq!(
            find(Some(&token), Some(&user)).await,
            Revocations::default(),
            "kept apart"
        );
        self.revoke(Revoked::User(user.clone()), earlier, self.exp).await;
        let both = Revocations::new(Some(earlier), Some(later));
        assert_eq!(find(Some(&user), Some(&token)).await, both);
        assert_eq!(
            find(Some(&user), None).await,
            Revocations::new(Some(earlier), None)
        );
        assert_eq!(
            find(None, Some(&token)).await,
            Revocations::new(None, Some(later))
        );
        assert_eq!(find(None, None).await, Revocations::default());
    }

    pub(super) async fn a_revocation_never_gets_earlier(&self) {
        let user = self.user("monotone");
        let (earlier, later) = (self.now - seconds(60), self.now);
        for (not_before, expected) in [
            (earlier, earlier),
            (later, later),
            (earlier, later),
            (later, later),
        ] {
            for exp in [self.exp, self.exp - seconds(120)] {
                self.revoke(Revoked::User(user.clone()), not_before, exp).await;
                let found = self.registry.revocations(Some(&user), None).await;
                let found = found.expect("revocations can be read");
                assert_eq!(found.user, Some(expected), "the later of all");
            }
        }
        let racing = (0..10).map(|number| {
            let at = self.now + seconds(number * 7 % 10);
            self.revoke(Revoked::User(user.clone()), at, self.exp)
        });
        join_all(racing).await;
        let found = self.registry.revocations(Some(&user), None).await;
        let last = self.now + seconds(9);
        assert_eq!(
            found.expect("revocations can be read").user,
            Some(last),
            "after a race"
        );
    }

    async fn revoke(&self, revoked: Revoked, not_before: SystemTime, expires_at: SystemTime) {
        let marker = Revocation::new(revoked, not_before, expires_at);
        let written = self.registry.revoke(&marker).await;
        written.expect("a revocation can be written");
    }
}
