//! A return type that is none, or can't be a result by its looks.

use room_auth::{Error, LambdaEvent, RoomClaims, room_auth};
use serde_json::Value;

#[room_auth]
async fn missing(claims: RoomClaims, event: LambdaEvent<Value>) {
    println!("{claims:?} {event:?}");
}

#[room_auth]
async fn unit(claims: RoomClaims, event: LambdaEvent<Value>) -> () {
    println!("{claims:?} {event:?}");
}

#[room_auth]
async fn tuple(claims: RoomClaims, event: LambdaEvent<Value>) -> (u16, &'static str) {
    (200, "joined")
}

#[room_auth]
async fn opaque(claims: RoomClaims, event: LambdaEvent<Value>) -> impl Into<Result<Value, Error>> {
    Ok(event.payload)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    room_auth::run(missing).await?;
    room_auth::run(unit).await?;
    room_auth::run(tuple).await?;
    room_auth::run(opaque).await
}
