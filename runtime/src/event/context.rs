//! What an event is about.

use std::sync::Arc;
use std::time::SystemTime;

use crate::endpoint::ApiEndpoint;
use crate::id::ConnectionId;

/// What happened to the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventType {
    /// A client asks for a connection: the route `$connect`.
    Connect,
    /// A client sent a message: any other route.
    Message,
    /// The connection has ended: the route `$disconnect`.
    Disconnect,
}

/// What an event is about: the connection, the route, the times, and the API that it came through.
///
/// The layer builds one for each event, strictly, and works with it alone; the handler gets the same value from
/// [`Authenticated::context`](crate::Authenticated::context) or
/// [`WebSocketEvent::context`](crate::WebSocketEvent::context). Cloning is cheap.
///
/// ```
/// use room_auth::{EventContext, EventType};
///
/// fn describe(context: &EventContext) -> String {
///     match context.event_type() {
///         EventType::Connect => format!("{} came", context.connection_id()),
///         EventType::Message => format!("{} spoke on {}", context.connection_id(), context.route_key()),
///         EventType::Disconnect => format!("{} left", context.connection_id()),
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventContext(Arc<Fields>);

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) event_type: EventType,
    pub(super) route_key: Box<str>,
    pub(super) connection_id: ConnectionId,
    pub(super) connected_at: Option<SystemTime>,
    pub(super) request_time: Option<SystemTime>,
    pub(super) endpoint: Option<ApiEndpoint>,
    pub(super) message_id: Option<Box<str>>,
}

impl EventContext {
    pub(super) fn new(fields: Fields) -> Self {
        Self(Arc::new(fields))
    }

    /// Returns what happened.
    pub fn event_type(&self) -> EventType {
        self.0.event_type
    }

    /// Returns the key of the route that was selected, such as `$connect` or `send`.
    pub fn route_key(&self) -> &str {
        &self.0.route_key
    }

    /// Returns the id of the connection.
    pub fn connection_id(&self) -> &ConnectionId {
        &self.0.connection_id
    }

    /// Returns when the connection was made (`connectedAt`, to the millisecond). API Gateway always says it; `None` in
    /// an emulator's event without it.
    pub fn connected_at(&self) -> Option<SystemTime> {
        self.0.connected_at
    }

    /// Returns when API Gateway got the request (`requestTimeEpoch`, to the millisecond). API Gateway always says it;
    /// `None` in an emulator's event without it.
    pub fn request_time(&self) -> Option<SystemTime> {
        self.0.request_time
    }

    /// Returns the API and stage (`apiId`, `stage`) through which the connection is reached. API Gateway always says
    /// it; `None` in an emulator's event without it.
    pub fn endpoint(&self) -> Option<&ApiEndpoint> {
        self.0.endpoint.as_ref()
    }

    /// Returns the id of the message (`messageId`); `None` for the other types of events.
    pub fn message_id(&self) -> Option<&str> {
        self.0.message_id.as_deref()
    }
}
