//! Who is connected: the [`Registry`] trait.
//!
//! API Gateway sends the token with `$connect` only. A registry keeps what was verified then, so that every
//! later route knows who speaks, and so that messages can be sent to a room.

pub(crate) mod conformance;
#[cfg(feature = "dynamodb")]
#[cfg_attr(docsrs, doc(cfg(feature = "dynamodb")))]
mod dynamo;

use std::fmt;
use std::sync::Arc;

use crate::id::ConnectionId;
use crate::id::RoomId;

#[cfg(feature = "dynamodb")]
#[cfg_attr(docsrs, doc(cfg(feature = "dynamodb")))]
pub use dynamo::{DEFAULT_PAGE_SIZE, DynamoRegistry, TABLE_VARIABLE};

/// A boxed future, so that registries and transports can be trait objects.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The longest that API Gateway keeps a WebSocket connection, in seconds (2 hours; API Gateway quota page).
pub const MAX_CONNECTION_SECONDS: u64 = 2 * 60 * 60;

/// One live connection and what was verified about it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection {
    /// The id that API Gateway gave it.
    pub id: ConnectionId,
    /// The room, from the claims.
    pub room: RoomId,
    /// The verified claims, as the JSON object that the token's payload was.
    pub claims: String,
    /// When it was made: API Gateway's `connectedAt`, in milliseconds since the epoch. Tells it from an older
    /// connection of the same id.
    pub connected_at: u64,
    /// From when on it counts no more, in seconds since the epoch: the earlier of the token's `exp` and two
    /// hours after [`connected_at`](Self::connected_at).
    pub expires_at: u64,
}

impl Connection {
    /// A connection whose token expires at `exp` (seconds since the epoch).
    pub fn new(
        id: ConnectionId,
        room: RoomId,
        claims: impl Into<String>,
        connected_at: u64,
        exp: u64,
    ) -> Self {
        let expires_at = exp.min(connected_at / 1000 + MAX_CONNECTION_SECONDS);
        Self {
            id,
            room,
            claims: claims.into(),
            connected_at,
            expires_at,
        }
    }

    /// The same connection with the claims of a new token.
    #[must_use]
    pub fn renewed(&self, claims: impl Into<String>, exp: u64) -> Self {
        Self::new(self.id.clone(), self.room.clone(), claims, self.connected_at, exp)
    }
}

/// Claims may hold personal data: `Debug` leaves them out.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("id", &self.id)
            .field("room", &self.room)
            .field("connected_at", &self.connected_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A member of a room, as a listing tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// The connection.
    pub connection_id: ConnectionId,
    /// Milliseconds since the epoch; see [`Connection::connected_at`].
    pub connected_at: u64,
    /// Seconds since the epoch; see [`Connection::expires_at`].
    pub expires_at: u64,
}

impl Member {
    /// A member of a listing.
    pub fn new(connection_id: ConnectionId, connected_at: u64, expires_at: u64) -> Self {
        Self {
            connection_id,
            connected_at,
            expires_at,
        }
    }
}

/// A part of a room's members.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct MemberPage {
    /// The members of this part, expired ones included: the reader filters.
    pub members: Vec<Member>,
    /// Where the next part begins; `None` after the last.
    pub next: Option<PageToken>,
}

impl MemberPage {
    /// A page and where the next one begins.
    pub fn new(members: Vec<Member>, next: Option<PageToken>) -> Self {
        Self { members, next }
    }
}

/// Where a listing goes on. Its contents belong to the registry that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageToken(String);

impl PageToken {
    /// A token with contents of the registry's own.
    pub fn new(contents: impl Into<String>) -> Self {
        Self(contents.into())
    }

    /// The contents.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Keeps who is connected.
///
/// Every method is idempotent: API Gateway and Lambda repeat. Reads are consistent: what a returned write wrote,
/// every later read finds.
pub trait Registry: fmt::Debug + Send + Sync + 'static {
    /// Records a connection. An older connection of the same id is replaced, and leaves its room; a newer one is
    /// left alone, and so is the connection itself if it is recorded already, both without an error.
    fn record<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Result<(), RegistryError>>;

    /// The connection of this id, expired or not.
    fn find<'a>(&'a self, id: &'a ConnectionId) -> BoxFuture<'a, Result<Option<Connection>, RegistryError>>;

    /// Replaces claims and expiry of the connection with the same id and `connected_at`; `false` if there is
    /// none (any more).
    fn renew<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Result<bool, RegistryError>>;

    /// Forgets the connection, if it has this room and `connected_at`; otherwise changes nothing.
    fn forget<'a>(
        &'a self,
        id: &'a ConnectionId,
        room: &'a RoomId,
        connected_at: u64,
    ) -> BoxFuture<'a, Result<(), RegistryError>>;

    /// The members of a room, from `from` on, a page at a time.
    fn members<'a>(
        &'a self,
        room: &'a RoomId,
        from: Option<&'a PageToken>,
    ) -> BoxFuture<'a, Result<MemberPage, RegistryError>>;
}

impl<R: Registry + ?Sized> Registry for Arc<R> {
    fn record<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Result<(), RegistryError>> {
        (**self).record(connection)
    }

    fn find<'a>(&'a self, id: &'a ConnectionId) -> BoxFuture<'a, Result<Option<Connection>, RegistryError>> {
        (**self).find(id)
    }

    fn renew<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Result<bool, RegistryError>> {
        (**self).renew(connection)
    }

    fn forget<'a>(
        &'a self,
        id: &'a ConnectionId,
        room: &'a RoomId,
        connected_at: u64,
    ) -> BoxFuture<'a, Result<(), RegistryError>> {
        (**self).forget(id, room, connected_at)
    }

    fn members<'a>(
        &'a self,
        room: &'a RoomId,
        from: Option<&'a PageToken>,
    ) -> BoxFuture<'a, Result<MemberPage, RegistryError>> {
        (**self).members(room, from)
    }
}

/// Why the registry could not do its work. The peer is not to blame: the request gets a 500.
#[derive(Debug, thiserror::Error)]
#[error("the registry could not {action}")]
pub struct RegistryError {
    action: &'static str,
    is_throttled: bool,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl RegistryError {
    /// An error of what was attempted ("record the connection").
    pub fn new(action: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            action,
            is_throttled: false,
            source: Some(source.into()),
        }
    }

    /// The store had no capacity left, after the registry's own retries.
    pub fn throttled(action: &'static str) -> Self {
        Self {
            action,
            is_throttled: true,
            source: None,
        }
    }

    /// Whether it was for lack of capacity.
    pub fn is_throttled(&self) -> bool {
        self.is_throttled
    }
}
