//! The decision under the layer: pure, without registry, transport or log.

use std::time::SystemTime;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::authenticator::{Admission, Authenticator};
use crate::claims::{RoomClaims, is_capability};
use crate::event::{EventType, View};
use crate::json::{self, Object};
use crate::rejection::{Rejection, RejectionKind};

/// The key of the authorizer's context under which the claims stand, as the text of a JSON object.
pub const CONTEXT_KEY: &str = "room_auth";

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
            return if self.trusts_authorizer && contradicts(view.authorizer, &admission.payload) {
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
        let claims = claims_of_context(view.authorizer)
            .and_then(|claims| RoomClaims::<T>::from_payload(&claims, verifier.user_claim()))
            .ok_or(RejectionKind::AuthorizerContext)?;
        let has_expired = verifier.has_expired(claims.expires_at_seconds(), now);
        if has_expired && event_type == EventType::Message {
            Ok(Decision::Expire)
        } else {
            Ok(Decision::Identify(claims))
        }
    }
}

/// The claims that our authorizer put into the context at `$connect`; API Gateway repeats them with each event.
fn claims_of_context(authorizer: Option<&RawValue>) -> Option<String> {
    let context = Object::parse(authorizer?.get().as_bytes())?;
    json::string(context.get(CONTEXT_KEY)?).map(Into::into)
}

/// Whether the authorizer saw another token than the layer does: one client would be two on its later routes.
fn contradicts(authorizer: Option<&RawValue>, payload: &str) -> bool {
    claims_of_context(authorizer).is_some_and(|claims| claims != payload)
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
