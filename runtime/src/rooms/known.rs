//! What is known of a connection within an invocation.

use std::time::SystemTime;

use crate::claims::RoomClaims;
use crate::membership::Membership;
use crate::registry::Connection;

/// What is known of the connection: as the layer found it, and as this invocation changed it.
pub(super) struct Known {
    /// When the newest claims for the room of `$connect` expire.
    pub(super) expires_at: SystemTime,
    pub(super) memberships: Vec<Membership>,
}

impl Known {
    /// As the layer found it.
    pub(super) fn of<T>(claims: &RoomClaims<T>) -> Self {
        Self {
            expires_at: claims.expires_at(),
            memberships: claims.memberships().to_vec(),
        }
    }
}

impl From<&Connection> for Known {
    fn from(recorded: &Connection) -> Self {
        Self {
            expires_at: recorded.expires_at,
            memberships: recorded.memberships().to_vec(),
        }
    }
}
