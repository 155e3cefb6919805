//! A return type that is no result, or whose response can't refuse, found by traits.

use room_auth::{LambdaEvent, RoomClaims, room_auth};
use serde_json::Value;

#[derive(serde::Serialize)]
struct Reply {
    body: String,
}

#[room_auth]
async fn bare(claims: RoomClaims, event: LambdaEvent<Value>) -> Value {
    event.payload
}

#[room_auth]
async fn option(claims: RoomClaims, event: LambdaEvent<Value>) -> Option<Value> {
    Some(event.payload)
}

#[room_auth]
async fn unit(claims: RoomClaims, event: LambdaEvent<Value>) -> Result<(), String> {
    Ok(())
}

#[room_auth]
async fn own_reply(claims: RoomClaims, event: LambdaEvent<Value>) -> Result<Reply, String> {
    Ok(Reply { body: "joined".to_owned() })
}

#[room_auth]
async fn opaque(claims: RoomClaims, event: LambdaEvent<Value>) -> Result<impl serde::Serialize, String> {
    Ok("joined")
}

fn main() {}
