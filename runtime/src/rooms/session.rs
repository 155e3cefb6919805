//! What a handler does for the connection that its event came from.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lambda_runtime::Context;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::broadcast::Broadcast;
use super::error::SendError;
use super::frame::{self, FrameId};
use super::known::Known;
use super::members::Members;
use super::report::DeliveryReport;
use super::rooms::Rooms;
use crate::claims::RoomClaims;
use crate::event::{EventContext, EventType};
use crate::registry::{Connection, RoomMember};
use crate::retry::Deadline;

/// How long notices may take: whoever comes in waits for them at the door.
const NOTICE_TIME: Duration = Duration::from_secs(1);

/// The connection that an event came from, one of its rooms, and the time that its invocation has. From
/// [`Rooms::session`], for the room of `$connect`; [`in_room`](Self::in_room) speaks in another one.
///
/// ```
/// use room_auth::rooms::Rooms;
/// use room_auth::{Authenticated, Error, EventType, LambdaEvent, Response, WebSocketEvent, response};
///
/// #[derive(serde::Serialize)]
/// enum Frame<'a> {
///     Joined,
///     Said { text: &'a str },
/// }
///
/// async fn chat(rooms: Rooms, request: LambdaEvent<Authenticated<WebSocketEvent>>) -> Result<Response, Error> {
///     let LambdaEvent { payload: request, context: invocation } = request;
///     let session = rooms.session(request.claims(), request.context(), &invocation);
///     match request.context().event_type() {
///         EventType::Connect => session.notify_others(&Frame::Joined).await?.log_if_incomplete(),
///         EventType::Message => {
///             let text: String = request.event().json()?;
///             session.broadcast(&Frame::Said { text: &text }).await?.log_if_incomplete();
///         }
///         EventType::Disconnect => {}
///     }
///     Ok(response::ok())
/// }
/// ```
pub struct Session<'a, T = ()> {
    pub(super) rooms: &'a Rooms,
    /// The claims of the request: for the room of `$connect`.
    pub(super) own: &'a RoomClaims<T>,
    /// The claims for the room that the session speaks in, if that is another one.
    pub(super) joined: Option<RoomClaims<T>>,
    pub(super) context: &'a EventContext,
    pub(super) invocation: &'a Context,
    pub(super) deadline: Deadline,
    /// Shared by the sessions of all rooms of the connection.
    pub(super) known: Arc<Mutex<Known>>,
}

impl Rooms {
    /// Returns what a handler does for the connection that its event came from: replies, broadcasts to its room,
    /// renews. Everything ends a second before the invocation does.
    pub fn session<'a, T>(
        &'a self,
        claims: &'a RoomClaims<T>,
        context: &'a EventContext,
        invocation: &'a Context,
    ) -> Session<'a, T> {
        Session::new(self, claims, context, invocation)
    }
}

impl<'a, T> Session<'a, T> {
    fn new(
        rooms: &'a Rooms,
        claims: &'a RoomClaims<T>,
        context: &'a EventContext,
        invocation: &'a Context,
    ) -> Self {
        Self {
            rooms,
            own: claims,
            joined: None,
            context,
            invocation,
            deadline: rooms.deadline(Deadline::of_invocation(invocation)),
            known: Arc::new(Mutex::new(Known::of(claims))),
        }
    }

    /// Returns the claims for the session's room: those of the request, unless it is [another room](Self::in_room).
    pub fn claims(&self) -> &RoomClaims<T> {
        self.joined.as_ref().unwrap_or(self.own)
    }

    /// Returns what the event is about.
    pub fn context(&self) -> &'a EventContext {
        self.context
    }

    /// Returns when everything that the session does has to end.
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Returns an id for the frame that this invocation sends: see [`FrameId::of_invocation`].
    pub fn frame_id(&self) -> FrameId {
        FrameId::of_invocation(self.invocation)
    }

    /// Sends a frame, serialized as JSON, to the connection that the event came from.
    ///
    /// # Errors
    ///
    /// See [`SendError`]. From within the handler of `$connect` nothing can be sent to the newcomer
    /// ([`SendError::NotYetConnected`]).
    pub async fn reply<F: Serialize + ?Sized>(&self, frame: &F) -> Result<(), SendError> {
        let frame = frame::serialize(frame)?;
        match self.context.event_type() {
            EventType::Connect => return Err(SendError::NotYetConnected),
            EventType::Disconnect => return Err(SendError::UnknownConnection),
            EventType::Message => {}
        }
        // A message without an endpoint or a time is not let through by a layer with a registry.
        let (Some(endpoint), Some(connected_at)) = (self.context.endpoint(), self.context.connected_at())
        else {
            return Err(SendError::UnknownConnection);
        };
        let connection = RoomMember {
            id: self.context.connection_id().clone(),
            endpoint: endpoint.clone(),
            room: self.own.room_id().clone(),
            claims: String::new(),
            user: None,
            connected_at,
            expires_at: self
                .known
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .expires_at,
        };
        if self.rooms.has_expired(&connection) {
            return Err(SendError::Expired);
        }
        self.rooms.deliver(&connection, &frame, self.deadline).await
    }

    /// Sends a frame, serialized as JSON, to every live member of the room, the connection itself included.
    ///
    /// # Errors
    ///
    /// See [`Rooms::broadcast`].
    pub async fn broadcast<F: Serialize + ?Sized>(&self, frame: &F) -> Result<DeliveryReport, SendError> {
        let broadcast = Broadcast::new(self.claims().room_id(), frame).until(self.deadline);
        self.rooms.broadcast(self.at_home(broadcast)).await
    }

    /// Sends a frame to every other live member of the room, by one attempt each and for at most a second: a notice,
    /// such as who comes and goes, which must not hold a newcomer at the door.
    ///
    /// # Errors
    ///
    /// See [`Rooms::broadcast`].
    pub async fn notify_others<F: Serialize + ?Sized>(&self, frame: &F) -> Result<DeliveryReport, SendError> {
        let broadcast = Broadcast::new(self.claims().room_id(), frame)
            .except(self.context.connection_id())
            .best_effort()
            .until(self.deadline.min(Deadline::after(NOTICE_TIME)));
        self.rooms.broadcast(self.at_home(broadcast)).await
    }

    /// Returns the live members of the room, with claims of their own of the type `M`.
    pub fn members<M: DeserializeOwned>(&self) -> Members<'a, M> {
        Members::new(self.rooms, self.claims().room_id().clone(), self.deadline)
    }

    fn at_home<'b>(&'b self, broadcast: Broadcast<'b>) -> Broadcast<'b> {
        match self.context.endpoint() {
            Some(endpoint) => broadcast.at_home(endpoint),
            None => broadcast,
        }
    }

    pub(super) fn all_rooms(&self) -> &'a Rooms {
        self.rooms
    }

    /// Whether `recorded` is the record of the connection that the event came from.
    pub(super) fn is_of(&self, recorded: &Connection) -> bool {
        recorded.room == *self.own.room_id()
            && self.context.endpoint() == Some(&recorded.endpoint)
            && self
                .context
                .connected_at()
                .is_some_and(|connected_at| recorded.was_made_at(connected_at))
    }
}

impl<T> fmt::Debug for Session<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("room_id", self.claims().room_id())
            .field("context", self.context)
            .finish_non_exhaustive()
    }
}
