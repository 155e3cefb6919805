//! Generic parameters, bounds and `where` clauses stay, and may stand in any of the types.

use std::fmt::{Debug, Display};

use room_auth::{Error, LambdaEvent, RoomClaims, WebSocketResponse, room_auth};
use serde::de::DeserializeOwned;
use serde_json::Value;

#[path = "../support.rs"]
mod support;

#[room_auth(with = &support::LAYER)]
async fn generic<'a, T: DeserializeOwned, E, R, Er, const N: usize>(
    claims: RoomClaims<T>,
    event: LambdaEvent<E>,
    items: &'a [u8; N],
    reply: impl Fn(T, E, usize) -> Result<R, Er>,
) -> Result<R, Er>
where
    E: DeserializeOwned + Debug + 'static,
    R: WebSocketResponse + 'a,
{
    reply(claims.into_custom(), event.payload, items.len() + N)
}

#[room_auth(with = &support::LAYER)]
async fn opaque(_claims: RoomClaims, _event: LambdaEvent<Value>) -> Result<impl WebSocketResponse + Display, impl Debug> {
    if std::hint::black_box(false) {
        return Err("early");
    }
    Ok(Value::from("opaque"))
}

trait Backend {
    type Message: DeserializeOwned + Debug + 'static;
    const NAME: &'static str;
}

struct Memory;

impl Backend for Memory {
    type Message = Value;
    const NAME: &'static str = "memory";
}

#[room_auth(with = &support::LAYER)]
async fn associated<B: Backend>(_claims: RoomClaims, event: LambdaEvent<B::Message>, _backend: B) -> Result<Value, Error> {
    Ok(format!("{} {:?}", B::NAME, event.payload).into())
}

fn main() {
    let event = support::authenticated_event;
    let reply = |custom: Value, _: Value, n: usize| Ok::<_, Error>(Value::from(format!("{} {n}", custom["user"])));
    let response = support::block_on(generic(event(), &[1, 2, 3], reply)).unwrap();
    assert_eq!(response, "\"alice\" 6");
    let Ok(response) = support::block_on(opaque(event())) else { panic!() };
    assert_eq!(response.to_string(), "\"opaque\"");
    let response = support::block_on(associated(event(), Memory)).unwrap();
    assert!(response.as_str().unwrap().starts_with("memory Object"));
}
