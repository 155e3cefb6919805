//! What every registry must do.

mod endings;
mod memberships;
mod pages;
mod races;
mod recording;
mod tokens;
mod users;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{StreamExt, stream};

use crate::clock::unix_seconds;
use crate::endpoint::ApiEndpoint;
use crate::id::ConnectionId;
use crate::id::RoomId;
use crate::registry::{Connection, Registry, RoomMember, UserConnection, Written};

/// Checks that a registry does what [`Registry`] says; every implementation runs this in its tests.
///
/// The store may be shared and may hold other things: all names belong to this run only, and connections are forgotten
/// at the end. Revocations and used tokens stay until they expire. Give registries with pages small ones (a dozen connections), so that listing is checked across
/// pages.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use room_auth::testing::{MemoryRegistry, registry_conformance};
///
/// registry_conformance(MemoryRegistry::new().with_page_size(12)).await;
/// # });
/// # Ok::<_, std::io::Error>(())
/// ```
///
/// # Panics
///
/// The registry does otherwise; the message says what was expected, and when.
pub async fn registry_conformance(registry: impl Registry) {
    let now = UNIX_EPOCH + Duration::from_secs(unix_seconds(SystemTime::now()));
    let suite = Suite {
        registry,
        run: RandomState::new().hash_one(0),
        now,
        exp: now + Duration::from_mins(5),
    };
    // On the heap: the futures of a store's client are large.
    Box::pin(suite.run()).await;
}

struct Suite<R> {
    registry: R,
    run: u64,
    /// When the run began: a store may drop what has been over for long.
    now: SystemTime,
    /// When tokens expire.
    exp: SystemTime,
}

