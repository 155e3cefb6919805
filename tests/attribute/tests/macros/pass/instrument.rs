//! `#[tracing::instrument]` goes above, where it sees the claims, and below, where it spans authentication as well.

use room_auth::{Error, LambdaEvent, RoomClaims, room_auth};
use serde_json::Value;

#[path = "../support.rs"]
mod support;

#[tracing::instrument(skip(event), fields(room = %claims.room_id()), err)]
#[room_auth(with = &support::LAYER)]
async fn above(claims: RoomClaims, event: LambdaEvent<Value>, app: &str) -> Result<Value, Error> {
    Ok(format!("{} {} {app}", claims.room_id(), event.context.request_id).into())
}

#[room_auth(with = &support::LAYER)]
#[tracing::instrument(skip(event), ret, err)]
async fn below(claims: RoomClaims, event: LambdaEvent<Value>, app: &str) -> Result<Value, Error> {
    Ok(format!("{} {} {app}", claims.room_id(), event.context.request_id).into())
}

#[room_auth(with = &support::LAYER)]
#[tracing::instrument]
async fn plain(_claims: RoomClaims, mut event: LambdaEvent<Value>) -> Result<Value, Error> {
    event.payload.take();
    Ok(event.context.request_id.into())
}

#[tracing::instrument(skip_all)]
#[room_auth(with = &support::LAYER)]
#[tracing::instrument(skip_all)]
async fn both(_: RoomClaims, LambdaEvent { context, .. }: LambdaEvent<Value>) -> Result<Value, Error> {
    let number: u32 = "1".parse()?;
    if number > 1 {
        return Err("more".into());
    }
    Ok(context.request_id.into())
}

fn main() {
    let event = support::authenticated_event;
    assert_eq!(support::block_on(support::assert_send(above(event(), "app"))).unwrap(), "lobby request-1 app");
    assert_eq!(support::block_on(support::assert_send(below(event(), "app"))).unwrap(), "lobby request-1 app");
    assert_eq!(support::block_on(support::assert_send(plain(event()))).unwrap(), "request-1");
    assert_eq!(support::block_on(support::assert_send(both(event()))).unwrap(), "request-1");
}
