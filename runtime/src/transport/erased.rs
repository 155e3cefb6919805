//! Transports behind a pointer: `async fn` in a trait has no `dyn` form of its own.

use std::fmt::Debug;

use futures_util::future::BoxFuture;

use super::{Transport, TransportError};
use crate::endpoint::ApiEndpoint;
use crate::id::ConnectionId;

/// A [`Transport`] whose futures are boxed.
pub(crate) trait ErasedTransport: Debug + Send + Sync {
    fn post<'a>(
        &'a self,
        at: &'a ApiEndpoint,
        to: &'a ConnectionId,
        frame: &'a [u8],
    ) -> BoxFuture<'a, Result<(), TransportError>>;
    fn close<'a>(
        &'a self,
        at: &'a ApiEndpoint,
        connection: &'a ConnectionId,
    ) -> BoxFuture<'a, Result<(), TransportError>>;
    fn has_fixed_endpoint(&self) -> bool;
}

impl<X: Transport> ErasedTransport for X {
    fn post<'a>(
        &'a self,
        at: &'a ApiEndpoint,
        to: &'a ConnectionId,
        frame: &'a [u8],
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(Transport::post(self, at, to, frame))
    }

    fn close<'a>(
        &'a self,
        at: &'a ApiEndpoint,
        connection: &'a ConnectionId,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(Transport::close(self, at, connection))
    }

    fn has_fixed_endpoint(&self) -> bool {
        Transport::has_fixed_endpoint(self)
    }
}
