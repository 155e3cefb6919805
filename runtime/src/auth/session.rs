//! What the layer does around a handler that takes time: reading and writing the registry, ending connections.

use std::sync::Arc;

use super::layer::RoomAuthLayer;
use super::rejection::{Rejection, RejectionKind};
use super::report::refuse;
use super::start::Recorded;
use crate::claims::RoomClaims;
use crate::event::{EventType, View};
use crate::id::ConnectionId;
use crate::registry::{Connection, Registry, RegistryError};
use crate::token::VerifyErrorKind;
use crate::transport::{ApiEndpoint, Transport, TransportError};

/// The last frame of a connection whose token has expired.
const EXPIRED_FRAME: &[u8] = br#"{"message":"token expired"}"#;

/// An event of a connection, as far as it is needed after the event itself is gone.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) event_type: EventType,
    pub(crate) route: Box<str>,
    pub(crate) connection_id: ConnectionId,
    pub(crate) connected_at: Option<u64>,
    pub(crate) endpoint: Option<ApiEndpoint>,
}

impl Origin {
    pub(crate) fn of(view: &View<'_>) -> Self {
        Self {
            event_type: view.event_type,
            route: (*view.route).into(),
            connection_id: view.connection_id.clone(),
            connected_at: view.connected_at,
            endpoint: match (&view.domain_name, &view.stage) {
                (Some(domain_name), Some(stage)) => Some(ApiEndpoint::new(domain_name, stage)),
                _ => None,
            },
        }
    }

    /// The connection that a `$connect` makes, to be recorded; refused without its time.
    pub(crate) fn connection<T>(
        &self,
        claims: &RoomClaims<T>,
        payload: Vec<u8>,
    ) -> Result<Connection, Rejection> {
        let connected_at = self
            .connected_at
            .ok_or_else(|| self.refuse(RejectionKind::Event))?;
        // The payload was read as JSON, which is UTF-8.
        let payload = String::from_utf8(payload).map_err(|_| self.refuse(RejectionKind::Event))?;
        let (id, room) = (self.connection_id.clone(), claims.room_id().clone());
        Ok(Connection::new(
            id,
            room,
            payload,
            connected_at,
            claims.expires_at_seconds(),
        ))
    }

    pub(crate) fn refuse(&self, kind: RejectionKind) -> Rejection {
        refuse(kind, self.connection_id.as_str(), &self.route)
    }

    fn fault(&self, error: &RegistryError) -> Rejection {
        tracing::error!(target: "room_auth", error = error as &dyn std::error::Error, "the registry failed");
        self.refuse(RejectionKind::Registry)
    }
}

/// What the registry knows about the connection that an event came from.
pub(crate) async fn find(
    layer: RoomAuthLayer,
    registry: Arc<dyn Registry>,
    from: Origin,
) -> Result<Recorded, Rejection> {
    let found = registry
        .find(&from.connection_id)
        .await
        .map_err(|error| from.fault(&error))?;
    let connection = match found {
        // A late $disconnect of an older connection with this id says nothing about the newer one.
        Some(connection)
            if from.event_type == EventType::Disconnect && is_older(from.connected_at, &connection) =>
        {
            None
        }
        found => found,
    };
    let Some(connection) = connection else {
        if from.event_type == EventType::Message {
            close(&layer, &from).await;
        }
        return Err(from.refuse(RejectionKind::UnknownConnection));
    };
    let policy = layer.policy();
    let has_expired = policy
        .verifier
        .has_expired(connection.expires_at, policy.verifier.now());
    if has_expired && from.event_type == EventType::Message {
        expire(&layer, &*registry, &from, &connection).await;
        return Err(from.refuse(RejectionKind::Token(VerifyErrorKind::Expired)));
    }
    Ok(Recorded {
        registry,
        from,
        connection,
    })
}

fn is_older(connected_at: Option<u64>, than: &Connection) -> bool {
    connected_at.is_some_and(|connected_at| connected_at < than.connected_at)
}

/// Tells, closes and forgets a connection whose claims do not count any more.
///
/// What fails here is repeated by the next message, the next broadcast, or the table's own expiry: the refusal
/// does not depend on it.
async fn expire(layer: &RoomAuthLayer, registry: &dyn Registry, from: &Origin, connection: &Connection) {
    let Some(transport) = layer.policy().transport_to(from.endpoint.as_ref()) else {
        return;
    };
    if let Err(error) = transport.post(&from.connection_id, EXPIRED_FRAME).await {
        tracing::debug!(target: "room_auth", %error, "the last frame of an expired connection was not taken");
    }
    // A connection that was not closed stays recorded: a broadcast closes it, even if it never speaks again.
    if !close(layer, from).await {
        return;
    }
    if let Err(error) = registry
        .forget(&connection.id, &connection.room, connection.connected_at)
        .await
    {
        tracing::warn!(target: "room_auth", error = &error as &dyn std::error::Error, "an expired connection was not forgotten");
    }
}

/// Whether the connection has ended now.
async fn close(layer: &RoomAuthLayer, from: &Origin) -> bool {
    let Some(transport) = layer.policy().transport_to(from.endpoint.as_ref()) else {
        return false;
    };
    match transport.close(&from.connection_id).await {
        Ok(()) | Err(TransportError::Gone) => true,
        Err(error) => {
            tracing::warn!(target: "room_auth", %error, "a connection was not closed");
            false
        }
    }
}

/// Ends a connection whose claims, known without a registry, have expired.
pub(crate) async fn expire_unrecorded(layer: RoomAuthLayer, from: Origin) -> Result<Recorded, Rejection> {
    if let Some(transport) = layer.policy().transport_to(from.endpoint.as_ref()) {
        let _ = transport.post(&from.connection_id, EXPIRED_FRAME).await;
        close(&layer, &from).await;
    }
    Err(from.refuse(RejectionKind::Token(VerifyErrorKind::Expired)))
}

/// Records a connection before its 200 leaves.
pub(crate) async fn record(recorded: Recorded) -> Result<(), Rejection> {
    let Recorded {
        registry,
        from,
        connection,
    } = recorded;
    registry
        .record(&connection)
        .await
        .map_err(|error| from.fault(&error))
}

/// Forgets a connection that has ended.
pub(crate) async fn forget(recorded: Recorded) -> Result<(), Rejection> {
    let Recorded {
        registry,
        from,
        connection,
    } = recorded;
    let forgotten = registry
        .forget(&connection.id, &connection.room, connection.connected_at)
        .await;
    forgotten.map_err(|error| from.fault(&error))
}
