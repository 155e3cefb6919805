//! What is wrong in the body is told as for any function, where it is.

use room_auth::{Error, LambdaEvent, RoomClaims, room_auth};
use serde_json::Value;

#[room_auth]
async fn wrong_tail(_: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    event.payload
}

#[room_auth]
async fn wrong_ok(_: RoomClaims, _: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(200)
}

#[room_auth]
async fn wrong_return(_: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    if event.payload.is_null() {
        return Ok("empty");
    }
    Ok(event.payload)
}

#[room_auth]
async fn no_tail(_: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    drop(event);
}

#[room_auth]
async fn no_conversion(_: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, std::fmt::Error> {
    let number: u8 = text(&event.payload)?;
    Ok(number.into())
}

fn text(_: &Value) -> Result<u8, std::num::ParseIntError> {
    Ok(1)
}

#[room_auth]
async fn unknown_method(claims: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    claims.role();
    Ok(event.payload)
}

#[room_auth]
async fn wrong_pattern(RoomClaims { user, .. }: RoomClaims, Value::Null: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(user)
}

#[room_auth]
async fn unknown_type(claims: RoomClaims<Member>, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

fn main() {}
