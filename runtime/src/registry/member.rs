//! What listings show: one connection in a room, or of a user.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;

use crate::claims::RoomClaims;
use crate::endpoint::ApiEndpoint;
use crate::id::ConnectionId;
use crate::id::RoomId;
use crate::token::RoomSource;

/// How far clocks may be apart: those of API Gateway and of this machine, and API Gateway's own in the
/// `connectedAt` of several events of one connection, of which AWS promises nothing.
pub(super) const CLOCK_TOLERANCE: Duration = Duration::from_mins(1);

/// One connection as one of its rooms lists it. [`Connection::member_of`](super::Connection::member_of) makes it.
///
/// `Debug` leaves the claims out: they may hold personal data.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoomMember {
    /// The connection.
    pub id: ConnectionId,
    /// The API and stage through which it is reached.
    pub endpoint: ApiEndpoint,
    /// The room.
    pub room: RoomId,
    /// The verified claims for this room.
    pub claims: String,
    /// The user, where a user claim is configured.
    pub user: Option<String>,
    /// When the connection was made, to the millisecond.
    pub connected_at: SystemTime,
    /// When it is no longer in this room, to the second: the earlier of the membership's and the connection's expiry.
    pub expires_at: SystemTime,
}

impl RoomMember {
    /// Returns the recorded claims, whose room `source` says. `None` if they are not claims of this type, are for
    /// another room, or expire before the record does: a record that contradicts its claims proves nothing.
    pub(crate) fn room_claims<T: DeserializeOwned>(&self, source: &RoomSource) -> Option<RoomClaims<T>> {
        let claims = source.read_recorded::<T>(&self.claims, Some(&self.room), None)?;
        let is_of_record = *claims.room_id() == self.room && self.expires_at <= claims.expires_at();
        is_of_record.then(|| claims.of_user(self.user.as_deref()))
    }
}

impl fmt::Debug for RoomMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoomMember")
            .field("id", &self.id)
            .field("endpoint", &self.endpoint)
            .field("room", &self.room)
            .field("connected_at", &self.connected_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// One connection as its user's listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserConnection {
    /// The connection.
    pub id: ConnectionId,
    /// The API and stage through which it is reached.
    pub endpoint: ApiEndpoint,
}

impl UserConnection {
    /// Creates an entry of a user's listing.
    pub fn new(id: ConnectionId, endpoint: ApiEndpoint) -> Self {
        Self { id, endpoint }
    }
}

/// An entry of a listing to which no recorded connection may belong any more: a store may delete what is long over
/// entry by entry, and API Gateway may give an id to another connection.
#[derive(Clone, Copy, Debug)]
pub enum Trace<'a> {
    /// An entry in a room.
    Member(&'a RoomMember),
    /// An entry of a user.
    User(&'a str, &'a UserConnection),
}

/// How long a connection, or its membership of a room, still lasts.
pub(crate) fn time_left(
    connected_at: SystemTime,
    expires_at: SystemTime,
    now: SystemTime,
    leeway: Duration,
) -> Duration {
    if now + CLOCK_TOLERANCE < connected_at {
        return Duration::ZERO;
    }
    (expires_at + leeway).duration_since(now).unwrap_or_default()
}
