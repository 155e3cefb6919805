//! Starting the function.

use std::future::Future;

use lambda_runtime::{Diagnostic, Error, LambdaEvent};
use tower::service_fn;

use crate::event::Incoming;
use crate::private;
use crate::response::WebSocketResponse;

/// Runs an attributed handler as a Lambda function.
///
/// Reads the configuration from the environment first, so that a bad `PUBLIC_KEY` fails the init, by name,
/// before a request is taken. Follows `AWS_LAMBDA_MAX_CONCURRENCY` (Lambda Managed Instances) where it is set.
/// A handler with a configuration of its own (`#[room_auth(with = …)]`) does not need `PUBLIC_KEY`: start it by
/// `lambda_runtime::run(room_auth::service_fn(handler))`.
///
/// # Errors
///
/// An unusable configuration, or a runtime API that cannot be reached.
///
/// # Panics
///
/// Outside of Lambda, where the variables of the Lambda environment are missing.
pub async fn run<H, F, E, T, R, Er>(handler: H) -> Result<(), Error>
where
    H: FnMut(LambdaEvent<Incoming<E, T>>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<R, Er>> + Send + 'static,
    E: 'static,
    T: 'static,
    R: WebSocketResponse + serde::Serialize + Send + 'static,
    Er: Into<Diagnostic> + std::fmt::Debug + Send + 'static,
{
    private::check_env()?;
    lambda_runtime::run_concurrent(service_fn(handler)).await
}
