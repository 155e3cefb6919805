//! Sending to connections: the [`Transport`] trait.

mod erased;
mod error;
#[cfg(feature = "management")]
mod management;

use std::fmt::Debug;

use crate::endpoint::ApiEndpoint;
use crate::id::ConnectionId;

pub(crate) use erased::ErasedTransport;
pub use error::TransportError;
#[cfg(feature = "management")]
#[cfg_attr(docsrs, doc(cfg(feature = "management")))]
pub use management::{ENDPOINT_ENV, ManagementApi};

/// The largest message that API Gateway takes, in bytes (128 KB; API Gateway quota page).
pub const MAX_MESSAGE_BYTES: usize = 128 * 1024;

/// Sends frames to connections and closes them: API Gateway's @connections API, or a stand-in in tests.
///
/// Each call names the endpoint that is recorded with the connection. Implementations write plain `async fn`; check
/// them by `testing::transport_conformance` (feature `testing`). Later versions may add methods with default
/// implementations.
///
/// ```
/// use room_auth::{ApiEndpoint, ConnectionId, Transport, TransportError};
///
/// /// Prints what would be sent.
/// #[derive(Debug)]
/// struct Printed;
///
/// impl Transport for Printed {
///     async fn post(&self, at: &ApiEndpoint, to: &ConnectionId, frame: &[u8]) -> Result<(), TransportError> {
///         println!("{at} {to}: {}", String::from_utf8_lossy(frame));
///         Ok(())
///     }
///
///     async fn close(&self, at: &ApiEndpoint, connection: &ConnectionId) -> Result<(), TransportError> {
///         println!("{at} {connection}: closed");
///         Ok(())
///     }
/// }
/// ```
pub trait Transport: Debug + Send + Sync + 'static {
    /// Sends one text frame. Returns when API Gateway has taken it, which is no proof that the client has.
    fn post(
        &self,
        at: &ApiEndpoint,
        to: &ConnectionId,
        frame: &[u8],
    ) -> impl Future<Output = Result<(), TransportError>> + Send;

    /// Closes the connection.
    fn close(
        &self,
        at: &ApiEndpoint,
        connection: &ConnectionId,
    ) -> impl Future<Output = Result<(), TransportError>> + Send;

    /// Returns whether every connection is reached at one fixed place, whatever endpoint a call names (default:
    /// `false`).
    ///
    /// Such a transport reaches one API. A connection of another API is then neither sent to nor forgotten: that the
    /// one API does not know it proves nothing.
    fn has_fixed_endpoint(&self) -> bool {
        false
    }
}
