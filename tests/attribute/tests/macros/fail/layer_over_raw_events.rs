//! Behind the layer stands what takes authenticated events, and before it raw ones come in.

use room_auth::{Authenticated, Error, Incoming, LambdaEvent, RoomAuthLayer, service_fn};
use serde_json::Value;
use tower::{Layer, ServiceExt};

async fn raw(event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

async fn handle(request: LambdaEvent<Authenticated<Value>>) -> Result<Value, Error> {
    Ok(request.payload.claims().room_id().as_str().into())
}

async fn over_raw(layer: RoomAuthLayer, event: LambdaEvent<Incoming>) -> Result<Value, Error> {
    layer.layer(service_fn(raw)).oneshot(event).await
}

async fn bypassed(layer: RoomAuthLayer, event: LambdaEvent<Value>) -> Result<Value, Error> {
    layer.layer(service_fn(handle)).oneshot(event).await
}

async fn run_without() -> Result<(), Error> {
    room_auth::run(handle).await
}

fn main() {}
