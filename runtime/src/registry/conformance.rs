//! What every registry must do, as a test that any of them can run.

mod pages;
mod races;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::{StreamExt, stream};

use super::{Connection, Member, Registry};
use crate::clock::unix_seconds;
use crate::id::ConnectionId;
use crate::id::RoomId;

/// Checks that a registry does what [`Registry`] says; every implementation runs this in its tests.
///
/// The store may be shared and used before: all names are of this run's own, and what was recorded is forgotten at
/// the end. Registries with pages should be given small ones (a dozen members), so that listing is checked
/// across pages.
///
/// ```no_run
/// # async fn test(registry: impl room_auth::Registry) {
/// room_auth::testing::registry_conformance(registry).await;
/// # }
/// ```
///
/// # Panics
///
/// With what was expected, and of what, where the registry does otherwise.
pub async fn registry_conformance(registry: impl Registry) {
    let now = unix_seconds(SystemTime::now());
    let suite = Suite {
        registry: Arc::new(registry),
        run: RandomState::new().hash_one(0),
        t0: now * 1000,
        exp: now + 300,
    };
    suite.who_was_never_recorded_is_not_there().await;
    suite.what_is_recorded_is_found_and_listed_at_once().await;
    suite.a_repeated_record_changes_nothing().await;
    suite.a_newer_connection_replaces_an_older_one().await;
    suite.a_newer_connection_leaves_the_older_ones_room().await;
    suite.an_older_connection_does_not_replace_a_newer_one().await;
    suite.forgetting_is_complete_and_can_be_repeated().await;
    suite.forgetting_another_connection_changes_nothing().await;
    suite.renewal_moves_claims_and_expiry_only().await;
    suite.renewal_of_another_connection_changes_nothing().await;
    suite.ids_and_rooms_are_kept_apart().await;
    suite.expired_connections_stay_until_forgotten().await;
    suite.claims_are_kept_to_the_byte().await;
    suite.pages_hold_each_member_once().await;
    suite.pages_hold_who_stays_while_others_come_and_go().await;
    suite.a_race_of_old_and_new_ends_with_the_new().await;
    suite.a_race_of_record_and_forget_leaves_all_or_nothing().await;
    suite.a_race_of_renew_and_forget_leaves_all_or_nothing().await;
    suite.many_at_once_are_all_there().await;
}

struct Suite<R> {
    registry: Arc<R>,
    run: u64,
    /// The moment of the run, in milliseconds since the epoch: a store may drop what has been over for long.
    t0: u64,
    /// The expiry of a token, in seconds since the epoch.
    exp: u64,
}

impl<R: Registry> Suite<R> {
    fn id(&self, name: &str) -> ConnectionId {
        let run = self.run;
        let id = format!("{name}{run:016x}=");
        id.parse().expect("base64 and short")
    }

    fn room(&self, name: &str) -> RoomId {
        let run = self.run;
        format!("{name}.{run:016x}").parse().expect("a room id")
    }

