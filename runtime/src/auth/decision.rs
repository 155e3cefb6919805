//! The decision under the layer: pure, without any plumbing of Lambda.

use std::borrow::Cow;
use std::time::SystemTime;

use serde::de::DeserializeOwned;

use super::rejection::RejectionKind;
use crate::claims::RoomClaims;
use crate::event::{EventType, Sources, View};
use crate::token::{Verified, Verifier};

/// What a layer decides by.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) verifier: Verifier,
    pub(crate) sources: Sources,
}

/// An accepted `$connect`.
pub(crate) struct Admission<'e, T> {
    pub(crate) claims: RoomClaims<T>,
    /// The token, to be masked in the event.
    pub(crate) token: Cow<'e, str>,
    /// The subprotocol to answer with, where the client offered some.
    pub(crate) subprotocol: Option<Cow<'static, str>>,
}

impl Policy {
    /// Decides on one event. Whatever is not understood is refused.
    pub(crate) fn decide<'e, T: DeserializeOwned>(
        &self,
        view: &View<'e>,
        now: SystemTime,
    ) -> Result<Admission<'e, T>, RejectionKind> {
        match view.event_type {
            EventType::Connect => self.admit(view, now),
            EventType::Message | EventType::Disconnect => Err(RejectionKind::NoClaimsSource),
        }
    }

    fn admit<'e, T: DeserializeOwned>(
        &self,
        view: &View<'e>,
        now: SystemTime,
    ) -> Result<Admission<'e, T>, RejectionKind> {
        let presented = self.sources.find(&view.handshake)?;
        let Verified { claims, .. } = self
            .verifier
            .verify_at(&presented.token, now)
            .map_err(|error| RejectionKind::Token(error.kind()))?;
        Ok(Admission {
            claims,
            token: presented.token,
            subprotocol: presented.subprotocol,
        })
    }
}
