//! Who is connected, and what is revoked: the [`Registry`] trait.
//!
//! API Gateway sends the token with `$connect` only. A registry keeps what was verified then, so that every
//! later route knows who speaks, and so that messages can be sent to a room.
//!
//! What the crate guarantees of what a registry keeps:
//!
//! * A record counts only for the connection that it was made for: id, endpoint and time of connecting must agree
//!   with the event, the room with the claims, and it never outlives its claims.
//! * A record is changed or deleted only as long as it is what was seen: a change in between wins. Each change is one
//!   step, all rooms of the connection included.
//! * A message costs one read, however many rooms its connection is in.
//!
//! What it does not: a registry is trusted. Whoever can write its table can make claims.

mod connection;
#[cfg(feature = "dynamodb")]
#[cfg_attr(docsrs, doc(cfg(feature = "dynamodb")))]
mod dynamo;
mod erased;
mod error;
mod member;
mod page;
mod revocation;

use std::fmt::Debug;

use crate::id::ConnectionId;
use crate::id::RoomId;

pub use crate::membership::Membership;
pub use connection::{Connection, MAX_CONNECTION_AGE};
#[cfg(feature = "dynamodb")]
#[cfg_attr(docsrs, doc(cfg(feature = "dynamodb")))]
pub use dynamo::{DEFAULT_PAGE_SIZE, DynamoRegistry, TABLE_ENV};
pub(crate) use erased::ErasedRegistry;
pub use error::{RegistryError, RegistryErrorKind};
pub(crate) use member::time_left;
pub use member::{RoomMember, Trace, UserConnection};
pub use page::{Page, PageToken};
pub use revocation::{Revocation, Revocations, Revoked, SingleUse, Written};

