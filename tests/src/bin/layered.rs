//! A function for the tests: the layer in front of a service that answers with what it got.
//!
//! With `RUN_CONCURRENT` in its environment it runs by `run_concurrent`, otherwise by `run`.

use std::convert::Infallible;

use room_auth::{Authenticated, LambdaEvent, RoomAuthLayer};
use serde_json::{Value, json};
use tower::ServiceBuilder;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

async fn show(request: LambdaEvent<Authenticated<Value>>) -> Result<Value, Infallible> {
    let (claims, event) = request.payload.into_parts();
    // A handler that logs its event, as careless ones do.
    tracing::info!(target: "handler", %event, "handling");
    let body = json!({"room": claims.room_id(), "event": event});
    Ok(json!({"statusCode": 200, "body": body.to_string()}))
}

#[tokio::main]
async fn main() -> Result<(), room_auth::Error> {
    tracing_subscriber::registry()
        .with("room_auth=trace,handler=trace".parse::<Targets>()?)
        .with(tracing_subscriber::fmt::layer().json().flatten_event(true))
        .init();
    let service = ServiceBuilder::new()
        .layer(RoomAuthLayer::from_env()?)
        .service_fn(show);
    if std::env::var_os("RUN_CONCURRENT").is_some() {
        lambda_runtime::run_concurrent(service).await
    } else {
        lambda_runtime::run(service).await
    }
}
