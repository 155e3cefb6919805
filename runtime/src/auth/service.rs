//! The service that the layer makes.

use std::task::{Context, Poll};

use lambda_runtime::LambdaEvent;
use serde::de::DeserializeOwned;
use tower::Service;

use super::authenticated::Authenticated;
use super::future::{Request, ResponseFuture};
use super::layer::RoomAuthLayer;
use crate::event::Incoming;
use crate::response::WebSocketResponse;

/// A service of raw events that calls the inner one with authenticated requests only.
#[derive(Clone, Debug)]
pub struct RoomAuth<S> {
    inner: S,
    layer: RoomAuthLayer,
}

impl<S> RoomAuth<S> {
    pub(crate) fn new(inner: S, layer: RoomAuthLayer) -> Self {
        Self { inner, layer }
    }
}

impl<S, E, T> Service<LambdaEvent<Incoming<E, T>>> for RoomAuth<S>
where
    S: Service<LambdaEvent<Authenticated<E, T>>>,
    S::Response: WebSocketResponse,
    E: DeserializeOwned,
    T: DeserializeOwned,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, event: LambdaEvent<Incoming<E, T>>) -> Self::Future {
        match Request::admit(&self.layer, event) {
            Ok(request) => ResponseFuture::admitted(self.inner.call(request.event), request.subprotocol),
            Err(rejection) => ResponseFuture::rejected(rejection),
        }
    }
}
