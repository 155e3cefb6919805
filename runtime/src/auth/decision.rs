//! The decision under the layer: pure, without registry, transport or log.

use std::time::SystemTime;

use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::authenticator::{Admission, Authenticator};
use crate::claims::{RoomClaims, is_capability};
use crate::event::{EventType, View};
use crate::id::RoomId;
use crate::json::{self, Object};
use crate::rejection::{Rejection, RejectionKind};

/// The key of the authorizer's context under which the claims stand, as the text of a JSON object.
pub const CONTEXT_KEY: &str = "room_auth";

/// The key under which the requested room stands beside [`CONTEXT_KEY`], with a [`RoomSource`](crate::RoomSource) that
/// takes one.
pub const ROOM_CONTEXT_KEY: &str = "room_auth_room";

/// What a layer decides by.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) authenticator: Authenticator,
    pub(crate) has_registry: bool,
    pub(crate) trusts_authorizer: bool,
    /// The capabilities that every request needs.
    pub(crate) required: Vec<&'static str>,
}

/// What becomes of an event.
pub(crate) enum Decision<'e, T> {
    /// A `$connect` with a valid token.
    Admit(Admission<'e, T>),
    /// The claims of a later route, from the authorizer's context.
    Identify(RoomClaims<T>),
    /// The claims of a later route are in the registry.
    LookUp,
    /// A message, and the claims of its connection have expired.
    Expire,
}

impl Policy {
    /// Returns what to wait for before [`decide`](Self::decide): the token of a `$connect` needs newer keys of its
    /// issuer. Pure as well: nothing happens until the future is polled.
    pub(crate) fn awaited_keys(&self, view: &View<'_>, now: SystemTime) -> Option<BoxFuture<'static, ()>> {
        if view.context.event_type() == EventType::Connect {
            self.authenticator.awaited_keys(&view.handshake, now)
        } else {
            None
        }
    }

    /// Decides on one event. Whatever is not understood is refused.
    ///
    /// The registry goes before the authorizer: it knows of renewals and of who was disconnected.
    pub(crate) fn decide<'e, T: DeserializeOwned>(
        &self,
        view: &View<'e>,
        now: SystemTime,
    ) -> Result<Decision<'e, T>, Rejection> {
        let event_type = view.context.event_type();
        if event_type == EventType::Connect {
            let admission = self.authenticator.authenticate(&view.handshake, now)?;
            return if self.trusts_authorizer && self.contradicts(view.authorizer, &admission) {
                Err(RejectionKind::AuthorizerContext.into())
            } else {
                Ok(Decision::Admit(admission))
            };
        }
        if self.has_registry {
            return Ok(Decision::LookUp);
        }
        if !self.trusts_authorizer {
            return Err(RejectionKind::NoClaimsSource.into());
        }
        let verifier = self.authenticator.verifier();
        let claims = AuthorizerClaims::read(view.authorizer)
            .and_then(|read| {
                let (source, user_claim) = (verifier.room_source(), verifier.user_claim());
                source.read_recorded::<T>(&read.payload, read.room.as_ref(), user_claim)
            })
            .ok_or(RejectionKind::AuthorizerContext)?;
        let has_expired = verifier.has_expired(claims.expires_at_seconds(), now);
        if has_expired && event_type == EventType::Message {
            Ok(Decision::Expire)
        } else {
            Ok(Decision::Identify(claims))
        }
    }

    /// Whether the authorizer saw another token or room than the layer does: one client would be two on its later
    /// routes.
    fn contradicts<T>(&self, authorizer: Option<&RawValue>, admission: &Admission<'_, T>) -> bool {
        let is_requested = self.authenticator.verifier().room_source().is_requested();
        AuthorizerClaims::read(authorizer).is_some_and(|read| {
            let is_other_room = is_requested && read.room.as_ref() != Some(admission.claims.room_id());
            read.payload != admission.payload || is_other_room
        })
    }
}

/// What our authorizer put into the context at `$connect`; API Gateway repeats it with each event.
struct AuthorizerClaims {
    payload: String,
    room: Option<RoomId>,
}

impl AuthorizerClaims {
    fn read(authorizer: Option<&RawValue>) -> Option<Self> {
        let context = Object::parse(authorizer?.get().as_bytes())?;
        let text = |key| json::string(context.get(key)?);
        Some(Self {
            payload: text(CONTEXT_KEY)?.into_owned(),
            room: text(ROOM_CONTEXT_KEY).and_then(|room| room.parse().ok()),
        })
    }
}

/// Returns the name of a capability that is to be required.
///
/// # Panics
///
/// It is not the name of one: then no token could have it.
pub(crate) fn required(capability: &'static str) -> &'static str {
    assert!(
        is_capability(capability),
        "`{capability}` is not the name of a capability; use 1 to 64 characters out of a-z 0-9 _ . : -"
    );
    capability
}
