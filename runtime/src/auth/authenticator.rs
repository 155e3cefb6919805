//! How the token of a `$connect` is found and verified.

use std::borrow::Cow;
use std::time::SystemTime;

use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;

use crate::claims::RoomClaims;
use crate::error::ConfigError;
use crate::event::{Handshake, Sources, TokenSource};
use crate::rejection::{Rejection, RejectionKind};
use crate::token::{Verified, Verifier, VerifyErrorKind};

/// Finds the token of a `$connect` and verifies it: what a layer and the authorizer in front of it have in common.
///
/// Cloning is cheap.
///
/// ```no_run
/// use room_auth::authorizer::Authorizer;
/// use room_auth::{Authenticator, RoomAuthLayer, TokenSource};
///
/// # fn configure() -> Result<(), room_auth::ConfigError> {
/// let authenticator = Authenticator::from_env()?.with_sources([TokenSource::authorization()])?;
/// let authorizer = Authorizer::<()>::new(authenticator.clone());
/// let layer: RoomAuthLayer = RoomAuthLayer::new(authenticator);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Authenticator {
    verifier: Verifier,
    sources: Sources,
}

/// An accepted `$connect`. Without `Debug`: it holds the token.
pub(crate) struct Admission<'e, T> {
    pub(crate) claims: RoomClaims<T>,
    /// The JSON of the claims, to be recorded.
    pub(crate) payload: String,
    /// The token, to be masked in the event.
    pub(crate) token: Cow<'e, str>,
    /// The subprotocol to answer with, where one of those offered is selected.
    pub(crate) subprotocol: Option<Cow<'static, str>>,
}

impl Authenticator {
    /// Creates an authenticator that verifies with `verifier` and looks for tokens in the default places: the
    /// subprotocol list, the `Authorization` header and the query parameter `token`.
    pub fn new(verifier: Verifier) -> Self {
        let sources = if verifier.room_source().is_requested() {
            Sources::default().requesting_room()
        } else {
            Sources::default()
        };
        Self { verifier, sources }
    }

    /// Creates an authenticator with the public keys of the environment variable `PUBLIC_KEY`.
    ///
    /// # Errors
    ///
    /// The variable is missing or holds no usable key; the message says which and what to do.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self::new(Verifier::from_env()?))
    }

    /// Looks for tokens in these places instead of the default ones.
    ///
    /// ```no_run
    /// # use room_auth::{Authenticator, TokenSource};
    /// # fn configure() -> Result<Authenticator, room_auth::ConfigError> {
    /// Authenticator::from_env()?.with_sources([
    ///     TokenSource::subprotocol(),
    ///     TokenSource::cookie("session", ["https://chat.example"]),
    /// ])
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// No source, the same place twice, or a source that could never match.
    pub fn with_sources(self, sources: impl IntoIterator<Item = TokenSource>) -> Result<Self, ConfigError> {
        let sources = self.sources.with_sources(sources.into_iter().collect())?;
        Ok(Self { sources, ..self })
    }

    /// Lets these application protocols stand before `room-auth` in the subprotocol list, as GraphQL clients
    /// need it; the first of those offered is selected.
    ///
    /// ```no_run
    /// # use room_auth::Authenticator;
    /// # fn configure() -> Result<Authenticator, room_auth::ConfigError> {
    /// // Accepts `Sec-WebSocket-Protocol: graphql-transport-ws, room-auth, <jwt>`.
    /// Authenticator::from_env()?.with_application_protocols(["graphql-transport-ws"])
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// A name that is not a valid subprotocol, or that is `room-auth`.
    pub fn with_application_protocols<P: Into<String>>(
        self,
        protocols: impl IntoIterator<Item = P>,
    ) -> Result<Self, ConfigError> {
        let protocols = protocols.into_iter().map(Into::into).collect();
        let sources = self.sources.with_application_protocols(protocols)?;
        Ok(Self { sources, ..self })
    }

    /// Returns the verifier that decides on tokens.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    pub(crate) fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Returns what to wait for before [`authenticate`](Self::authenticate): newer keys of the token's issuer.
    pub(crate) fn awaited_keys(
        &self,
        handshake: &Handshake<'_>,
        now: SystemTime,
    ) -> Option<BoxFuture<'static, ()>> {
        let token = || self.sources.find(handshake).ok().map(|presented| presented.token);
        self.verifier.awaited_keys(token, now)
    }

    /// Finds the one token that a handshake presents, and verifies it.
    pub(crate) fn authenticate<'e, T: DeserializeOwned>(
        &self,
        handshake: &Handshake<'e>,
        now: SystemTime,
    ) -> Result<Admission<'e, T>, Rejection> {
        let presented = self.sources.find(handshake)?;
        let is_requested = self.verifier.room_source().is_requested();
        let room = is_requested.then(|| handshake.requested_room()).flatten();
        let Verified { claims, payload } = self.verifier.verify_at(&presented.token, room.as_ref(), now)?;
        // The payload was read as JSON, which is UTF-8.
        let payload =
            String::from_utf8(payload).map_err(|_| RejectionKind::Token(VerifyErrorKind::Claims))?;
        Ok(Admission {
            claims,
            payload,
            token: presented.token,
            subprotocol: presented.subprotocol,
        })
    }
}

impl From<Verifier> for Authenticator {
    fn from(verifier: Verifier) -> Self {
        Self::new(verifier)
    }
}
