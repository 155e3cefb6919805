//! Starting the function.

use std::fmt::Debug;
use std::future::Future;

use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower::Service;

use crate::auth::{self, Authenticated, RoomAuth};
use crate::error::ConfigError;
use crate::event::Incoming;
use crate::response::WebSocketResponse;

/// Runs a handler as a Lambda function: a function with `#[room_auth]`, or a service behind a
/// [`RoomAuthLayer`](crate::RoomAuthLayer).
///
/// For an attributed function the configuration is read from the environment first, so that a bad `PUBLIC_KEY`
/// fails the init, by name, before a request is taken. One with a configuration of its own (`#[room_auth(with = …)]`)
/// does not need `PUBLIC_KEY`: start it by `lambda_runtime::run(room_auth::service_fn(handler))`.
///
/// Follows `AWS_LAMBDA_MAX_CONCURRENCY` (Lambda Managed Instances) where it is set.
///
/// # Errors
///
/// An invalid configuration, a runtime API that cannot be reached, or no Lambda environment: outside of Lambda the
/// error says how to run the function.
pub async fn run<H, Kind>(handler: H) -> Result<(), Error>
where
    H: Handler<Kind>,
{
    handler.check()?;
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
        return Err(Box::new(NotInLambda));
    }
    handler.run().await
}

/// What [`run`] takes. Implemented for the two kinds of handlers, and for nothing else.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler that `room_auth::run` can run",
    label = "expected a function with `#[room_auth]`, or a service behind a `RoomAuthLayer`",
    note = "write `#[room_auth]` above the function, or `room_auth::run(RoomAuthLayer::from_env()?.layer(service_fn(handler)))`"
)]
pub trait Handler<Kind>: sealed::Sealed<Kind> {
    #[doc(hidden)]
    fn check(&self) -> Result<(), ConfigError>;

    #[doc(hidden)]
    fn run(self) -> impl Future<Output = Result<(), Error>>;
}

mod sealed {
    pub trait Sealed<Kind> {}
}

/// The kind of a function with `#[room_auth]`.
#[derive(Debug)]
pub enum Attributed {}

/// The kind of a service behind a layer.
#[derive(Debug)]
pub enum Layered {}

impl<H, F, R, Er> sealed::Sealed<Attributed> for H
where
    H: FnMut(LambdaEvent<Incoming>) -> F,
    F: Future<Output = Result<R, Er>>,
{
}

impl<H, F, R, Er> Handler<Attributed> for H
where
    H: FnMut(LambdaEvent<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<R, Er>> + Send + 'static,
    R: WebSocketResponse + Serialize + Send + 'static,
    Er: Into<Diagnostic> + Debug + Send + 'static,
{
    fn check(&self) -> Result<(), ConfigError> {
        auth::from_env().map(|_| ())
    }

    async fn run(self) -> Result<(), Error> {
        lambda_runtime::run_concurrent(service_fn(self)).await
    }
}

impl<S, T, E> sealed::Sealed<Layered> for RoomAuth<S, T, E> {}

impl<S, T, E> Handler<Layered> for RoomAuth<S, T, E>
where
    S: Service<LambdaEvent<Authenticated<E, T>>> + Clone + Send + 'static,
    S::Response: WebSocketResponse + Serialize + Send + 'static,
    S::Error: Into<Diagnostic> + Debug + Send + 'static,
    S::Future: Send + 'static,
    E: DeserializeOwned + Send + 'static,
    T: DeserializeOwned + Send + 'static,
{
    fn check(&self) -> Result<(), ConfigError> {
        Ok(())
    }

    async fn run(self) -> Result<(), Error> {
        lambda_runtime::run_concurrent(self).await
    }
}

/// The function was started outside of Lambda. `Debug` prints the same line as `Display`, since `main` prints errors
/// by `Debug`.
#[derive(thiserror::Error)]
#[error(
    "this is a Lambda function and AWS_LAMBDA_RUNTIME_API is not set; run it locally with \
     `room-auth-gateway` or `cargo lambda watch`, or deploy it"
)]
struct NotInLambda;

impl Debug for NotInLambda {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}
