//! Claims and event come first, by value, and in this order.

use room_auth::{Error, LambdaEvent, RoomClaims, room_auth};
use serde_json::Value;

struct App;

#[room_auth]
async fn swapped(event: LambdaEvent<Value>, claims: RoomClaims) -> Result<Value, Error> {
    Ok(format!("{event:?} {claims:?}").into())
}

#[room_auth]
async fn state_first(app: &App, claims: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(format!("{event:?} {claims:?}").into())
}

#[room_auth]
async fn state_between(claims: RoomClaims, app: &App, event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(format!("{event:?} {claims:?}").into())
}

#[room_auth]
async fn by_reference(claims: &RoomClaims, event: &mut LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(format!("{event:?} {claims:?}").into())
}

fn main() {}
