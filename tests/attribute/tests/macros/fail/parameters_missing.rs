//! No claims, no event: what to write is said, and whoever uses the function is not told more.

use room_auth::{Error, LambdaEvent, RoomClaims, room_auth};
use serde_json::Value;

#[room_auth]
async fn nothing() -> Result<Value, Error> {
    Ok(Value::Null)
}

#[room_auth]
async fn no_claims(event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[room_auth]
async fn no_event(claims: RoomClaims) -> Result<Value, Error> {
    Ok(claims.room_id().as_str().into())
}

#[room_auth]
async fn neither(user: &str) -> Result<Value, Error> {
    Ok(user.into())
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    room_auth::run(nothing).await?;
    room_auth::run(no_claims).await?;
    room_auth::run(no_event).await?;
    room_auth::run(neither).await
}
