//! What a registry keeps of a connection.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;

use crate::claims::RoomClaims;
use crate::clock::unix_seconds;
use crate::endpoint::ApiEndpoint;
use crate::id::ConnectionId;
use crate::id::RoomId;
use crate::token::RoomSource;

/// The longest that API Gateway keeps a WebSocket connection (2 hours; API Gateway quota page).
pub const MAX_CONNECTION_AGE: Duration = Duration::from_hours(2);

/// How far clocks may be apart: those of API Gateway and of this machine, and API Gateway's own in the
/// `connectedAt` of several events of one connection, of which AWS promises nothing.
const CLOCK_TOLERANCE: Duration = Duration::from_mins(1);

/// One live connection and what was verified about it.
///
/// `Debug` leaves the claims out: they may hold personal data.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection {
    /// The id that API Gateway gave it.
    pub id: ConnectionId,
    /// The API and stage through which it is reached.
    pub endpoint: ApiEndpoint,
    /// The room that the claims are for.
    pub room: RoomId,
    /// The verified claims: the JSON object that was the token's payload.
    pub claims: String,
    /// When it was made: API Gateway's `connectedAt`, to the millisecond. Tells it from an older connection of the
    /// same id.
    pub connected_at: SystemTime,
    /// When it expires, to the second: the earlier of the token's `exp` and [`MAX_CONNECTION_AGE`] after
    /// [`connected_at`](Self::connected_at).
    pub expires_at: SystemTime,
}

impl Connection {
    /// Creates a connection whose token expires at `token_expires_at`.
    pub fn new(
        id: ConnectionId,
        endpoint: ApiEndpoint,
        room: RoomId,
        claims: impl Into<String>,
        connected_at: SystemTime,
        token_expires_at: SystemTime,
    ) -> Self {
        Self {
            id,
            endpoint,
            room,
            claims: claims.into(),
            connected_at,
            expires_at: token_expires_at.min(end_of_connection(connected_at)),
        }
    }

    /// Returns the same connection with the claims of a new token.
    #[must_use]
    pub fn renewed(&self, claims: impl Into<String>, token_expires_at: SystemTime) -> Self {
        Self {
            claims: claims.into(),
            expires_at: token_expires_at.min(end_of_connection(self.connected_at)),
            ..self.clone()
        }
    }

    /// Returns whether both are the same connection with the same expiry: not renewed in between.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.is_same_connection(other) && self.expires_at == other.expires_at
    }

    /// Returns whether both are the same connection, renewed or not: id, endpoint, room and time of connecting agree.
    pub fn is_same_connection(&self, other: &Self) -> bool {
        self.id == other.id
            && self.endpoint == other.endpoint
            && self.room == other.room
            && self.connected_at == other.connected_at
    }

    /// Returns the recorded claims, whose room `source` says. `None` if they are not claims of this type, are for another room, or expire before
    /// the record does: a record that contradicts its claims proves nothing.
    pub(crate) fn room_claims<T: DeserializeOwned>(&self, source: &RoomSource) -> Option<RoomClaims<T>> {
        source
            .read_recorded::<T>(&self.claims, Some(&self.room))
            .filter(|claims| *claims.room_id() == self.room && self.expires_at <= claims.expires_at())
    }

    /// Returns whether the connection has expired by `now`, `leeway` after its expiry. A clock that is before the
    /// connection was made is wrong, and expires it.
    pub(crate) fn has_expired(&self, now: SystemTime, leeway: Duration) -> bool {
        self.time_left(now, leeway).is_zero()
    }

    /// Returns how long the connection may still receive.
    pub(crate) fn time_left(&self, now: SystemTime, leeway: Duration) -> Duration {
        if now + CLOCK_TOLERANCE < self.connected_at {
            return Duration::ZERO;
        }
        (self.expires_at + leeway).duration_since(now).unwrap_or_default()
    }

    /// Returns whether an event of a connection made at `connected_at` can be of this one.
    pub(crate) fn was_made_at(&self, connected_at: SystemTime) -> bool {
        let apart = match self.connected_at.duration_since(connected_at) {
            Ok(apart) => apart,
            Err(earlier) => earlier.duration(),
        };
        apart <= CLOCK_TOLERANCE
    }
}

/// API Gateway's end of a connection, to the second.
fn end_of_connection(connected_at: SystemTime) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(unix_seconds(connected_at)) + MAX_CONNECTION_AGE
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("id", &self.id)
            .field("endpoint", &self.endpoint)
            .field("room", &self.room)
            .field("connected_at", &self.connected_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A part of the connections in a room.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ConnectionPage {
    /// The connections of this part, expired ones included: the reader filters.
    pub connections: Vec<Connection>,
    /// Where the next part begins; `None` after the last.
    pub next: Option<PageToken>,
}

impl ConnectionPage {
    /// Creates a page.
    pub fn new(connections: Vec<Connection>, next: Option<PageToken>) -> Self {
        Self { connections, next }
    }
}

/// Where a listing goes on. Its contents belong to the registry that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageToken(String);

impl PageToken {
    /// Creates a token with contents of the registry's own.
    pub fn new(contents: impl Into<String>) -> Self {
        Self(contents.into())
    }

    /// Returns the contents.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
