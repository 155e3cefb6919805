//! What is read from the token and the event must be readable.

use room_auth::{Error, LambdaEvent, RoomClaims, room_auth};
use serde_json::Value;

struct Member {
    user: String,
}

struct Event {
    body: String,
}

#[room_auth]
async fn claims_without_deserialize(claims: RoomClaims<Member>, _: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(claims.into_custom().user.into())
}

#[room_auth]
async fn event_without_deserialize(_: RoomClaims, event: LambdaEvent<Event>) -> Result<Value, Error> {
    Ok(event.payload.body.into())
}

#[room_auth]
async fn generic_without_bound<T>(_: RoomClaims<T>, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

fn main() {}
