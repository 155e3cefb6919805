//! Who is connected: the [`Registry`] trait.
//!
//! API Gateway sends the token with `$connect` only. A registry keeps what was verified then, so that every
//! later route knows who speaks, and so that messages can be sent to a room.
//!
//! What the crate guarantees of what a registry keeps:
//!
//! * A record counts only for the connection that it was made for: id, endpoint and time of connecting must agree
//!   with the event, the room with the claims, and it never outlives its claims.
//! * A record is changed or deleted only as long as it is what was seen: a renewal in between wins.
//!
//! What it does not: a registry is trusted. Whoever can write its table can make claims.

mod connection;
#[cfg(feature = "dynamodb")]
#[cfg_attr(docsrs, doc(cfg(feature = "dynamodb")))]
mod dynamo;
mod erased;
mod error;

use std::fmt::Debug;

use crate::id::ConnectionId;
use crate::id::RoomId;

pub use connection::{Connection, ConnectionPage, MAX_CONNECTION_AGE, PageToken};
#[cfg(feature = "dynamodb")]
#[cfg_attr(docsrs, doc(cfg(feature = "dynamodb")))]
pub use dynamo::{DEFAULT_PAGE_SIZE, DynamoRegistry, TABLE_ENV};
pub(crate) use erased::ErasedRegistry;
pub use error::{RegistryError, RegistryErrorKind};

/// Keeps who is connected.
///
/// Every method is idempotent, since API Gateway and Lambda repeat. Reads are consistent: what a returned write
/// wrote, every later read finds. Implementations write plain `async fn`; check them by
/// `testing::registry_conformance` (feature `testing`). Later versions may add methods with default implementations.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
///
/// use room_auth::registry::{ConnectionPage, PageToken};
/// use room_auth::{Connection, ConnectionId, Registry, RegistryError, RoomId};
///
/// #[derive(Debug, Default)]
/// struct OneProcess(Mutex<HashMap<ConnectionId, Connection>>);
///
/// impl Registry for OneProcess {
///     async fn record(&self, connection: &Connection) -> Result<(), RegistryError> {
///         let mut known = self.0.lock().unwrap();
///         let recorded = known.entry(connection.id.clone()).or_insert_with(|| connection.clone());
///         if recorded.connected_at < connection.connected_at {
///             *recorded = connection.clone();
///         }
///         Ok(())
///     }
///
///     async fn find(&self, id: &ConnectionId) -> Result<Option<Connection>, RegistryError> {
///         Ok(self.0.lock().unwrap().get(id).cloned())
///     }
///
///     async fn renew(&self, renewed: &Connection) -> Result<bool, RegistryError> {
///         let mut known = self.0.lock().unwrap();
///         let recorded = known.get_mut(&renewed.id);
///         let recorded = recorded.filter(|recorded| recorded.is_same_connection(renewed));
///         Ok(recorded.map(|recorded| *recorded = renewed.clone()).is_some())
///     }
///
///     async fn forget(&self, seen: &Connection) -> Result<bool, RegistryError> {
///         let mut known = self.0.lock().unwrap();
///         let is_seen = known.get(&seen.id).is_some_and(|recorded| recorded.is_same_as(seen));
///         Ok(is_seen && known.remove(&seen.id).is_some())
///     }
///
///     async fn members(&self, room: &RoomId, _: Option<&PageToken>) -> Result<ConnectionPage, RegistryError> {
///         let known = self.0.lock().unwrap();
///         let members = known.values().filter(|connection| connection.room == *room);
///         Ok(ConnectionPage::new(members.cloned().collect(), None))
///     }
/// }
/// ```
pub trait Registry: Debug + Send + Sync + 'static {
    /// Records a connection. An older connection of the same id (by [`Connection::connected_at`]) is replaced and
    /// leaves its room; a newer one stays, and so does the connection itself if it is recorded already, both
    /// without an error.
    fn record(&self, connection: &Connection) -> impl Future<Output = Result<(), RegistryError>> + Send;

    /// Returns the connection of this id, expired or not.
    fn find(
        &self,
        id: &ConnectionId,
    ) -> impl Future<Output = Result<Option<Connection>, RegistryError>> + Send;

    /// Replaces claims and expiry of the recorded connection by those of `renewed`, if it is
    /// [the same connection](Connection::is_same_connection). Returns whether it was.
    fn renew(&self, renewed: &Connection) -> impl Future<Output = Result<bool, RegistryError>> + Send;

    /// Deletes the recorded connection if it [is the same as](Connection::is_same_as) `seen`; one that was
    /// renewed or replaced since it was seen stays as it is. Returns whether it was deleted.
    ///
    /// A trace of `seen` in its room that belongs to no recorded connection is deleted in any case.
    fn forget(&self, seen: &Connection) -> impl Future<Output = Result<bool, RegistryError>> + Send;

    /// Returns a page of the connections in a room, expired ones included; `from` is
    /// [`ConnectionPage::next`] of the page before.
    fn members(
        &self,
        room: &RoomId,
        from: Option<&PageToken>,
    ) -> impl Future<Output = Result<ConnectionPage, RegistryError>> + Send;
}
