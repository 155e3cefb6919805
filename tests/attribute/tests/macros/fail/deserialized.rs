//! Claims and authenticated events can't be read from data that somebody sent.

use room_auth::{Authenticated, RoomClaims};
use serde_json::Value;

fn claims(text: &str) -> RoomClaims {
    serde_json::from_str(text).unwrap()
}

fn event(text: &str) -> Authenticated<Value> {
    serde_json::from_str(text).unwrap()
}

fn own_claims<T: serde::de::DeserializeOwned>(value: Value) -> RoomClaims<T> {
    serde_json::from_value(value).unwrap()
}

fn main() {}