/// `connected_at` has milliseconds.
const MS: Duration = Duration::from_millis(1);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl<R: Registry> Suite<R> {
    async fn run(&self) {
        self.who_was_never_recorded_is_not_there().await;
        self.what_is_recorded_is_found_and_listed_at_once().await;
        self.a_repeated_record_changes_nothing().await;
        self.a_newer_connection_replaces_an_older_one().await;
        self.a_newer_connection_leaves_the_older_ones_room().await;
        self.an_older_connection_does_not_replace_a_newer_one().await;
        self.ids_and_rooms_are_kept_apart().await;
        self.connections_of_several_apis_share_a_room().await;
        self.claims_are_kept_to_the_byte().await;
        self.expired_connections_stay_until_forgotten().await;
        self.forgetting_is_complete_and_can_be_repeated().await;
        self.forgetting_another_connection_changes_nothing().await;
        self.forgetting_what_was_renewed_since_changes_nothing().await;
        self.forgetting_what_was_replaced_since_changes_nothing().await;
        self.renewal_moves_claims_and_expiry_only().await;
        self.renewal_of_another_connection_changes_nothing().await;
        self.pages_hold_each_connection_once().await;
        self.pages_hold_who_stays_while_others_come_and_go().await;
        self.a_race_of_old_and_new_ends_with_the_new().await;
        self.a_race_of_record_and_forget_leaves_all_or_nothing().await;
        self.a_race_of_renew_and_forget_has_one_winner().await;
        self.many_at_once_are_all_there().await;
        self.a_connection_joins_and_leaves_rooms().await;
        self.joining_again_replaces_the_claims().await;
        self.a_membership_lasts_as_long_as_its_connection_at_most().await;
        self.a_newer_connection_leaves_all_rooms_of_the_older_one().await;
        self.a_full_connection_is_written_and_deleted_at_once().await;
        self.of_changes_at_the_same_time_one_is_made().await;
        self.a_users_connections_are_listed_page_by_page().await;
        self.names_of_users_are_kept_apart().await;
        self.sweeping_leaves_what_is_recorded().await;
        self.a_token_is_used_once().await;
        self.a_connection_that_was_not_changed_used_no_token().await;
        self.a_race_for_a_token_has_one_winner().await;
        self.revocations_are_found_at_once().await;
        self.a_revocation_never_gets_earlier().await;
    }

    fn id(&self, name: &str) -> ConnectionId {
        let run = self.run;
        let id = format!("{name}{run:016x}=");
        id.parse().expect("base64 and short")
    }

    fn room(&self, name: &str) -> RoomId {
        let run = self.run;
        format!("{name}.{run:016x}").parse().expect("a room id")
    }

    fn connection(&self, id: &str, room: &str, connected_at: SystemTime) -> Connection {
        let claims = format!(r#"{{"sub":"{room}","user":"{id}"}}"#);
        let endpoint = endpoint("prod");
        Connection::new(
            self.id(id),
            endpoint,
            self.room(room),
            claims,
            connected_at,
            self.exp,
        )
    }

    async fn record(&self, connection: &Connection) {
        let recorded = self.registry.record(connection, None).await;
        assert_eq!(recorded.expect("a connection can be recorded"), Written::Done);
    }

    async fn forget(&self, seen: &Connection) -> bool {
        let forgotten = self.registry.forget(seen).await;
        forgotten.expect("forgetting can be tried")
    }

    /// Forgets a connection that must be recorded exactly so.
    async fn end(&self, connection: &Connection) {
        assert!(
            self.forget(connection).await,
            "{connection:?} is recorded and can be forgotten"
        );
    }

    /// Puts `next` in the place of `seen`. Returns whether `seen` was still there.
    async fn update(&self, seen: &Connection, next: &Connection) -> bool {
        let written = self.registry.update(seen, next, None).await;
        match written.expect("a change can be tried") {
            Written::Done => true,
            Written::Changed => false,
            Written::TokenUsed => panic!("no token is used"),
        }
    }

    async fn find(&self, id: &ConnectionId) -> Option<Connection> {
        let found = self.registry.find(id).await;
        found.expect("a connection can be looked for")
    }

    /// Lists a room page by page. No connection may come twice.
    async fn list(&self, room: &RoomId) -> BTreeMap<ConnectionId, RoomMember> {
        let mut listed = BTreeMap::new();
        let mut next = None;
        loop {
            let page = self.registry.members(room, next.as_ref()).await;
            let page = page.expect("a room can be listed");
            for member in page.items {
                let again = listed.insert(member.id.clone(), member);
                assert_eq!(again, None, "listed twice");
            }
            next = page.next;
            if next.is_none() {
                return listed;
            }
        }
    }

    /// Lists a user's connections page by page. No connection may come twice.
    async fn list_of(&self, user: &str) -> BTreeMap<ConnectionId, UserConnection> {
        let mut listed = BTreeMap::new();
        let mut next = None;
        loop {
            let page = self.registry.connections_of(user, next.as_ref()).await;
            let page = page.expect("a user's connections can be listed");
            for entry in page.items {
                let again = listed.insert(entry.id.clone(), entry);
                assert_eq!(again, None, "listed twice");
            }
            next = page.next;
            if next.is_none() {
                return listed;
            }
        }
    }

    /// All views of the registry must show exactly this connection.
    async fn expect(&self, connection: &Connection, when: &str) {
        let found = self.find(&connection.id).await;
        expect_same(found.as_ref(), connection, &format!("{when}: found"));
        for room in connection.rooms() {
            let listed = self.list(room).await;
            let member = connection.member_of(room);
            expect_same_member(
                listed.get(&connection.id),
                &member.expect("it is in its rooms"),
                &format!("{when}: listed"),
            );
        }
        if let Some(user) = &connection.user {
            let listed = self.list_of(user).await;
            let entry = UserConnection::new(connection.id.clone(), connection.endpoint.clone());
            assert_eq!(
                listed.get(&connection.id),
                Some(&entry),
                "{when}: listed of its user"
            );
        }
    }

    async fn expect_absent(&self, connection: &Connection, when: &str) {
        assert_eq!(self.find(&connection.id).await, None, "{when}: found");
        self.expect_not_listed(connection, when).await;
        if let Some(user) = &connection.user {
            let listed = self.list_of(user).await;
            assert_eq!(listed.get(&connection.id), None, "{when}: listed of its user");
        }
    }

    async fn expect_not_listed(&self, connection: &Connection, when: &str) {
        for room in connection.rooms() {
            self.expect_not_in(connection, room, when).await;
        }
    }

    async fn expect_not_in(&self, connection: &Connection, room: &RoomId, when: &str) {
        let listed = self.list(room).await;
        assert_eq!(listed.get(&connection.id), None, "{when}: listed in {room}");
    }

    /// Does the same with many, a few at a time.
    async fn each<'c>(&self, connections: &'c [Connection], act: impl AsyncFn(&'c Connection)) {
        stream::iter(connections)
            .for_each_concurrent(16, |connection| act(connection))
            .await;
    }
}

fn endpoint(stage: &str) -> ApiEndpoint {
    ApiEndpoint::new("a1b2c3d4e5", stage).expect("an endpoint")
}

fn expect_same(seen: Option<&Connection>, connection: &Connection, when: &str) {
    // `Debug` of a connection leaves out the claims: a difference there would not be shown.
    let claims = seen.map(|seen| seen.claims.as_str());
    assert_eq!(claims, Some(connection.claims.as_str()), "{when}: claims");
    assert_eq!(seen, Some(connection), "{when}");
}

fn expect_same_member(seen: Option<&RoomMember>, member: &RoomMember, when: &str) {
    let claims = seen.map(|seen| seen.claims.as_str());
    assert_eq!(claims, Some(member.claims.as_str()), "{when}: claims");
    assert_eq!(seen, Some(member), "{when}");
}
