//! Attributes and documentation stay on the function and its parameters.
#![deny(warnings, missing_docs)]
#![deny(let_underscore, unused_lifetimes, unused_qualifications, unused_results, single_use_lifetimes)]
#![forbid(unsafe_code, clippy::pedantic)]

use room_auth::{Error, LambdaEvent, RoomClaims, room_auth};
use serde_json::Value;

#[path = "../support.rs"]
mod support;

/// Documented, above and
#[room_auth(with = &support::LAYER)]
/// below.
#[allow(unused_variables)]
#[must_use]
#[inline]
pub async fn kept(claims: RoomClaims, event: LambdaEvent<Value>, state: u8) -> Result<Value, Error> {
    let unused = 1;
    Ok("kept".into())
}

#[expect(unused_variables)]
#[room_auth(with = &support::LAYER)]
async fn expected(claims: RoomClaims, _event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok("expected".into())
}

#[room_auth(with = &support::LAYER)]
async fn on_parameters(
    #[allow(unused_variables)] claims: RoomClaims,
    #[expect(unused_variables)] event: LambdaEvent<Value>,
    #[cfg(all())] state: u8,
    #[cfg(any())] nothing: DoesNotExist,
) -> Result<Value, Error> {
    Ok(state.into())
}

#[room_auth(with = &support::LAYER)]
async fn inside(claims: RoomClaims, _event: LambdaEvent<Value>) -> Result<Value, Error> {
    #![allow(unused_variables)]
    //! Documentation from inside.
    Ok("inside".into())
}

#[room_auth(with = &support::LAYER)]
async fn unnamed(_: RoomClaims, _: LambdaEvent<Value>, _: &u8) -> Result<Value, Error> {
    Ok("unnamed".into())
}

#[cfg(all())]
#[room_auth(with = &support::LAYER)]
async fn chosen(_claims: RoomClaims, _event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(1.into())
}

#[room_auth(with = &support::LAYER)]
#[cfg(any())]
async fn chosen(_claims: RoomClaims, _event: LambdaEvent<DoesNotExist>) -> Result<Value, Error> {
    Ok(2.into())
}

fn main() {
    let event = support::authenticated_event;
    assert_eq!(support::block_on(kept(event(), 1)).unwrap(), "kept");
    assert_eq!(support::block_on(expected(event())).unwrap(), "expected");
    assert_eq!(support::block_on(on_parameters(event(), 5)).unwrap(), 5);
    assert_eq!(support::block_on(inside(event())).unwrap(), "inside");
    assert_eq!(support::block_on(unnamed(event(), &1)).unwrap(), "unnamed");
    assert_eq!(support::block_on(chosen(event())).unwrap(), 1);
}
