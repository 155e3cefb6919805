//! The proof that a request passed the layer.

use std::fmt;

use crate::claims::RoomClaims;

/// An event together with the verified claims of whoever caused it.
///
/// Only the layer makes one (and [`testing`](crate::testing), for unit tests), so a handler that takes it cannot
/// be called unauthenticated. The token is masked in the event.
pub struct Authenticated<E, T = ()> {
    claims: RoomClaims<T>,
    event: E,
}

impl<E, T> Authenticated<E, T> {
    pub(crate) fn new(claims: RoomClaims<T>, event: E) -> Self {
        Self { claims, event }
    }

    /// Whom the request speaks for.
    pub fn claims(&self) -> &RoomClaims<T> {
        &self.claims
    }

    /// The event.
    pub fn event(&self) -> &E {
        &self.event
    }

    /// Both, by value.
    pub fn into_parts(self) -> (RoomClaims<T>, E) {
        (self.claims, self.event)
    }
}

impl<E: fmt::Debug, T: fmt::Debug> fmt::Debug for Authenticated<E, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticated")
            .field("claims", &self.claims)
            .field("event", &self.event)
            .finish()
    }
}
