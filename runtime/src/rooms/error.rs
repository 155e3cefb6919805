//! Why a frame did not reach one connection.

use crate::registry::RegistryError;
use crate::transport::{MAX_MESSAGE_BYTES, TransportError};

/// Why a frame did not reach one connection, or a connection was not ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The frame does not serialize to JSON; nothing was sent.
    #[error("the frame does not serialize to JSON")]
    NotSerializable,
    /// The frame is too large; nothing was sent.
    #[error(transparent)]
    TooLarge(#[from] FrameTooLarge),
    /// The connection is not recorded, or has gone.
    #[error("there is no such connection")]
    UnknownConnection,
    /// The connection is not open before its `$connect` has been answered, and so not from within that handler.
    #[error("the connection is not open yet; nothing can be sent to it before $connect has been answered")]
    NotYetConnected,
    /// Its token has expired; it was closed instead.
    #[error("the connection's token has expired")]
    Expired,
    /// The connection is of another API than the one that the transport is fixed to.
    #[error(
        "the connection belongs to the API {0}, and the transport always reaches another; unset \
         AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI, or send from a function of that API"
    )]
    OtherEndpoint(crate::ApiEndpoint),
    /// API Gateway did not take the request, in all attempts that there was time for.
    #[error("the connection was not reached")]
    Undelivered(#[source] TransportError),
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// A frame of more than 128 KB, which API Gateway does not take. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the frame has {bytes} bytes, API Gateway takes {MAX_MESSAGE_BYTES}; send it in parts, or send a link"
)]
pub struct FrameTooLarge {
    pub(super) bytes: usize,
}
