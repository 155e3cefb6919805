//! Arguments that don't exist, twice, or incomplete.

use std::sync::LazyLock;

use room_auth::{Error, LambdaEvent, RoomAuthLayer, RoomClaims, room_auth};
use serde_json::Value;

static LAYER: LazyLock<RoomAuthLayer> = LazyLock::new(|| RoomAuthLayer::from_env().unwrap());

#[room_auth(layer = &LAYER)]
async fn unknown(_: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[room_auth(with = &LAYER, with = &LAYER)]
async fn twice(_: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[room_auth(with = &LAYER, optional)]
async fn second_unknown(_: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[room_auth(with = &LAYER, strict = true)]
async fn second_unknown_with_value(_: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[room_auth(optional)]
async fn only_unknown(_: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[room_auth(with = &LAYER, &LAYER)]
async fn second_unnamed(_: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[room_auth(&LAYER)]
async fn unnamed(_: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[room_auth("PUBLIC_KEY")]
async fn literal(_: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[room_auth(with)]
async fn no_value(_: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[room_auth(with =)]
async fn no_expression(_: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[room_auth(with(&LAYER))]
async fn called(_: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[room_auth(with = &LAYER; strict)]
async fn separated(_: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[room_auth(= &LAYER)]
async fn nameless(_: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[room_auth(can)]
async fn no_capability(_: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[room_auth(can = SEND)]
async fn capability_without_quotes(_: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[room_auth(can = "Send messages")]
async fn not_a_capability(_: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[room_auth(can = "send", can = "list")]
async fn two_capabilities(_: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    room_auth::run(unknown).await?;
    room_auth::run(twice).await
}
