//! A further room of a connection.

use std::fmt;
use std::time::SystemTime;

use crate::id::RoomId;

/// A room that a connection joined beside the one of its `$connect`, and what was verified for it.
///
/// `Debug` leaves the claims out: they may hold personal data.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Membership {
    /// The room, from the claims.
    pub room: RoomId,
    /// The verified claims: the JSON object that was the token's payload.
    pub claims: String,
    /// When the membership lapses by itself, to the second. It ends with its connection in any case.
    pub expires_at: SystemTime,
}

impl Membership {
    /// Creates a membership, as a registry does that reads it from its store.
    pub fn new(room: RoomId, claims: impl Into<String>, expires_at: SystemTime) -> Self {
        Self {
            room,
            claims: claims.into(),
            expires_at,
        }
    }
}

impl fmt::Debug for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Membership")
            .field("room", &self.room)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
