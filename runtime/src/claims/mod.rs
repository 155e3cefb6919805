//! What a verified token says: the room, the user, the times, what it allows, and the user's own claims.

mod capabilities;
mod room_claims;
mod standard;

pub(crate) use capabilities::is_capability;
pub use room_claims::RoomClaims;
pub(crate) use standard::{InvalidClaim, StandardClaims};
