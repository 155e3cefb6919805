//! The proof that a request passed the layer.

use std::fmt;

use crate::claims::RoomClaims;
use crate::event::EventContext;

/// An event together with the verified claims of whoever caused it.
///
/// Only a layer makes one, from a token, a registry or a trusted authorizer (and the functions of the feature
/// `testing`), so a handler that takes it cannot be called unauthenticated. The token is masked in the event.
/// `Debug` shows what the event is about, the room and the times, and neither the event nor the user's own claims.
///
/// ```
/// use room_auth::{Authenticated, LambdaEvent, WebSocketEvent};
///
/// async fn handler(request: LambdaEvent<Authenticated<WebSocketEvent>>) {
///     let (context, claims) = (request.payload.context(), request.payload.claims());
///     println!("{} in {}", context.connection_id(), claims.room_id());
/// }
/// ```
pub struct Authenticated<E, T = ()> {
    claims: RoomClaims<T>,
    context: EventContext,
    event: E,
}

impl<E, T> Authenticated<E, T> {
    pub(crate) fn new(claims: RoomClaims<T>, context: EventContext, event: E) -> Self {
        Self {
            claims,
            context,
            event,
        }
    }

    /// Returns the claims of whoever caused the event.
    pub fn claims(&self) -> &RoomClaims<T> {
        &self.claims
    }

    /// Returns what the event is about.
    pub fn context(&self) -> &EventContext {
        &self.context
    }

    /// Returns the event.
    pub fn event(&self) -> &E {
        &self.event
    }

    /// Returns claims and event by value.
    pub fn into_parts(self) -> (RoomClaims<T>, E) {
        (self.claims, self.event)
    }
}

impl<E, T> fmt::Debug for Authenticated<E, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticated")
            .field("room_id", self.claims.room_id())
            .field("expires_at", &self.claims.expires_at())
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}