    fn connection(&self, id: &str, room: &str, connected_at: u64) -> Connection {
        let claims = format!(r#"{{"sub":"{room}","user":"{id}"}}"#);
        Connection::new(self.id(id), self.room(room), claims, connected_at, self.exp)
    }

    async fn record(&self, connection: &Connection) {
        let recorded = self.registry.record(connection).await;
        recorded.expect("a connection can be recorded");
    }

    async fn forget(&self, connection: &Connection) {
        let Connection {
            id,
            room,
            connected_at,
            ..
        } = connection;
        let forgotten = self.registry.forget(id, room, *connected_at).await;
        forgotten.expect("a connection can be forgotten");
    }

    async fn renew(&self, connection: &Connection) -> bool {
        let renewed = self.registry.renew(connection).await;
        renewed.expect("a renewal can be tried")
    }

    async fn find(&self, id: &ConnectionId) -> Option<Connection> {
        let found = self.registry.find(id).await;
        found.expect("a connection can be looked for")
    }

    /// All members, page by page. No member may come twice.
    async fn list(&self, room: &RoomId) -> BTreeMap<ConnectionId, Member> {
        let mut members = BTreeMap::new();
        let mut next = None;
        loop {
            let page = self.registry.members(room, next.as_ref()).await;
            let page = page.expect("a room can be listed");
            for member in page.members {
                let again = members.insert(member.connection_id.clone(), member);
                assert_eq!(again, None, "listed twice");
            }
            next = page.next;
            if next.is_none() {
                return members;
            }
        }
    }

    /// Both views of the registry must show exactly this connection.
    async fn expect(&self, connection: &Connection, when: &str) {
        let found = self.find(&connection.id).await;
        assert_eq!(found.as_ref(), Some(connection), "{when}: found");
        // Debug of a connection leaves out the claims, so that a difference there would not be told.
        assert!(
            found.is_some_and(|found| found.claims == connection.claims),
            "{when}: other claims"
        );
        let member = Member::new(
            connection.id.clone(),
            connection.connected_at,
            connection.expires_at,
        );
        let listed = self.list(&connection.room).await;
        assert_eq!(listed.get(&connection.id), Some(&member), "{when}: listed");
    }

    async fn expect_absent(&self, id: &ConnectionId, room: &RoomId, when: &str) {
        assert_eq!(self.find(id).await, None, "{when}: found");
        self.expect_not_listed(id, room, when).await;
    }

    async fn expect_not_listed(&self, id: &ConnectionId, room: &RoomId, when: &str) {
        assert_eq!(self.list(room).await.get(id), None, "{when}: listed");
    }

    async fn who_was_never_recorded_is_not_there(&self) {
        let (id, room) = (self.id("nobody"), self.room("nowhere"));
        self.expect_absent(&id, &room, "never recorded").await;
        assert!(self.list(&room).await.is_empty(), "nobody is there");
    }

    async fn what_is_recorded_is_found_and_listed_at_once(&self) {
        for round in 0..20 {
            let connection = self.connection("atonce", "atonce", self.t0 + round);
            self.record(&connection).await;
            self.expect(&connection, "recorded").await;
            self.forget(&connection).await;
            self.expect_absent(&connection.id, &connection.room, "forgotten")
                .await;
        }
    }

    async fn a_repeated_record_changes_nothing(&self) {
        let connection = self.connection("again", "again", self.t0);
        self.record(&connection).await;
        self.record(&connection).await;
        self.expect(&connection, "recorded twice").await;
        let renewed = connection.renewed(r#"{"renewed":true}"#, self.exp + 60);
        assert!(self.renew(&renewed).await);
        self.record(&connection).await;
        self.expect(&renewed, "a late repetition of $connect, after a renewal")
            .await;
        self.forget(&connection).await;
    }

    async fn a_newer_connection_replaces_an_older_one(&self) {
        let older = self.connection("newer", "newer", self.t0);
        let newer = Connection::new(
            older.id.clone(),
            older.room.clone(),
            r#"{"newer":1}"#,
            self.t0 + 1,
            self.exp + 1,
        );
        self.record(&older).await;
        self.record(&newer).await;
        self.expect(&newer, "replaced").await;
        assert_eq!(
            self.list(&older.room).await.len(),
            1,
            "one connection, one member"
        );
        self.forget(&newer).await;
        self.expect_absent(&newer.id, &newer.room, "the newer one forgotten")
            .await;
    }

    async fn a_newer_connection_leaves_the_older_ones_room(&self) {
        let older = self.connection("moved", "from", self.t0);
        let newer = self.connection("moved", "to", self.t0 + 1);
        self.record(&older).await;
        self.record(&newer).await;
        self.expect(&newer, "moved").await;
        self.expect_not_listed(&older.id, &older.room, "moved away").await;
        self.forget(&newer).await;
    }

    async fn an_older_connection_does_not_replace_a_newer_one(&self) {
        let newer = self.connection("late", "now", self.t0 + 1);
        self.record(&newer).await;
        for room in ["now", "before"] {
            let older = self.connection("late", room, self.t0);
            self.record(&older).await;
            self.expect(&newer, "an older one came late").await;
        }
        let before = self.room("before");
        self.expect_not_listed(&newer.id, &before, "an older one came late")
            .await;
        self.forget(&newer).await;
    }

    async fn forgetting_is_complete_and_can_be_repeated(&self) {
        let connection = self.connection("gone", "gone", self.t0);
        self.forget(&connection).await;
        self.record(&connection).await;
        for when in ["forgotten", "forgotten twice"] {
            self.forget(&connection).await;
            self.expect_absent(&connection.id, &connection.room, when).await;
        }
        self.record(&connection).await;
        self.expect(&connection, "recorded again").await;
        self.forget(&connection).await;
    }

    async fn forgetting_another_connection_changes_nothing(&self) {
        let connection = self.connection("stays", "stays", self.t0);
        self.record(&connection).await;
        for (other, when) in [
            (
                self.connection("stays", "stays", self.t0 - 1),
                "a late $disconnect of an older one",
            ),
            (
                self.connection("stays", "stays", self.t0 + 1),
                "a $disconnect of a newer one",
            ),
            (
                self.connection("stays", "elsewhere", self.t0),
                "a $disconnect in another room",
            ),
            (
                self.connection("other", "stays", self.t0),
                "a $disconnect of another",
            ),
        ] {
            self.forget(&other).await;
            self.expect(&connection, when).await;
        }
        self.forget(&connection).await;
    }

    async fn renewal_moves_claims_and_expiry_only(&self) {
        let connection = self.connection("renewed", "renewed", self.t0);
        self.record(&connection).await;
        for (claims, exp) in [
            ("{\"a\":1}", self.exp + 600),
            ("{\"a\":2}", self.exp - 60),
            ("{\"a\":2}", self.exp - 60),
            ("{}", u64::MAX),
        ] {
            let renewed = connection.renewed(claims, exp);
            assert!(self.renew(&renewed).await, "the connection is there");
            self.expect(&renewed, "renewed").await;
        }
        self.forget(&connection).await;
        self.expect_absent(&connection.id, &connection.room, "renewed and forgotten")
            .await;
    }

    async fn renewal_of_another_connection_changes_nothing(&self) {
        let connection = self.connection("kept", "kept", self.t0);
        assert!(!self.renew(&connection).await, "never recorded");
        self.expect_absent(&connection.id, &connection.room, "never recorded")
            .await;
        self.record(&connection).await;
        for (other, when) in [
            (self.connection("kept", "kept", self.t0 - 1), "an older one"),
            (self.connection("kept", "kept", self.t0 + 1), "a newer one"),
            (
                self.connection("kept", "elsewhere", self.t0),
                "one in another room",
            ),
        ] {
            assert!(!self.renew(&other.renewed("{}", self.exp + 600)).await, "{when}");
            self.expect(&connection, when).await;
        }
        let elsewhere = self.room("elsewhere");
        self.expect_not_listed(&connection.id, &elsewhere, "renewed in another room")
            .await;
        self.forget(&connection).await;
        assert!(!self.renew(&connection).await, "forgotten");
        self.expect_absent(&connection.id, &connection.room, "renewed after its end")
            .await;
    }

    async fn ids_and_rooms_are_kept_apart(&self) {
        let connections = [
            ("Case", "Apart"),
            ("case", "apart"),
            ("cas", "apart:"),
            ("a/b+", "apart.0"),
            ("a_b-", "apart-"),
        ]
        .map(|(id, room)| self.connection(id, room, self.t0));
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
            self.forget(connection).await;
        }
    }

    async fn expired_connections_stay_until_forgotten(&self) {
        let connection = Connection::new(self.id("expired"), self.room("expired"), "{}", self.t0, 1);
        self.record(&connection).await;
        self.expect(&connection, "expired: the reader filters").await;
        self.forget(&connection).await;
    }

    async fn claims_are_kept_to_the_byte(&self) {
        for claims in [
            "",
            "{}",
            r#"{ "a" : "\u00e9\n" }"#,
            "{\"name\":\"Zoë 😀 \u{0}\u{7f}\"}",
            &"x".repeat(8192),
        ] {
            let connection =
                Connection::new(self.id("claims"), self.room("claims"), claims, self.t0, self.exp);
            self.record(&connection).await;
            self.expect(&connection, "odd claims").await;
            self.forget(&connection).await;
        }
    }

    /// Does the same with many, a few at a time.
    async fn each<'c>(&self, connections: &'c [Connection], act: impl AsyncFn(&'c Connection)) {
        stream::iter(connections)
            .for_each_concurrent(16, |connection| act(connection))
            .await;
    }
}
