//! Revokes users in the rooms of the chat. A backend does this beside the functions: over the same table and the same
//! connections, and with permissions of its own.

use room_auth::{
    RegistryError, RoomId,
    registry::DynamoRegistry,
    rooms::{Broadcast, DisconnectReport, Rooms},
    transport::ManagementApi,
};
use serde_json::json;

use crate::{DemoError, aws, database::TABLE, events::Events};

#[derive(Debug)]
pub(crate) struct Revocation {
    rooms: Rooms,
    events: Events,
}

impl Revocation {
    /// Makes one over the URLs of the database and of @connections.
    pub(crate) fn new(database: &str, connections: &str, events: Events) -> Result<Self, DemoError> {
        let registry = DynamoRegistry::new(&aws::dynamodb(database), TABLE);
        let transport = ManagementApi::new(&aws::config())
            .and_then(|transport| transport.with_endpoint_url(connections))?;
        Ok(Self {
            rooms: Rooms::new(registry, transport),
            events,
        })
    }

    /// Refuses all tokens of the user that were issued by now, and ends all connections.
    ///
    /// # Errors
    ///
    /// See [`Rooms::revoke_user`]; it may be repeated.
    pub(crate) async fn revoke(&self, user: &str) -> Result<DisconnectReport, RegistryError> {
        let running = self.events.revoking().await;
        let revoked = self.rooms.revoke_user(user).await;
        let is_complete = revoked.as_ref().is_ok_and(DisconnectReport::is_complete);
        running.end(is_complete);
        revoked
    }

    /// Tells a room that the user has left it: the functions know nothing of a revoked connection, so they tell nobody.
    /// What others miss by this is only a notice.
    pub(crate) async fn tell_left(&self, user: &str, room: &RoomId) {
        let left = json!({"type": "left", "room": room, "user": user});
        let _ = self.rooms.broadcast(Broadcast::new(room, &left).best_effort()).await;
    }
}
