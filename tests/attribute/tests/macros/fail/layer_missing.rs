//! A service that takes authenticated events can't be started without the layer.

use room_auth::{Authenticated, Error, Incoming, LambdaEvent, service_fn};
use serde_json::Value;
use tower::{ServiceBuilder, ServiceExt};

async fn handle(request: LambdaEvent<Authenticated<Value>>) -> Result<Value, Error> {
    Ok(request.payload.claims().room_id().as_str().into())
}

async fn started() -> Result<(), Error> {
    lambda_runtime::run(service_fn(handle)).await
}

async fn started_concurrently() -> Result<(), Error> {
    lambda_runtime::run_concurrent(ServiceBuilder::new().service_fn(handle)).await
}

async fn called(event: LambdaEvent<Incoming>) -> Result<Value, Error> {
    service_fn(handle).oneshot(event).await
}

fn main() {}
