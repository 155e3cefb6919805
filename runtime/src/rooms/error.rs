//! Why a frame did not reach one connection, and why a membership did not change.

use crate::registry::RegistryError;
use crate::token::VerifyError;
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

/// Why a connection did not renew, join or leave. Holds no part of the token; tell the peer only that it was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MembershipError {
    /// The new token was refused.
    #[error(transparent)]
    Token(#[from] VerifyError),
    /// The new token is for another room than the one that it is to renew.
    #[error("the new token is for another room")]
    OtherRoom,
    /// The new token is of another user than the connection.
    #[error("the new token is of another user")]
    OtherUser,
    /// The caller's own condition does not hold.
    #[error("the new claims were not accepted")]
    NotAccepted,
    /// The new token was revoked, or all tokens of its user that were issued by then.
    #[error("the new token has been revoked")]
    Revoked,
    /// The new token is accepted once, and was used before.
    #[error("the new token was used before")]
    TokenUsed,
    /// The connection is in as many rooms as it may be.
    #[error("the connection is in {0} further rooms, and may be in no more")]
    TooManyRooms(usize),
    /// The room of `$connect` lasts as long as the connection.
    #[error("the room of $connect cannot be left; end the connection")]
    OwnRoom,
    /// From within the handler of `$connect` no room can be joined or left: the connection does not exist before that
    /// has been answered.
    #[error("the connection is not open yet; join after $connect has been answered")]
    NotYetConnected,
    /// The connection has ended, was never recorded, or has left the room.
    #[error("the connection is not recorded")]
    UnknownConnection,
    /// The rooms have no verifier.
    #[error("the rooms have no verifier; give them to the layer by RoomAuthLayer::with_rooms")]
    NoVerifier,
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl MembershipError {
    /// Returns whether the peer's request was refused, rather than a fault on our side.
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::NotYetConnected | Self::NoVerifier | Self::Registry(_))
    }

    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Token(error) => error.kind().as_str(),
            Self::OtherRoom => "other_room",
            Self::OtherUser => "other_user",
            Self::NotAccepted => "not_accepted",
            Self::Revoked => "revoked",
            Self::TokenUsed => "used",
            Self::TooManyRooms(_) => "too_many_rooms",
            Self::OwnRoom => "own_room",
            Self::UnknownConnection => "unknown_connection",
            Self::NotYetConnected | Self::NoVerifier => "configuration",
            Self::Registry(_) => "registry",
        }
    }

    pub(super) fn member(&self) -> Option<&'static str> {
        match self {
            Self::Token(error) => error.member(),
            _ => None,
        }
    }
}
