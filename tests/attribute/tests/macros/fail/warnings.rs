//! Warnings point at the user's own words, and at nothing else.
#![deny(warnings)]

use room_auth::{Error, LambdaEvent, RoomClaims, room_auth};
use serde_json::Value;

#[room_auth]
async fn unused(claims: RoomClaims, event: LambdaEvent<Value>, state: u8) -> Result<Value, Error> {
    Ok(Value::Null)
}

#[room_auth]
async fn unused_inside(
    custom: RoomClaims<u8>,
    mut event: LambdaEvent<Value>,
    mut state: Vec<u8>,
) -> Result<Value, Error> {
    let local = state;
    return Ok(event.payload);
    Ok(Value::Null)
}

#[room_auth]
async fn never_called(_claims: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[must_use = "an answer"]
#[deprecated = "too old"]
#[room_auth]
async fn attributed(_claims: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

async fn callers(events: [LambdaEvent<room_auth::Incoming>; 3]) {
    let [first, second, third] = events;
    let _ = unused(first, 1).await;
    let _ = unused_inside(second, vec![]).await;
    attributed(third);
}

fn main() {
    let _ = callers;
}
