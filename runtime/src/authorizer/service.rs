//! The authorizer as a service, which waits only for newer keys of an issuer.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use lambda_runtime::LambdaEvent;
use serde::de::DeserializeOwned;
use tower::Service;

use super::error::AuthorizerError;
use super::request::Authorizer;
use super::response::AuthorizerResponse;
use crate::event::Incoming;

impl<T: DeserializeOwned> Service<LambdaEvent<Incoming>> for Authorizer<T> {
    type Response = AuthorizerResponse;
    type Error = AuthorizerError;
    type Future = AuthorizerFuture<T>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, event: LambdaEvent<Incoming>) -> Self::Future {
        let event = event.payload;
        let decided = match self.read(event.as_raw()) {
            Err(error) => Err(error),
            Ok(view) => match self.awaited_keys(&view) {
                None => self.authorize(event.as_raw(), &view),
                Some(awaited) => {
                    let authorizer = Box::new(self.clone());
                    return AuthorizerFuture(State::AwaitingKeys {
                        awaited,
                        authorizer,
                        event,
                    });
                }
            },
        };
        AuthorizerFuture(State::Decided(Some(decided)))
    }
}

/// The response of an [`Authorizer`]: there at once, unless the token needs newer keys of its issuer.
pub struct AuthorizerFuture<T>(State<T>);

enum State<T> {
    Decided(Option<Result<AuthorizerResponse, AuthorizerError>>),
    AwaitingKeys {
        awaited: BoxFuture<'static, ()>,
        authorizer: Box<Authorizer<T>>,
        event: Incoming,
    },
}

impl<T: DeserializeOwned> Future for AuthorizerFuture<T> {
    type Output = Result<AuthorizerResponse, AuthorizerError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Decided(answer) => {
                Poll::Ready(answer.take().expect("a future is not polled after it is ready"))
            }
            State::AwaitingKeys {
                awaited,
                authorizer,
                event,
            } => {
                ready!(awaited.as_mut().poll(cx));
                let view = authorizer.read(event.as_raw());
                let answer = view.and_then(|view| authorizer.authorize(event.as_raw(), &view));
                self.0 = State::Decided(None);
                Poll::Ready(answer)
            }
        }
    }
}

impl<T> fmt::Debug for AuthorizerFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizerFuture").finish_non_exhaustive()
    }
}
