//! What must hold of connections in several rooms.

use futures_util::future::join_all;

use super::{MS, Suite, seconds};
use crate::registry::{Connection, Registry, Written};

impl<R: Registry> Suite<R> {
    /// The connection as a member of a further room, too.
    fn joined(&self, connection: &Connection, room: &str) -> Connection {
        let claims = format!(r#"{{"sub":"{room}"}}"#);
        connection.joined(&self.room(room), claims, self.exp)
    }

    pub(super) async fn a_connection_joins_and_leaves_rooms(&self) {
        let first = self.connection("joins", "joins", self.now);
        self.record(&first).await;
        let second = self.joined(&first, "joins2");
        let third = self.joined(&second, "joins3");
        for (seen, next) in [(&first, &second), (&second, &third)] {
            assert!(self.update(seen, next).await, "joined");
            self.expect(next, "joined").await;
        }
        let room = self.room("joins2");
        let left = third.left(|membership| membership.room == room);
        assert!(self.update(&third, &left).await, "left");
        self.expect(&left, "left").await;
        self.expect_not_in(&left, &room, "left").await;
        self.end(&left).await;
        self.expect_absent(&third, "forgotten in all rooms").await;
    }

    pub(super) async fn joining_again_replaces_the_claims(&self) {
        let first = self.connection("again2", "again2", self.now);
        self.record(&first).await;
        let joined = self.joined(&first, "again3");
        assert!(self.update(&first, &joined).await, "joined");
        for exp in [self.exp + seconds(60), self.exp - seconds(60)] {
            let seen = self.find(&first.id).await.expect("it is recorded");
            let next = seen.joined(&self.room("again3"), "{\"again\":true}", exp);
            assert!(self.update(&seen, &next).await, "joined again");
            self.expect(&next, "joined again").await;
        }
        let last = self.find(&first.id).await.expect("it is recorded");
        self.end(&last).await;
    }

    pub(super) async fn a_membership_lasts_as_long_as_its_connection_at_most(&self) {
        let first = self.connection("capped", "capped", self.now);
        self.record(&first).await;
        let room = self.room("capped2");
        let joined = first.joined(&room, "{}", self.exp + seconds(600));
        assert!(self.update(&first, &joined).await, "joined");
        let expiry = async || self.list(&room).await[&first.id].expires_at;
        assert_eq!(expiry().await, self.exp, "the connection's");
        for (exp, expected) in [(300, 300), (900, 600), (-60, -60)] {
            let at = |offset: i32| match u64::try_from(offset) {
                Ok(later) => self.exp + seconds(later),
                Err(_) => self.exp - seconds(u64::from(offset.unsigned_abs())),
            };
            let seen = self.find(&first.id).await.expect("it is recorded");
            let renewed = seen.renewed("{}", at(exp));
            assert!(self.update(&seen, &renewed).await, "renewed");
            self.expect(&renewed, "renewed with its further room").await;
            assert_eq!(expiry().await, at(expected), "the earlier of both");
        }
        let last = self.find(&first.id).await.expect("it is recorded");
        self.end(&last).await;
    }

    pub(super) async fn a_newer_connection_leaves_all_rooms_of_the_older_one(&self) {
        let older = self
            .connection("heir", "heir", self.now)
            .with_user(Some(&self.user("heir")));
        self.record(&older).await;
        let joined = self.joined(&self.joined(&older, "heir2"), "heir3");
        assert!(self.update(&older, &joined).await, "joined");
        let newer = self.connection("heir", "heir3", self.now + MS);
        self.record(&newer).await;
        self.expect(&newer, "replaced").await;
        for room in ["heir", "heir2"] {
            self.expect_not_in(&older, &self.room(room), "replaced").await;
        }
        assert!(self.list_of(&self.user("heir")).await.is_empty(), "another user");
        assert!(
            !self.update(&joined, &self.joined(&joined, "heir4")).await,
            "it is over"
        );
        assert!(!self.forget(&joined).await, "it is over");
        self.expect(&newer, "the older one changed nothing").await;
        self.end(&newer).await;
    }

    pub(super) async fn a_full_connection_is_written_and_deleted_at_once(&self) {
        let user = self.user("full");
        let first = self.connection("full", "full", self.now).with_user(Some(&user));
        self.record(&first).await;
        let full = (0..40).fold(first.clone(), |seen, number| {
            self.joined(&seen, &format!("full{number}"))
        });
        assert!(self.update(&first, &full).await, "all rooms at once");
        self.expect_in_some(&full, "in forty rooms").await;
        let renewed = full.renewed("{}", self.exp - seconds(1));
        assert!(self.update(&full, &renewed).await, "renewed in all rooms");
        self.expect_in_some(&renewed, "renewed in all rooms").await;
        let newer = self
            .connection("full", "full", self.now + MS)
            .with_user(Some(&user));
        self.record(&newer).await;
        self.expect(&newer, "replaced in all rooms").await;
        self.expect_not_in(&full, &self.room("full7"), "replaced").await;
        self.end(&newer).await;
    }

    /// Looks into a few of many rooms only.
    async fn expect_in_some(&self, connection: &Connection, when: &str) {
        assert_eq!(
            self.find(&connection.id).await.as_ref(),
            Some(connection),
            "{when}: found"
        );
        for room in connection.rooms().step_by(13) {
            let listed = self.list(room).await;
            let member = connection.member_of(room);
            assert_eq!(listed.get(&connection.id), member.as_ref(), "{when}: listed");
        }
    }

    pub(super) async fn of_changes_at_the_same_time_one_is_made(&self) {
        for round in 0..5 {
            let first = self.connection("rush", "rush", self.now + round * MS);
            self.record(&first).await;
            let nexts: Vec<_> = (0..4)
                .map(|number| self.joined(&first, &format!("rush{number}")))
                .chain([first.renewed("{}", self.exp + seconds(1))])
                .collect();
            let writing = nexts.iter().map(|next| self.registry.update(&first, next, None));
            let written: Vec<_> = join_all(writing).await;
            let is_done = |one: &Written| *one == Written::Done;
            let written: Vec<_> = written
                .into_iter()
                .map(|one| one.expect("a change can be tried"))
                .collect();
            assert_eq!(
                written.iter().filter(|one| is_done(one)).count(),
                1,
                "one of several"
            );
            let winner = &nexts[written.iter().position(is_done).expect("one")];
            self.expect(winner, "after a race of changes").await;
            for loser in nexts.iter().filter(|next| *next != winner) {
                for room in loser.rooms().filter(|room| !winner.is_in(room)) {
                    self.expect_not_in(loser, room, "it lost the race").await;
                }
            }
            self.end(winner).await;
        }
    }
}
