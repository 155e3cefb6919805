//! Claims, event and state are patterns like any parameter.

use room_auth::{Error, LambdaEvent, RoomClaims, room_auth};
use serde_json::Value;

#[path = "../support.rs"]
mod support;

#[derive(Clone, serde::Deserialize)]
struct Member {
    user: String,
    level: u32,
}

struct App {
    name: String,
    limit: u32,
}

#[room_auth(with = &support::LAYER)]
async fn destructured(
    claims @ RoomClaims { .. }: RoomClaims<Member>,
    LambdaEvent { payload, context }: LambdaEvent<Value>,
    App { name, limit }: App,
    &(first, ref second): &(u8, String),
) -> Result<Value, Error> {
    let Member { user, level } = claims.into_custom();
    assert!(payload.is_object() && context.request_id == "request-1");
    Ok(format!("{user} {level} {name} {limit} {first} {second}").into())
}

#[room_auth(with = &support::LAYER)]
async fn mutable(
    mut claims: RoomClaims<Member>,
    mut event: LambdaEvent<Value>,
    mut count: u32,
) -> Result<Value, Error> {
    claims = claims.clone();
    event.payload = Value::Null;
    count += claims.custom().level;
    Ok(format!("{} {} {count}", claims.custom().user, event.payload).into())
}

#[room_auth(with = &support::LAYER)]
async fn ignored(_: RoomClaims, _: LambdaEvent<Value>, _: App) -> Result<Value, Error> {
    Ok("ignored".into())
}

#[room_auth(with = &support::LAYER)]
async fn raw(r#type: RoomClaims, r#match: LambdaEvent<Value>, r#fn: u8) -> Result<Value, Error> {
    Ok(format!("{} {} {}", r#type.room_id(), r#match.payload["isBase64Encoded"], r#fn).into())
}

#[room_auth(with = &support::LAYER)]
async fn bound(claims @ RoomClaims { .. }: RoomClaims, event @ _: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(format!("{} {}", claims.room_id(), event.context.request_id).into())
}

#[room_auth(with = &support::LAYER)]
async fn by_reference(ref claims: RoomClaims, ref mut event: LambdaEvent<Value>) -> Result<Value, Error> {
    event.payload = Value::Bool(true);
    tokio::task::yield_now().await;
    Ok(format!("{} {}", claims.room_id(), event.payload).into())
}

fn main() {
    let app = || App { name: "app".to_owned(), limit: 3 };
    let event = support::authenticated_event;
    let second = (1, "two".to_owned());
    let response = support::block_on(destructured(event(), app(), &second)).unwrap();
    assert_eq!(response, "alice 7 app 3 1 two");
    assert_eq!(support::block_on(mutable(event(), 35)).unwrap(), "alice null 42");
    assert_eq!(support::block_on(ignored(event(), app())).unwrap(), "ignored");
    assert_eq!(support::block_on(raw(event(), 1)).unwrap(), "lobby false 1");
    assert_eq!(support::block_on(by_reference(event())).unwrap(), "lobby true");
    assert_eq!(support::block_on(bound(event())).unwrap(), "lobby request-1");
}
