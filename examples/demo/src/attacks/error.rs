//! Why an attack could not be tried.

use std::io;

use tokio_tungstenite::tungstenite;

/// Why an attack could not be tried.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttackError {
    #[error("the gateway does not answer: {0}")]
    Gateway(#[from] io::Error),
    #[error("the gateway does not speak WebSocket: {0}")]
    Protocol(#[from] Box<tungstenite::Error>),
    #[error("the gateway did not answer in time")]
    Timeout,
    #[error("the gateway answered {0} to a good token")]
    NotAccepted(u16),
    #[error("the gateway did not start: {0}")]
    Start(#[from] room_auth_gateway::StartError),
    #[error("the user was not revoked: {0}")]
    NotRevoked(#[from] room_auth::RegistryError),
    #[error("no other key could be made: {0}")]
    Key(#[from] room_auth::SigningKeyError),
}
