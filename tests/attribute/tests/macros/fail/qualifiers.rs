//! A handler is async, safe, and Rust's.

use room_auth::{Error, LambdaEvent, RoomClaims, room_auth};
use serde_json::Value;

#[room_auth]
fn not_async(claims: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[room_auth]
const fn constant(claims: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(Value::Null)
}

#[room_auth]
async unsafe fn not_safe(claims: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[room_auth]
pub async extern "C" fn foreign(claims: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[room_auth]
unsafe extern "C" fn variadic(claims: RoomClaims, event: LambdaEvent<Value>, more: ...) -> Result<Value, Error> {
    Ok(event.payload)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    room_auth::run(not_async).await?;
    room_auth::run(constant).await?;
    room_auth::run(not_safe).await?;
    room_auth::run(foreign).await
}
