//! Replacing the claims of a live connection by those of a new token, in band.

use serde::de::DeserializeOwned;

use super::send::ask;
use super::session::Session;
use crate::claims::RoomClaims;
use crate::registry::RegistryError;
use crate::token::{Verified, VerifyError};

impl<T: DeserializeOwned> Session<'_, T> {
    /// Verifies `token` like the first one and replaces the claims recorded for the connection.
    ///
    /// The new claims must be for the same room. Returns them. Clients that renew never reconnect for a token's sake.
    ///
    /// The layer cannot know which message brings a token, so it masks none there: log no body of such a message.
    ///
    /// # Errors
    ///
    /// See [`RenewError`]; the recorded claims stay as they were.
    pub async fn renew(&self, token: &str) -> Result<RoomClaims<T>, RenewError> {
        self.renew_if(token, |_| true).await
    }

    /// Does what [`renew`](Self::renew) does if `accept` holds for the new claims: if they name the same user, say.
    ///
    /// ```
    /// use room_auth::RoomClaims;
    /// use room_auth::rooms::{RenewError, Session};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Member {
    ///     user: String,
    /// }
    ///
    /// async fn renew(session: &Session<'_, Member>, token: &str) -> Result<RoomClaims<Member>, RenewError> {
    ///     let user = &session.claims().custom().user;
    ///     session.renew_if(token, |new| new.custom().user == *user).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`RenewError`]; the recorded claims stay as they were.
    pub async fn renew_if(
        &self,
        token: &str,
        accept: impl FnOnce(&RoomClaims<T>) -> bool,
    ) -> Result<RoomClaims<T>, RenewError> {
        let renewed = self.try_renew(token, accept).await;
        match &renewed {
            Ok(claims) => self.extend(claims.expires_at()),
            Err(error) => crate::report::not_renewed(error.reason(), error.member(), self.context()),
        }
        renewed
    }

    async fn try_renew(
        &self,
        token: &str,
        accept: impl FnOnce(&RoomClaims<T>) -> bool,
    ) -> Result<RoomClaims<T>, RenewError> {
        let rooms = self.rooms();
        let verifier = rooms.verifier.get().ok_or(RenewError::NoVerifier)?;
        if let Some(awaited) = verifier.awaited_keys(|| Some(token.into()), verifier.now()) {
            awaited.await;
        }
        let room = self.claims().room_id();
        let Verified { claims, payload } = verifier.verify_at::<T>(token, Some(room), verifier.now())?;
        if claims.room_id() != room {
            return Err(RenewError::OtherRoom);
        }
        if !accept(&claims) {
            return Err(RenewError::NotAccepted);
        }
        let id = self.context().connection_id();
        let found = ask(self.deadline(), || rooms.registry.find(id)).await?;
        let connection = found
            .filter(|found| self.is_of(found))
            .ok_or(RenewError::UnknownConnection)?;
        // The payload was read as JSON, which is UTF-8.
        let payload = String::from_utf8(payload).map_err(|_| RenewError::NotAccepted)?;
        let connection = connection.renewed(payload, claims.expires_at());
        if ask(self.deadline(), || rooms.registry.renew(&connection)).await? {
            Ok(claims)
        } else {
            Err(RenewError::UnknownConnection)
        }
    }
}

/// Why claims were not renewed. Holds no part of the token; tell the peer only that it was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenewError {
    /// The new token was refused.
    #[error(transparent)]
    Token(#[from] VerifyError),
    /// The new token is for another room.
    #[error("the new token is for another room")]
    OtherRoom,
    /// The caller's own condition does not hold.
    #[error("the new claims were not accepted")]
    NotAccepted,
    /// The connection has ended, or was never recorded.
    #[error("the connection is not recorded")]
    UnknownConnection,
    /// The rooms have no verifier.
    #[error("the rooms have no verifier; give them to the layer by RoomAuthLayer::with_rooms")]
    NoVerifier,
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl RenewError {
    /// Returns whether the new token was refused, rather than a fault on our side.
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::NoVerifier | Self::Registry(_))
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Token(error) => error.kind().as_str(),
            Self::OtherRoom => "other_room",
            Self::NotAccepted => "not_accepted",
            Self::UnknownConnection => "unknown_connection",
            Self::NoVerifier => "configuration",
            Self::Registry(_) => "registry",
        }
    }

    fn member(&self) -> Option<&'static str> {
        match self {
            Self::Token(error) => error.member(),
            _ => None,
        }
    }
}
