//! Why a transport failed.

/// Why a frame was not taken, or a connection not closed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// 410: there is no such connection any more, or `$connect` has not been answered yet.
    #[error("the connection is gone")]
    Gone,
    /// 429: too many requests at once. Try again later.
    #[error("the request was throttled")]
    Throttled,
    /// No answer in time. Whether the frame was taken is unknown; trying again may repeat it.
    #[error("no answer in time")]
    Timeout,
    /// 5xx, or no HTTP connection. Whether the frame was taken is unknown; trying again may repeat it.
    #[error("API Gateway was not available: {0}")]
    Unavailable(Box<str>),
    /// 413: the frame is larger than [`MAX_MESSAGE_BYTES`](super::MAX_MESSAGE_BYTES).
    #[error("the frame is larger than 128 KB")]
    TooLarge,
    /// 403: the function's role may not manage connections, or the request came to another place than the API.
    #[error(
        "not allowed to reach the connection; grant execute-api:ManageConnections on the API's stage, check \
         AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI (a custom domain's URL ends with the API mapping key, another's with \
         the stage), and within a VPC that no execute-api endpoint with private DNS takes the request"
    )]
    Forbidden,
    /// 400: the connection id is not one of this API.
    #[error("the API does not know such a connection id")]
    BadRequest,
    /// Any other error. Retrying will not help.
    #[error("the request failed")]
    Other(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl TransportError {
    /// Returns whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Throttled | Self::Timeout | Self::Unavailable(_))
    }
}
