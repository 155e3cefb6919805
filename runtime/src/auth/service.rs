//! The service that the layer makes.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};

use lambda_runtime::LambdaEvent;
use serde::de::DeserializeOwned;
use tower::Service;

use super::authenticated::Authenticated;
use super::future::ResponseFuture;
use super::session::Auth;
use crate::event::{Incoming, WebSocketEvent};
use crate::response::WebSocketResponse;

/// A service of raw events that calls the inner one with authenticated requests only.
pub struct RoomAuth<S, T = (), E = WebSocketEvent> {
    inner: S,
    auth: Arc<Auth>,
    takes: PhantomData<fn() -> (T, E)>,
}

impl<S, T, E> RoomAuth<S, T, E> {
    pub(crate) fn new(inner: S, auth: Arc<Auth>) -> Self {
        Self {
            inner,
            auth,
            takes: PhantomData,
        }
    }
}

impl<S, T, E> Service<LambdaEvent<Incoming>> for RoomAuth<S, T, E>
where
    S: Service<LambdaEvent<Authenticated<E, T>>> + Clone,
    S::Response: WebSocketResponse,
    E: DeserializeOwned + 'static,
    T: DeserializeOwned,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, E, T>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, event: LambdaEvent<Incoming>) -> Self::Future {
        // The service that is ready takes this request, now or after the registry was asked; its clone the next.
        let clone = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, clone);
        ResponseFuture::start(&self.auth, None, event, ready)
    }
}

impl<S: Clone, T, E> Clone for RoomAuth<S, T, E> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), self.auth.clone())
    }
}

impl<S: fmt::Debug, T, E> fmt::Debug for RoomAuth<S, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoomAuth")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
