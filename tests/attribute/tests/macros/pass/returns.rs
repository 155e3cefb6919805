//! `return` and `?` leave the handler with the declared type, wherever they stand.

use std::num::ParseIntError;

use room_auth::{Error, LambdaEvent, RoomClaims, room_auth};
use serde_json::Value;

#[path = "../support.rs"]
mod support;

#[derive(Debug)]
enum Failure {
    Number,
    Other,
}

impl From<ParseIntError> for Failure {
    fn from(_: ParseIntError) -> Self {
        Self::Number
    }
}

#[room_auth(with = &support::LAYER)]
async fn converted(_claims: RoomClaims, _event: LambdaEvent<Value>, text: &str) -> Result<Value, Failure> {
    if text.is_empty() {
        return Err(Failure::Other);
    }
    let number: u32 = text.parse()?;
    for i in 0..number {
        if i == 2 {
            return Ok("two".into());
        }
    }
    Ok(number.into())
}

// Nothing but the declared type says what is converted into what.
#[room_auth(with = &support::LAYER)]
async fn boxed(_claims: RoomClaims, _event: LambdaEvent<Value>, text: &str) -> Result<Value, Error> {
    Ok(text.parse::<u32>()?.into())
}

#[room_auth(with = &support::LAYER)]
async fn diverges(_claims: RoomClaims, _event: LambdaEvent<Value>) -> Result<Value, Error> {
    loop {
        tokio::task::yield_now().await;
        return Ok("diverged".into());
    }
}

#[room_auth(with = &support::LAYER)]
async fn only_statement(_claims: RoomClaims, _event: LambdaEvent<Value>) -> Result<Value, Error> {
    return Err("only".into());
}

#[room_auth(with = &support::LAYER)]
async fn closures(_claims: RoomClaims, _event: LambdaEvent<Value>) -> Result<Value, Error> {
    let parse = |text: &str| -> Result<u32, ParseIntError> { Ok(text.parse::<u32>()? + 1) };
    let later = async { Ok::<u32, Error>("41".parse::<u32>()?) };
    return Ok((parse("0")? + later.await?).into());
}

// A borrow that ends with the last expression.
#[room_auth(with = &support::LAYER)]
async fn borrows(_claims: RoomClaims, _event: LambdaEvent<Value>) -> Result<Value, Error> {
    let cell = std::cell::RefCell::new(vec![1]);
    match cell.borrow().first() {
        Some(first) => Ok((*first).into()),
        None => Err("empty".into()),
    }
}

fn main() {
    let event = support::authenticated_event;
    assert_eq!(support::block_on(converted(event(), "1")).unwrap(), 1);
    assert_eq!(support::block_on(converted(event(), "5")).unwrap(), "two");
    assert!(matches!(support::block_on(converted(event(), "x")), Err(Failure::Number)));
    assert!(matches!(support::block_on(converted(event(), "")), Err(Failure::Other)));
    assert_eq!(support::block_on(boxed(event(), "8")).unwrap(), 8);
    assert!(support::block_on(boxed(event(), "x")).is_err());
    assert_eq!(support::block_on(diverges(event())).unwrap(), "diverged");
    assert_eq!(support::block_on(only_statement(event())).unwrap_err().to_string(), "only");
    assert_eq!(support::block_on(closures(event())).unwrap(), 42);
    assert_eq!(support::block_on(borrows(event())).unwrap(), 1);
}
