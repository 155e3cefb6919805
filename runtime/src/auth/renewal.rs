//! Replacing the claims of a live connection by those of a new token, in band.

use serde::de::DeserializeOwned;

use super::layer::RoomAuthLayer;
use crate::claims::RoomClaims;
use crate::id::ConnectionId;
use crate::registry::RegistryError;
use crate::token::{Verified, VerifyError};

impl RoomAuthLayer {
    /// Verifies `token` like the first one and replaces the claims recorded for the connection.
    ///
    /// `claims` are those of the request that brought the token; the new ones must be for the same room. Returns
    /// the new claims. Clients that renew never reconnect for a token's sake.
    ///
    /// The layer cannot know which message brings a token, so it masks none there: log no body of such a message.
    ///
    /// ```no_run
    /// # use room_auth::{Error, RoomAuthLayer, RoomClaims};
    /// async fn renew(
    ///     layer: &RoomAuthLayer,
    ///     claims: &RoomClaims,
    ///     connection_id: &str,
    ///     token: &str,
    /// ) -> Result<(), Error> {
    ///     let renewed = layer.renew(connection_id, claims, token).await?;
    ///     println!("counts until {:?}", renewed.expires_at());
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`RenewError`]; the recorded claims stay as they were.
    pub async fn renew<T: DeserializeOwned>(
        &self,
        connection_id: &str,
        claims: &RoomClaims<T>,
        token: &str,
    ) -> Result<RoomClaims<T>, RenewError> {
        self.renew_if(connection_id, claims, token, |_| true).await
    }

    /// Like [`renew`](Self::renew), and demands that `accept` holds for the new claims: that they name the same
    /// user, say.
    ///
    /// # Errors
    ///
    /// See [`RenewError`]; the recorded claims stay as they were.
    pub async fn renew_if<T: DeserializeOwned>(
        &self,
        connection_id: &str,
        claims: &RoomClaims<T>,
        token: &str,
        accept: impl FnOnce(&RoomClaims<T>) -> bool,
    ) -> Result<RoomClaims<T>, RenewError> {
        let policy = self.policy();
        let registry = policy.registry.as_ref().ok_or(RenewError::NoRegistry)?;
        let Verified {
            claims: renewed,
            payload,
        } = policy.verifier.verify_at::<T>(token, policy.verifier.now())?;
        if renewed.room_id() != claims.room_id() {
            return Err(RenewError::OtherRoom);
        }
        if !accept(&renewed) {
            return Err(RenewError::NotAccepted);
        }
        let id: ConnectionId = connection_id.parse().map_err(|_| RenewError::UnknownConnection)?;
        let connection = registry.find(&id).await?.ok_or(RenewError::UnknownConnection)?;
        if connection.room != *renewed.room_id() {
            return Err(RenewError::OtherRoom);
        }
        // The payload was read as JSON, which is UTF-8.
        let payload = String::from_utf8(payload).map_err(|_| RenewError::NotAccepted)?;
        let connection = connection.renewed(payload, renewed.expires_at_seconds());
        if registry.renew(&connection).await? {
            Ok(renewed)
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
    /// The layer has no registry, so that there is nothing to renew.
    #[error("claims can only be renewed with a registry; add it by RoomAuthLayer::with_registry")]
    NoRegistry,
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}
