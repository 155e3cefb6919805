//! Borrows and threads: as for any async function.

use std::rc::Rc;

use room_auth::{Error, LambdaEvent, RoomClaims, room_auth};
use serde_json::Value;

#[room_auth]
async fn not_mutable(claims: RoomClaims<String>, event: LambdaEvent<Value>, state: Vec<u8>) -> Result<Value, Error> {
    claims.clone_from(&claims.clone());
    state.push(1);
    Ok(event.payload)
}

#[room_auth]
async fn moved_twice(claims: RoomClaims, event: LambdaEvent<Value>, app: String) -> Result<Value, Error> {
    drop(claims);
    drop(app);
    Ok(format!("{} {app} {event:?}", claims.room_id()).into())
}

#[room_auth]
async fn not_send(_claims: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let local = Rc::new(event.payload);
    tokio::task::yield_now().await;
    Ok((*local).clone())
}

fn main() {
    drop(room_auth::run(not_send));
}
