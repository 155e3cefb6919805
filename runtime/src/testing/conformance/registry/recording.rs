//! What must hold of recording and finding.

use std::time::UNIX_EPOCH;

use super::{MS, Suite, endpoint, seconds};
use crate::registry::{Connection, Registry};

impl<R: Registry> Suite<R> {
    pub(super) async fn who_was_never_recorded_is_not_there(&self) {
        let nobody = self.connection("nobody", "nowhere", self.now);
        self.expect_absent(&nobody, "never recorded").await;
        assert!(self.list(&nobody.room).await.is_empty(), "nobody is there");
    }

    pub(super) async fn what_is_recorded_is_found_and_listed_at_once(&self) {
        for round in 0..20 {
            let connection = self.connection("atonce", "atonce", self.now + round * MS);
            self.record(&connection).await;
            self.expect(&connection, "recorded").await;
            self.end(&connection).await;
            self.expect_absent(&connection, "forgotten").await;
        }
    }

    pub(super) async fn a_repeated_record_changes_nothing(&self) {
        let connection = self.connection("again", "again", self.now);
        self.record(&connection).await;
        self.record(&connection).await;
        self.expect(&connection, "recorded twice").await;
        let renewed = connection.renewed(r#"{"renewed":true}"#, self.exp + seconds(60));
        assert!(
            self.update(&connection, &renewed).await,
            "the connection is there"
        );
        self.record(&connection).await;
        self.expect(&renewed, "a late repetition of $connect, after a renewal")
            .await;
        self.end(&renewed).await;
    }

    pub(super) async fn a_newer_connection_replaces_an_older_one(&self) {
        let older = self.connection("newer", "newer", self.now);
        let newer = Connection::new(
            older.id.clone(),
            older.endpoint.clone(),
            older.room.clone(),
            r#"{"newer":1}"#,
            self.now + MS,
            self.exp + seconds(1),
        );
        self.record(&older).await;
        self.record(&newer).await;
        self.expect(&newer, "replaced").await;
        assert_eq!(
            self.list(&older.room).await.len(),
            1,
            "one connection, one member"
        );
        self.end(&newer).await;
        self.expect_absent(&newer, "the newer one forgotten").await;
    }

    pub(super) async fn a_newer_connection_leaves_the_older_ones_room(&self) {
        let older = self.connection("moved", "from", self.now);
        let newer = self.connection("moved", "to", self.now + MS);
        self.record(&older).await;
        self.record(&newer).await;
        self.expect(&newer, "moved").await;
        self.expect_not_listed(&older, "moved away").await;
        self.end(&newer).await;
    }

    pub(super) async fn an_older_connection_does_not_replace_a_newer_one(&self) {
        let newer = self.connection("late", "now", self.now + MS);
        self.record(&newer).await;
        for room in ["now", "before"] {
            let older = self.connection("late", room, self.now);
            self.record(&older).await;
            self.expect(&newer, "an older one came late").await;
        }
        let older = self.connection("late", "before", self.now);
        self.expect_not_listed(&older, "an older one came late").await;
        self.end(&newer).await;
    }

    pub(super) async fn ids_and_rooms_are_kept_apart(&self) {
        let connections = [
            ("Case", "Apart"),
            ("case", "apart"),
            ("cas", "apart:"),
            ("a/b+", "apart.0"),
            ("a_b-", "apart-"),
        ]
        .map(|(id, room)| self.connection(id, room, self.now));
        for connection in &connections {
            self.record(connection).await;
        }
        for connection in &connections {
            self.expect(connection, "beside names alike").await;
            assert_eq!(
                self.list(&connection.room).await.len(),
                1,
                "alone in {}",
                connection.room
            );
        }
        for connection in &connections {
            self.end(connection).await;
        }
    }

    pub(super) async fn connections_of_several_apis_share_a_room(&self) {
        let one = self.connection("one", "shared", self.now);
        let other = Connection {
            endpoint: endpoint("canary"),
            ..self.connection("other", "shared", self.now)
        };
        self.record(&one).await;
        self.record(&other).await;
        self.expect(&one, "beside one of another API").await;
        self.expect(&other, "beside one of another API").await;
        self.end(&one).await;
        self.expect(&other, "one of another API is forgotten").await;
        self.end(&other).await;
    }

    pub(super) async fn claims_are_kept_to_the_byte(&self) {
        for claims in [
            "",
            "{}",
            r#"{ "a" : "\u00e9\n" }"#,
            "{\"name\":\"Zoë 😀 \u{0}\u{7f}\"}",
            &"x".repeat(8192),
        ] {
            let connection = Connection {
                claims: claims.to_owned(),
                ..self.connection("claims", "claims", self.now)
            };
            self.record(&connection).await;
            self.expect(&connection, "odd claims").await;
            self.end(&connection).await;
        }
    }

    pub(super) async fn expired_connections_stay_until_forgotten(&self) {
        let connection = self
            .connection("expired", "expired", self.now)
            .renewed("{}", UNIX_EPOCH + seconds(1));
        self.record(&connection).await;
        self.expect(&connection, "expired: the reader filters").await;
        self.end(&connection).await;
    }
}
