//! What stands behind `with =` is a layer, and is evaluated where there are no claims yet.

use std::sync::LazyLock;

use room_auth::{ConfigError, Error, LambdaEvent, RoomAuthLayer, RoomClaims, room_auth};
use serde_json::Value;

static LAYER: LazyLock<RoomAuthLayer> = LazyLock::new(|| RoomAuthLayer::from_env().unwrap());

static FALLIBLE: LazyLock<Result<RoomAuthLayer, ConfigError>> = LazyLock::new(RoomAuthLayer::from_env);

#[room_auth(with = "PUBLIC_KEY")]
async fn text(_: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[room_auth(with = &FALLIBLE)]
async fn fallible(_: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[room_auth(with = LAYER)]
async fn moved(_: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[room_auth(with = if claims.room_id().as_str() == "lobby" { &*LAYER } else { &*LAYER })]
async fn by_claims(claims: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[room_auth(with = layer_for(&event))]
async fn by_event(_: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

fn layer_for(_: &LambdaEvent<room_auth::Incoming>) -> &'static RoomAuthLayer {
    &LAYER
}

fn main() {}
