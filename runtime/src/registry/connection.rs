//! What a registry keeps of a connection.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;

use super::member::{CLOCK_TOLERANCE, RoomMember, time_left};
use crate::claims::RoomClaims;
use crate::clock::unix_seconds;
use crate::endpoint::ApiEndpoint;
use crate::id::ConnectionId;
use crate::id::RoomId;
use crate::membership::Membership;
use crate::token::RoomSource;

/// The longest that API Gateway keeps a WebSocket connection (2 hours; API Gateway quota page).
pub const MAX_CONNECTION_AGE: Duration = Duration::from_hours(2);

/// One live connection, what was verified about it, and the rooms that it is in.
///
/// A connection that changes becomes another value ([`renewed`](Self::renewed), [`joined`](Self::joined),
/// [`left`](Self::left)) whose [`version`](Self::version) is higher, and a registry takes it in place of exactly
/// the one that was seen.
///
/// `Debug` leaves claims and user out: they may be personal data.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection {
    /// The id that API Gateway gave it.
    pub id: ConnectionId,
    /// The API and stage through which it is reached.
    pub endpoint: ApiEndpoint,
    /// The room of `$connect`, which the claims are for.
    pub room: RoomId,
    /// The verified claims for this room: the JSON object that was the token's payload.
    pub claims: String,
    /// The user, where a user claim is configured.
    pub user: Option<String>,
    /// When it was made: API Gateway's `connectedAt`, to the millisecond. Tells it from an older connection of the
    /// same id.
    pub connected_at: SystemTime,
    /// When it expires, to the second, and with it all its memberships: the earlier of the token's `exp` and
    /// [`MAX_CONNECTION_AGE`] after [`connected_at`](Self::connected_at).
    pub expires_at: SystemTime,
    /// Counts the changes since it was recorded.
    pub version: u64,
    /// Ordered by room.
    pub(crate) memberships: Arc<[Membership]>,
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
            user: None,
            connected_at,
            expires_at: token_expires_at.min(end_of_connection(connected_at)),
            version: 0,
            memberships: Arc::default(),
        }
    }

    /// Names the user.
    #[must_use]
    pub fn with_user(mut self, user: Option<&str>) -> Self {
        self.user = user.map(Into::into);
        self
    }

    /// Puts the connection into exactly these further rooms, as a registry does that reads it from its store.
    #[must_use]
    pub fn with_memberships(mut self, memberships: impl IntoIterator<Item = Membership>) -> Self {
        let mut memberships: Vec<_> = memberships.into_iter().collect();
        memberships.sort_unstable_by(|one, other| one.room.cmp(&other.room));
        self.memberships = memberships.into();
        self
    }

    /// Returns the rooms beside that of `$connect`, lapsed ones included.
    pub fn memberships(&self) -> &[Membership] {
        &self.memberships
    }

    /// Returns the same connection with the claims of a new token for its own room. What it joined stays, and may last
    /// as long as the connection does now.
    #[must_use]
    pub fn renewed(&self, claims: impl Into<String>, token_expires_at: SystemTime) -> Self {
        Self {
            claims: claims.into(),
            expires_at: token_expires_at.min(end_of_connection(self.connected_at)),
            ..self.changed()
        }
    }

    /// Returns the same connection as a member of a further room, by the claims of a token for it. They replace those
    /// of an earlier token for the room.
    #[must_use]
    pub fn joined(&self, room: &RoomId, claims: impl Into<String>, token_expires_at: SystemTime) -> Self {
        let expires_at = token_expires_at.min(end_of_connection(self.connected_at));
        let joined = Membership::new(room.clone(), claims, expires_at);
        let others = self.memberships.iter().filter(|other| other.room != *room);
        self.changed()
            .with_memberships(others.cloned().chain([joined]).collect::<Vec<_>>())
    }

    /// Returns the same connection without the further rooms that `leaves` holds for.
    #[must_use]
    pub fn left(&self, leaves: impl Fn(&Membership) -> bool) -> Self {
        let others = self.memberships.iter().filter(|other| !leaves(other));
        self.changed()
            .with_memberships(others.cloned().collect::<Vec<_>>())
    }

    fn changed(&self) -> Self {
        Self {
            version: self.version + 1,
            ..self.clone()
        }
    }

    /// Returns the connection as `room` lists it; `None` if it is not in that room.
    pub fn member_of(&self, room: &RoomId) -> Option<RoomMember> {
        let (claims, expires_at) = if *room == self.room {
            (&self.claims, self.expires_at)
        } else {
            let membership = self.memberships.iter().find(|one| one.room == *room)?;
            (&membership.claims, membership.expires_at.min(self.expires_at))
        };
        Some(RoomMember {
            id: self.id.clone(),
            endpoint: self.endpoint.clone(),
            room: room.clone(),
            claims: claims.clone(),
            user: self.user.clone(),
            connected_at: self.connected_at,
            expires_at,
        })
    }

    /// Returns the connection as its own room lists it.
    pub(crate) fn member(&self) -> RoomMember {
        self.member_of(&self.room)
            .expect("a connection is in its own room")
    }

    /// Returns whether the connection is in a room, if only by a membership that has lapsed.
    pub fn is_in(&self, room: &RoomId) -> bool {
        self.rooms().any(|one| one == room)
    }

    /// Returns all rooms of the connection, that of `$connect` first, lapsed ones included.
    pub fn rooms(&self) -> impl Iterator<Item = &RoomId> {
        let further = self.memberships.iter().map(|membership| &membership.room);
        std::iter::once(&self.room).chain(further)
    }

    /// Returns whether both are the same connection in the same state: not changed in between.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.is_same_connection(other) && self.version == other.version
    }

    /// Returns whether both are the same connection, changed or not: id, endpoint, room and time of connecting agree.
    pub fn is_same_connection(&self, other: &Self) -> bool {
        self.id == other.id
            && self.endpoint == other.endpoint
            && self.room == other.room
            && self.connected_at == other.connected_at
    }

    /// Returns whether `member` is an entry of this connection, in whatever room.
    pub(crate) fn is_connection_of(&self, member: &RoomMember) -> bool {
        self.id == member.id && self.endpoint == member.endpoint && self.connected_at == member.connected_at
    }

    /// Returns the recorded claims, whose room `source` says, and which know the further rooms. `None` if they prove
    /// nothing.
    pub(crate) fn room_claims<T: DeserializeOwned>(&self, source: &RoomSource) -> Option<RoomClaims<T>> {
        let claims = self.member().room_claims(source)?;
        Some(claims.with_memberships(self.memberships.clone()))
    }

    /// Returns whether the connection has expired by `now`, `leeway` after its expiry. A clock that is before the
    /// connection was made is wrong, and expires it.
    pub(crate) fn has_expired(&self, now: SystemTime, leeway: Duration) -> bool {
        time_left(self.connected_at, self.expires_at, now, leeway).is_zero()
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
            .field("version", &self.version)
            .field("memberships", &self.memberships)
            .finish_non_exhaustive()
    }
}
