//! What must hold of renewing and forgetting.

use super::{MS, Suite, endpoint, seconds};
use crate::registry::{Connection, Registry};

impl<R: Registry> Suite<R> {
    pub(super) async fn forgetting_is_complete_and_can_be_repeated(&self) {
        let connection = self.connection("gone", "gone", self.now);
        assert!(!self.forget(&connection).await, "never recorded");
        self.record(&connection).await;
        for (is_recorded, when) in [(true, "forgotten"), (false, "forgotten twice")] {
            assert_eq!(self.forget(&connection).await, is_recorded, "{when}");
            self.expect_absent(&connection, when).await;
        }
        self.record(&connection).await;
        self.expect(&connection, "recorded again").await;
        self.end(&connection).await;
    }

    pub(super) async fn forgetting_another_connection_changes_nothing(&self) {
        let connection = self.connection("stays", "stays", self.now);
        self.record(&connection).await;
        for (other, when) in [
            (
                self.connection("stays", "stays", self.now - MS),
                "a late $disconnect of an older one",
            ),
            (
                self.connection("stays", "stays", self.now + MS),
                "a $disconnect of a newer one",
            ),
            (
                self.connection("stays", "elsewhere", self.now),
                "a $disconnect in another room",
            ),
            (
                self.connection("other", "stays", self.now),
                "a $disconnect of another",
            ),
            (Self::of_another_api(&connection), "a $disconnect at another API"),
        ] {
            assert!(!self.forget(&other).await, "{when}");
            self.expect(&connection, when).await;
        }
        self.end(&connection).await;
    }

    pub(super) async fn forgetting_what_was_renewed_since_changes_nothing(&self) {
        let seen = self.connection("since", "since", self.now);
        self.record(&seen).await;
        let mut recorded = seen.clone();
        for (exp, when) in [
            (self.exp + seconds(60), "renewed since it was seen"),
            (self.exp - seconds(60), "renewed for less time"),
            (self.exp, "renewed for the same time"),
        ] {
            let renewed = recorded.renewed(seen.claims.as_str(), exp);
            assert!(self.update(&recorded, &renewed).await, "the connection is there");
            assert!(!self.forget(&seen).await, "{when}");
            assert!(!self.update(&seen, &seen.renewed("{}", exp)).await, "{when}");
            self.expect(&renewed, when).await;
            recorded = renewed;
        }
        self.end(&recorded).await;
        self.expect_absent(&seen, "forgotten").await;
    }

    pub(super) async fn forgetting_what_was_replaced_since_changes_nothing(&self) {
        for room in ["replaced", "elsewhere"] {
            let seen = self.connection("replaced", "replaced", self.now);
            let newer = self.connection("replaced", room, self.now + MS);
            self.record(&seen).await;
            self.record(&newer).await;
            assert!(!self.forget(&seen).await, "replaced since it was seen");
            self.expect(&newer, "the one before was forgotten").await;
            self.end(&newer).await;
        }
    }

    fn of_another_api(connection: &Connection) -> Connection {
        Connection {
            endpoint: endpoint("canary"),
            ..connection.clone()
        }
    }

    pub(super) async fn renewal_moves_claims_and_expiry_only(&self) {
        let connection = self.connection("renewed", "renewed", self.now);
        self.record(&connection).await;
        let mut recorded = connection.clone();
        for (claims, exp) in [
            ("{\"a\":1}", self.exp + seconds(600)),
            ("{\"a\":2}", self.exp - seconds(60)),
            ("{\"a\":2}", self.exp - seconds(60)),
            ("{}", self.now + seconds(1_000_000)),
        ] {
            let renewed = recorded.renewed(claims, exp);
            assert!(self.update(&recorded, &renewed).await, "the connection is there");
            self.expect(&renewed, "renewed").await;
            recorded = renewed;
        }
        self.end(&recorded).await;
        self.expect_absent(&connection, "renewed and forgotten").await;
    }

    pub(super) async fn renewal_of_another_connection_changes_nothing(&self) {
        let connection = self.connection("kept", "kept", self.now);
        let renewed = connection.renewed("{}", self.exp + seconds(600));
        assert!(!self.update(&connection, &renewed).await, "never recorded");
        self.expect_absent(&connection, "never recorded").await;
        self.record(&connection).await;
        for (other, when) in [
            (self.connection("kept", "kept", self.now - MS), "an older one"),
            (self.connection("kept", "kept", self.now + MS), "a newer one"),
            (
                self.connection("kept", "elsewhere", self.now),
                "one in another room",
            ),
            (Self::of_another_api(&connection), "one at another API"),
        ] {
            let renewed = other.renewed("{}", self.exp + seconds(600));
            assert!(!self.update(&other, &renewed).await, "{when}");
            self.expect(&connection, when).await;
        }
        let elsewhere = self.connection("kept", "elsewhere", self.now);
        self.expect_not_listed(&elsewhere, "renewed in another room")
            .await;
        self.end(&connection).await;
        assert!(!self.update(&connection, &renewed).await, "forgotten");
        self.expect_absent(&connection, "renewed after its end").await;
    }
}
