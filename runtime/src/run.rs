//! Starting the function.

use std::fmt::Debug;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

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
// Not an `async fn`: the compiler would report a handler that does not fit once for each state of its future.
pub fn run<H: Handler<Kind>, Kind>(handler: H) -> Pin<Box<dyn Future<Output = Result<(), Error>>>> {
    Box::pin(async move {
        handler.check()?;
        if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
            return Err(NotInLambda.into());
        }
        handler.run().await
    })
}

/// What [`run`] takes. Implemented for the two kinds of handlers, and for nothing else.
#[diagnostic::on_unimplemented(
    message = "`room_auth::run` cannot run `{Self}`",
    label = "expected a function with `#[room_auth]`, or a service behind a `RoomAuthLayer`",
    note = "put `#[room_auth]` on the function, or write `room_auth::run(RoomAuthLayer::from_env()?.layer(service_fn(handler)))`"
)]
pub trait Handler<Kind>: sealed::Sealed<Kind> + 'static {
    #[doc(hidden)]
    fn check(&self) -> Result<(), ConfigError>;

    #[doc(hidden)]
    fn run(self) -> impl Future<Output = Result<(), Error>>;
}

/// What a function with `#[room_auth]` takes.
#[diagnostic::on_unimplemented(
    message = "`room_auth::run` runs functions with `#[room_auth]`, and this one takes `LambdaEvent<{Self}>`",
    label = "this function does not have `#[room_auth]`",
    note = "put `#[room_auth]` on it, with the claims as its first parameter, or keep it behind a `RoomAuthLayer` and run that"
)]
pub trait RawEvent: DeserializeOwned + Send + sealed::Sealed<()> + 'static {}

impl RawEvent for Incoming {}

impl sealed::Sealed<()> for Incoming {}

mod sealed {
    pub trait Sealed<Kind> {}
}

/// The kind of a function with `#[room_auth]`, which takes `LambdaEvent<A>`.
#[derive(Debug)]
pub struct Attributed<A>(PhantomData<A>);

/// The kind of a service behind a layer.
#[derive(Debug)]
pub enum Layered {}

impl<H, A, F, R, Er> sealed::Sealed<Attributed<A>> for H
where
    H: FnMut(LambdaEvent<A>) -> F,
    F: Future<Output = Result<R, Er>>,
{
}

impl<H, A, F, R, Er> Handler<Attributed<A>> for H
where
    H: FnMut(LambdaEvent<A>) -> F + Clone + Send + 'static,
    A: RawEvent,
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
