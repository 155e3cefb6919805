//! Sending to connections: the [`Transport`] trait.

#[cfg(feature = "management")]
mod management;

use std::fmt;
use std::sync::Arc;

use crate::id::ConnectionId;
use crate::registry::BoxFuture;

#[cfg(feature = "management")]
#[cfg_attr(docsrs, doc(cfg(feature = "management")))]
pub use management::{ENDPOINT_VARIABLE, ManagementApi};

/// The largest message that API Gateway takes, in bytes (128 KB; API Gateway quota page).
pub const MAX_MESSAGE_BYTES: usize = 128 * 1024;

/// The API and stage through which a connection is reached, from an event's `domainName` and `stage`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApiEndpoint {
    domain_name: Box<str>,
    stage: Box<str>,
}

impl ApiEndpoint {
    /// The endpoint of the API under `domain_name` (such as `a1b2.execute-api.eu-west-1.amazonaws.com`).
    pub fn new(domain_name: &str, stage: &str) -> Self {
        Self {
            domain_name: domain_name.into(),
            stage: stage.into(),
        }
    }

    /// The host name that clients connected to.
    pub fn domain_name(&self) -> &str {
        &self.domain_name
    }

    /// The stage.
    pub fn stage(&self) -> &str {
        &self.stage
    }
}

/// Sends frames to connections and closes them: API Gateway's @connections API, or a test's stand-in.
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Sends one text frame. Returns when API Gateway has taken it, which is no proof that the client has.
    fn post<'a>(&'a self, to: &'a ConnectionId, frame: &'a [u8])
    -> BoxFuture<'a, Result<(), TransportError>>;

    /// Closes the connection.
    fn close<'a>(&'a self, connection: &'a ConnectionId) -> BoxFuture<'a, Result<(), TransportError>>;

    /// This transport towards another API; `None` where it already knows its way (the default).
    fn at(&self, endpoint: &ApiEndpoint) -> Option<Arc<dyn Transport>> {
        let _ = endpoint;
        None
    }
}

impl<X: Transport + ?Sized> Transport for Arc<X> {
    fn post<'a>(
        &'a self,
        to: &'a ConnectionId,
        frame: &'a [u8],
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        (**self).post(to, frame)
    }

    fn close<'a>(&'a self, connection: &'a ConnectionId) -> BoxFuture<'a, Result<(), TransportError>> {
        (**self).close(connection)
    }

    fn at(&self, endpoint: &ApiEndpoint) -> Option<Arc<dyn Transport>> {
        (**self).at(endpoint)
    }
}

/// Why a frame was not taken, or a connection not closed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// 410: there is no such connection any more. Forget it.
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
    /// 413: the frame is larger than [`MAX_MESSAGE_BYTES`].
    #[error("the frame is larger than 128 KB")]
    TooLarge,
    /// 403: the function's role lacks `execute-api:ManageConnections` on this API, or the stage is wrong.
    #[error("not allowed to reach the connection; grant execute-api:ManageConnections on the API's stage")]
    Forbidden,
    /// 400: the connection id is none of this API.
    #[error("the API does not know such a connection id")]
    BadRequest,
    /// Anything else; it will be so again.
    #[error("the request failed")]
    Other(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl TransportError {
    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Throttled | Self::Timeout | Self::Unavailable(_))
    }
}
