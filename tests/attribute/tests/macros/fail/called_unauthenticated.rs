//! Nobody gets to the body with claims of their own choice.

use room_auth::{Authenticated, Error, LambdaEvent, RoomClaims, room_auth};
use serde_json::Value;

#[room_auth]
async fn connect(claims: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(format!("{claims:?} {event:?}").into())
}

async fn with_claims(claims: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    connect(claims, event).await
}

async fn with_an_authenticated_event(event: LambdaEvent<Authenticated<Value>>) -> Result<Value, Error> {
    connect(event).await
}

async fn with_a_typed_event(event: LambdaEvent<Value>) -> Result<Value, Error> {
    connect(event).await
}

async fn with_claims_only(claims: RoomClaims) -> Result<Value, Error> {
    connect(claims).await
}

fn main() {}
