//! Claims and event have one type and are always there.

use room_auth::{Error, LambdaEvent, RoomClaims, room_auth};
use serde_json::Value;

#[room_auth]
async fn opaque(
    claims: RoomClaims<impl Into<Value>>,
    event: LambdaEvent<impl serde::de::DeserializeOwned>,
) -> Result<Value, Error> {
    Ok(claims.into_custom().into())
}

#[room_auth]
async fn conditional(
    #[cfg(feature = "auth")] claims: RoomClaims,
    #[cfg_attr(test, allow(unused))] event: LambdaEvent<Value>,
) -> Result<Value, Error> {
    Ok(event.payload)
}

fn main() {}