/// Keeps who is connected, and which tokens are revoked or used.
///
/// Every method may be repeated, since API Gateway and Lambda repeat. Reads are consistent: what a returned write
/// wrote, every later read finds. Implementations write plain `async fn`; check them by
/// `testing::registry_conformance` (feature `testing`). `testing::MemoryRegistry` is the shortest one to read.
///
/// No method has a default implementation: what a store does not do, nobody else does for it.
///
/// ```
/// use std::collections::{BTreeMap, BTreeSet};
/// use std::sync::Mutex;
///
/// use room_auth::registry::{
///     Page, PageToken, Revocation, Revocations, Revoked, RoomMember, SingleUse, Trace, UserConnection, Written,
/// };
/// use room_auth::{Connection, ConnectionId, Registry, RegistryError, RoomId};
///
/// #[derive(Debug, Default)]
/// struct OneProcess(Mutex<State>);
///
/// #[derive(Debug, Default)]
/// struct State {
///     connections: BTreeMap<ConnectionId, Connection>,
///     used: BTreeSet<String>,
///     revoked: BTreeMap<Revoked, Revocation>,
/// }
///
/// impl State {
///     fn write(&mut self, connection: &Connection, token: Option<&SingleUse>) -> Written {
///         if token.is_some_and(|token| !self.used.insert(token.token_id.clone())) {
///             return Written::TokenUsed;
///         }
///         self.connections.insert(connection.id.clone(), connection.clone());
///         Written::Done
///     }
/// }
///
/// impl Registry for OneProcess {
///     async fn record(&self, connection: &Connection, token: Option<&SingleUse>) -> Result<Written, RegistryError> {
///         let mut state = self.0.lock().unwrap();
///         match state.connections.get(&connection.id) {
///             Some(known) if known.connected_at >= connection.connected_at => Ok(Written::Done),
///             _ => Ok(state.write(connection, token)),
///         }
///     }
///
///     async fn find(&self, id: &ConnectionId) -> Result<Option<Connection>, RegistryError> {
///         Ok(self.0.lock().unwrap().connections.get(id).cloned())
///     }
///
///     async fn update(
///         &self,
///         seen: &Connection,
///         next: &Connection,
///         token: Option<&SingleUse>,
///     ) -> Result<Written, RegistryError> {
///         let mut state = self.0.lock().unwrap();
///         match state.connections.get(&seen.id) {
///             Some(known) if known.is_same_as(seen) => Ok(state.write(next, token)),
///             _ => Ok(Written::Changed),
///         }
///     }
///
///     async fn forget(&self, seen: &Connection) -> Result<bool, RegistryError> {
///         let mut state = self.0.lock().unwrap();
///         let is_seen = state.connections.get(&seen.id).is_some_and(|known| known.is_same_as(seen));
///         Ok(is_seen && state.connections.remove(&seen.id).is_some())
///     }
///
///     async fn members(&self, room: &RoomId, _: Option<&PageToken>) -> Result<Page<RoomMember>, RegistryError> {
///         let state = self.0.lock().unwrap();
///         let members = state.connections.values().filter_map(|known| known.member_of(room));
///         Ok(Page::new(members.collect(), None))
///     }
///
///     async fn connections_of(&self, user: &str, _: Option<&PageToken>) -> Result<Page<UserConnection>, RegistryError> {
///         let state = self.0.lock().unwrap();
///         let known = state.connections.values().filter(|known| known.user.as_deref() == Some(user));
///         let entries = known.map(|known| UserConnection::new(known.id.clone(), known.endpoint.clone()));
///         Ok(Page::new(entries.collect(), None))
///     }
///
///     async fn sweep(&self, _: Trace<'_>) -> Result<(), RegistryError> {
///         Ok(()) // the listings are made of the connections themselves
///     }
///
///     async fn revoke(&self, revocation: &Revocation) -> Result<(), RegistryError> {
///         let mut state = self.0.lock().unwrap();
///         let marker = state.revoked.entry(revocation.revoked.clone()).or_insert_with(|| revocation.clone());
///         marker.not_before = marker.not_before.max(revocation.not_before);
///         Ok(())
///     }
///
///     async fn revocations(&self, user: Option<&str>, token: Option<&str>) -> Result<Revocations, RegistryError> {
///         let state = self.0.lock().unwrap();
///         let find = |revoked: Revoked| state.revoked.get(&revoked).map(|marker| marker.not_before);
///         let user = user.and_then(|user| find(Revoked::User(user.to_owned())));
///         let token = token.and_then(|token| find(Revoked::Token(token.to_owned())));
///         Ok(Revocations::new(user, token))
///     }
/// }
/// ```
pub trait Registry: Debug + Send + Sync + 'static {
    /// Records a connection, and the use of its token if it is accepted once, in one step.
    ///
    /// An older connection of the same id (by [`Connection::connected_at`]) is replaced, and leaves all its rooms. A
    /// newer one stays, and so does the connection itself if it is recorded already, changed or not: both are
    /// [`Written::Done`], whatever became of the token.
    fn record(
        &self,
        connection: &Connection,
        token: Option<&SingleUse>,
    ) -> impl Future<Output = Result<Written, RegistryError>> + Send;

    /// Returns the connection of this id with all its memberships, expired or not, by one read.
    fn find(
        &self,
        id: &ConnectionId,
    ) -> impl Future<Output = Result<Option<Connection>, RegistryError>> + Send;

    /// Puts `next` in the place of `seen`, and records the use of the token that changed it, in one step: if what is
    /// recorded [is the same as](Connection::is_same_as) `seen`. In the rooms of `next` it is listed as
    /// [`Connection::member_of`] says, in other rooms no longer.
    ///
    /// `next` is the same connection, and differs in what
    /// [`renewed`](Connection::renewed), [`joined`](Connection::joined) and [`left`](Connection::left) change.
    fn update(
        &self,
        seen: &Connection,
        next: &Connection,
        token: Option<&SingleUse>,
    ) -> impl Future<Output = Result<Written, RegistryError>> + Send;

    /// Deletes the recorded connection, in all its rooms, if it [is the same as](Connection::is_same_as) `seen`; one
    /// that was changed or replaced since it was seen stays as it is. Returns whether it was deleted.
    fn forget(&self, seen: &Connection) -> impl Future<Output = Result<bool, RegistryError>> + Send;

    /// Returns a page of the connections in a room, expired ones included, each with its claims for that room; `from`
    /// is [`Page::next`] of the page before.
    fn members(
        &self,
        room: &RoomId,
        from: Option<&PageToken>,
    ) -> impl Future<Output = Result<Page<RoomMember>, RegistryError>> + Send;

    /// Returns a page of the connections of a user, expired ones included.
    fn connections_of(
        &self,
        user: &str,
        from: Option<&PageToken>,
    ) -> impl Future<Output = Result<Page<UserConnection>, RegistryError>> + Send;

    /// Deletes an entry of a listing if no recorded connection belongs to it. The connection that now has its id stays
    /// as it is.
    fn sweep(&self, trace: Trace<'_>) -> impl Future<Output = Result<(), RegistryError>> + Send;

    /// Keeps a marker until [`Revocation::expires_at`], at least. One that is there already gets the later of both
    /// times each.
    fn revoke(&self, revocation: &Revocation) -> impl Future<Output = Result<(), RegistryError>> + Send;

    /// Returns the markers of a user and of a token, by one read. What cannot be read is an error, never no marker.
    fn revocations(
        &self,
        user: Option<&str>,
        token_id: Option<&str>,
    ) -> impl Future<Output = Result<Revocations, RegistryError>> + Send;
}
