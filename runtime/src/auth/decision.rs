//! The decision under the layer: pure, without any plumbing of Lambda.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use serde::de::DeserializeOwned;

use super::rejection::RejectionKind;
use crate::authorizer::CONTEXT_KEY;
use crate::claims::{RoomClaims, StandardClaims};
use crate::event::{EventType, Sources, View};
use crate::json::{self, Object};
use crate::registry::Registry;
use crate::token::{Verified, Verifier, VerifyErrorKind};
use crate::transport::{ApiEndpoint, Transport};

/// What a layer decides by.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) verifier: Verifier,
    pub(crate) sources: Sources,
    /// Where claims are recorded at `$connect`, for the later routes.
    pub(crate) registry: Option<Arc<dyn Registry>>,
    /// How connections are told and closed.
    pub(crate) transport: Option<Arc<dyn Transport>>,
    pub(crate) trusts_authorizer: bool,
}

/// What becomes of an event.
pub(crate) enum Decision<'e, T> {
    /// A `$connect` with a good token.
    Connect(Admission<'e, T>),
    /// The claims of a later route, from the authorizer's context.
    Known(RoomClaims<T>),
    /// The claims of a later route are in the registry.
    Ask(Arc<dyn Registry>),
}

/// An accepted `$connect`. Without `Debug`: it holds the token.
pub(crate) struct Admission<'e, T> {
    pub(crate) claims: RoomClaims<T>,
    /// The JSON of the claims, to be recorded.
    pub(crate) payload: Vec<u8>,
    /// The token, to be masked in the event.
    pub(crate) token: Cow<'e, str>,
    /// The subprotocol to answer with, where the client offered some.
    pub(crate) subprotocol: Option<Cow<'static, str>>,
}

impl Policy {
    /// The transport towards the API that an event came from.
    pub(crate) fn transport_to(&self, endpoint: Option<&ApiEndpoint>) -> Option<Arc<dyn Transport>> {
        let transport = self.transport.as_ref()?;
        Some(
            endpoint
                .and_then(|endpoint| transport.at(endpoint))
                .unwrap_or_else(|| transport.clone()),
        )
    }

    /// Decides on one event. Whatever is not understood is refused.
    ///
    /// The registry goes before the authorizer: it knows of renewals and of who was disconnected.
    pub(crate) fn decide<'e, T: DeserializeOwned>(
        &self,
        view: &View<'e>,
        now: SystemTime,
    ) -> Result<Decision<'e, T>, RejectionKind> {
        match (view.event_type, &self.registry) {
            (EventType::Connect, _) => self.admit(view, now).map(Decision::Connect),
            (_, Some(registry)) => Ok(Decision::Ask(registry.clone())),
            (_, None) if self.trusts_authorizer => self.read_context(view, now).map(Decision::Known),
            (_, None) => Err(RejectionKind::NoClaimsSource),
        }
    }

    fn admit<'e, T: DeserializeOwned>(
        &self,
        view: &View<'e>,
        now: SystemTime,
    ) -> Result<Admission<'e, T>, RejectionKind> {
        let presented = self.sources.find(&view.handshake)?;
        let Verified { claims, payload } = self
            .verifier
            .verify_at(&presented.token, now)
            .map_err(|error| RejectionKind::Token(error.kind()))?;
        Ok(Admission {
            claims,
            payload,
            token: presented.token,
            subprotocol: presented.subprotocol,
        })
    }

    /// The claims that our authorizer put into the context at `$connect`; API Gateway repeats them.
    fn read_context<T: DeserializeOwned>(
        &self,
        view: &View<'_>,
        now: SystemTime,
    ) -> Result<RoomClaims<T>, RejectionKind> {
        let claims = view
            .authorizer
            .and_then(|context| Object::parse(context.get().as_bytes())?.get(CONTEXT_KEY))
            .and_then(json::string)
            .and_then(|claims| recorded_claims::<T>(&claims))
            .ok_or(RejectionKind::AuthorizerContext)?;
        let counts = view.event_type == EventType::Disconnect
            || !self.verifier.has_expired(claims.expires_at_seconds(), now);
        if counts {
            Ok(claims)
        } else {
            Err(RejectionKind::Token(VerifyErrorKind::Expired))
        }
    }
}

/// Claims that were verified before, from the JSON they were recorded as.
pub(crate) fn recorded_claims<T: DeserializeOwned>(json: &str) -> Option<RoomClaims<T>> {
    let payload = Object::parse(json.as_bytes())?;
    StandardClaims::read(&payload).ok()?.with_custom(payload)
}
