//! Types that are not claims or an event, found by traits.

use room_auth::{Error, LambdaEvent, RoomClaims, room_auth};
use serde_json::Value;

struct User;
struct App;

#[room_auth]
async fn own_claims(user: User, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[room_auth]
async fn optional_claims(claims: Option<RoomClaims>, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[room_auth]
async fn bare_event(claims: RoomClaims, event: Value) -> Result<Value, Error> {
    Ok(event)
}

#[room_auth]
async fn state_for_event(claims: RoomClaims, app: App, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

fn main() {}
