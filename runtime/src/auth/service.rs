//! The service that the layer makes.

use std::task::{Context, Poll};

use lambda_runtime::LambdaEvent;
use serde::de::DeserializeOwned;
use tower::Service;

use super::authenticated::Authenticated;
use super::future::{Handle, ResponseFuture};
use super::layer::RoomAuthLayer;
use super::start::Start;
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
    S: Service<LambdaEvent<Authenticated<E, T>>> + Clone,
    S::Response: WebSocketResponse,
    E: DeserializeOwned,
    T: DeserializeOwned,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<Ready<S>, E, T>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, event: LambdaEvent<Incoming<E, T>>) -> Self::Future {
        match Start::new(&self.layer, event) {
            Start::Refused(rejection) => ResponseFuture::refused(rejection),
            Start::Admitted(request, then) => ResponseFuture::handling(self.inner.call(request), then),
            Start::Asking(asking, waiting) => {
                // The service that is ready is the one that waits; its clone takes the next request.
                let clone = self.inner.clone();
                let ready = std::mem::replace(&mut self.inner, clone);
                ResponseFuture::asking(asking, waiting, Ready(ready))
            }
        }
    }
}

/// An inner service that has said that it is ready.
#[derive(Debug)]
pub struct Ready<S>(S);

impl<S, E, T> Handle<E, T> for Ready<S>
where
    S: Service<LambdaEvent<Authenticated<E, T>>>,
{
    type Future = S::Future;

    fn handle(mut self, request: LambdaEvent<Authenticated<E, T>>) -> S::Future {
        self.0.call(request)
    }
}
