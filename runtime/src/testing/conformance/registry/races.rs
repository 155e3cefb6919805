//! What must hold when events of one connection are handled at the same time.

use futures_util::future::join_all;
use futures_util::join;

use super::{MS, Suite, seconds};
use crate::registry::{Connection, Registry};

/// How often each race is run: the order of requests is the store's to choose.
const ROUNDS: u32 = 10;

impl<R: Registry> Suite<R> {
    pub(super) async fn a_race_of_old_and_new_ends_with_the_new(&self) {
        for round in 0..ROUNDS {
            let older = self.connection("race", "slow", self.now + 10 * round * MS);
            let newer = self.connection("race", "fast", self.now + (10 * round + 1) * MS);
            join!(
                self.record(&older),
                self.record(&newer),
                self.forget(&older),
                self.record(&newer),
                self.forget(&older),
            );
            self.expect(&newer, "after a race with an older one").await;
            // The older one may only have come in before the newer, and then it was replaced.
            self.expect_not_listed(&older, "after a race with a newer one")
                .await;
            self.end(&newer).await;
            self.expect_absent(&newer, "after a race, forgotten").await;
        }
    }

    pub(super) async fn a_race_of_record_and_forget_leaves_all_or_nothing(&self) {
        for round in 0..ROUNDS {
            let connection = self.connection("brief", "brief", self.now + round * MS);
            join!(self.record(&connection), self.forget(&connection));
            self.expect_all_or_nothing(&connection).await;
            self.forget(&connection).await;
        }
    }

    pub(super) async fn a_race_of_renew_and_forget_has_one_winner(&self) {
        for round in 0..ROUNDS {
            let connection = self.connection("fading", "fading", self.now + round * MS);
            self.record(&connection).await;
            let renewed = connection.renewed("{}", self.exp + seconds(60));
            let (is_renewed, is_forgotten) =
                join!(self.update(&connection, &renewed), self.forget(&connection));
            assert_ne!(is_renewed, is_forgotten, "renewed, or forgotten");
            if is_renewed {
                self.expect(&renewed, "a renewal wins").await;
                self.end(&renewed).await;
            }
            self.expect_absent(&connection, "a renewal does not bring it back")
                .await;
        }
    }

    pub(super) async fn many_at_once_are_all_there(&self) {
        let crowd: Vec<_> = (0..64)
            .map(|number| self.connection(&format!("crowd{number}"), "crowd", self.now))
            .collect();
        join_all(crowd.iter().map(|connection| self.record(connection))).await;
        let room = self.room("crowd");
        assert_eq!(
            self.list(&room).await.len(),
            crowd.len(),
            "all of the crowd came in"
        );
        join_all(crowd.iter().map(|connection| self.end(connection))).await;
        assert!(self.list(&room).await.is_empty(), "all of the crowd has left");
    }

    async fn expect_all_or_nothing(&self, connection: &Connection) {
        match self.find(&connection.id).await {
            Some(_) => self.expect(connection, "recorded last").await,
            None => {
                self.expect_absent(connection, "forgotten last").await;
            }
        }
    }
}
