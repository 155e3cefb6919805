//! What a handler does for the connection that its event came from.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambda_runtime::Context;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::broadcast::Broadcast;
use super::error::SendError;
use super::frame::{self, FrameId};
use super::members::Members;
use super::report::DeliveryReport;
use super::rooms::Rooms;
use crate::claims::RoomClaims;
use crate::event::{EventContext, EventType};
use crate::id::RoomId;
use crate::membership::Membership;
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
    rooms: &'a Rooms,
    /// The claims of the request: for the room of `$connect`.
    own: &'a RoomClaims<T>,
    /// The claims for the room that the session speaks in, if that is another one.
    joined: Option<RoomClaims<T>>,
    context: &'a EventContext,
    invocation: &'a Context,
    deadline: Deadline,
    /// Shared by the sessions of all rooms of the connection.
    known: Arc<Mutex<Known>>,
}

/// What is known of the connection: as the layer found it, and as this invocation changed it.
struct Known {
    /// When the newest claims for the room of `$connect` expire.
    expires_at: SystemTime,
    memberships: Vec<Membership>,
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
            known: Arc::new(Mutex::new(Known {
                expires_at: claims.expires_at(),
                memberships: claims.memberships().to_vec(),
            })),
        }
    }

    /// Returns the claims for the session's room: those of the request, unless it is [another room](Self::in_room).
    pub fn claims(&self) -> &RoomClaims<T> {
        self.joined.as_ref().unwrap_or(self.own)
    }

    /// Returns the rooms that the connection is in, that of `$connect` first. At `$disconnect`: the rooms that it was
    /// in, as long as nobody forgot them.
    pub fn rooms(&self) -> Vec<RoomId> {
        let known = self.known();
        let live = known.memberships.iter().filter(|one| self.is_live(&known, one));
        let joined = live.map(|membership| membership.room.clone());
        std::iter::once(self.own.room_id().clone())
            .chain(joined)
            .collect()
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
            expires_at: self.known().expires_at,
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

    /// Takes what is recorded now for what is known.
    pub(super) fn know(&self, recorded: &Connection) {
        *self.known() = Known {
            expires_at: recorded.expires_at,
            memberships: recorded.memberships().to_vec(),
        };
    }

    /// Whether a membership has lapsed by itself, however long its connection lasts.
    pub(super) fn has_lapsed(&self, membership: &Membership) -> bool {
        let connected_at = self.context.connected_at().unwrap_or(UNIX_EPOCH);
        let left = self.rooms.time_left(connected_at, membership.expires_at);
        left.is_zero()
    }

    /// Whether the connection is in the room of a membership. When it has ended, it is no longer asked.
    fn is_live(&self, known: &Known, membership: &Membership) -> bool {
        let connected_at = self.context.connected_at().unwrap_or(UNIX_EPOCH);
        let has_ended = self.rooms.time_left(connected_at, known.expires_at).is_zero();
        self.context.event_type() == EventType::Disconnect || !(has_ended || self.has_lapsed(membership))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a, T: DeserializeOwned> Session<'a, T> {
    /// Returns the session of another room that the connection [joined](Self::join): its verbs are about that room.
    /// `None` if the connection is not in that room, or if the claims for it are not of this type.
    ///
    /// ```
    /// # use room_auth::{RoomId, rooms::{SendError, Session}};
    /// # async fn say(session: &Session<'_>, room: &RoomId, frame: &str) -> Result<(), SendError> {
    /// if let Some(session) = session.in_room(room) {
    ///     session.broadcast(frame).await?.log_if_incomplete();
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn in_room(&self, room: &RoomId) -> Option<Session<'a, T>> {
        let joined = if room == self.own.room_id() {
            None
        } else {
            Some(self.joined_claims(room)?)
        };
        Some(Session {
            rooms: self.rooms,
            own: self.own,
            joined,
            context: self.context,
            invocation: self.invocation,
            deadline: self.deadline,
            known: self.known.clone(),
        })
    }

    /// Returns the claims for a room that the connection is in.
    pub fn claims_for(&self, room: &RoomId) -> Option<RoomClaims<T>>
    where
        T: Clone,
    {
        if room == self.own.room_id() {
            Some(self.own.clone())
        } else {
            self.joined_claims(room)
        }
    }

    fn joined_claims(&self, room: &RoomId) -> Option<RoomClaims<T>> {
        let known = self.known();
        let mut memberships = known.memberships.iter();
        let membership = memberships.find(|one| one.room == *room && self.is_live(&known, one))?;
        let source = self.rooms.room_source();
        let claims = source.read_recorded::<T>(&membership.claims, Some(room), None);
        let is_of_record =
            |claims: &RoomClaims<T>| claims.room_id() == room && membership.expires_at <= claims.expires_at();
        let claims = claims
            .filter(is_of_record)
            .map(|claims| claims.of_user(self.own.user()));
        if claims.is_none() {
            tracing::warn!(target: "room_auth", "the claims of a membership do not fit and it counts for nothing");
        }
        claims
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
