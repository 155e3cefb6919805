//! `can = "NAME"` lets only those in whose token allows it, with any layer, and the body does not run for others.

use std::sync::atomic::{AtomicUsize, Ordering};

use room_auth::{Error, LambdaEvent, RoomClaims, room_auth};
use serde_json::{Value, json};

#[path = "../support.rs"]
mod support;

static RUNS: AtomicUsize = AtomicUsize::new(0);

#[room_auth(with = &support::LAYER, can = "members:list")]
async fn list(claims: RoomClaims, _event: LambdaEvent<Value>) -> Result<Value, Error> {
    RUNS.fetch_add(1, Ordering::SeqCst);
    Ok(claims.can("send").into())
}

#[room_auth(can = "send", with = support::layer().requiring("members:list"))]
async fn both(_claims: RoomClaims, _event: LambdaEvent<Value>) -> Result<Value, Error> {
    RUNS.fetch_add(1, Ordering::SeqCst);
    Ok(Value::Null)
}

fn main() {
    let event = |can: Value| support::connect_event(&support::token(&json!({"can": can})));
    let forbidden = json!({"statusCode": 403, "body": r#"{"message":"Forbidden"}"#});

    assert_eq!(support::block_on(list(event(json!(["members:list"])))).unwrap(), false);
    assert_eq!(support::block_on(list(support::authenticated_event())).unwrap(), true);
    assert_eq!(RUNS.load(Ordering::SeqCst), 2);
    for can in [json!([]), json!(["send"]), json!(["members", "list"])] {
        assert_eq!(support::block_on(list(event(can))).unwrap(), forbidden);
    }
    assert_eq!(support::block_on(both(event(json!(["send"])))).unwrap(), forbidden);
    assert_eq!(support::block_on(both(event(json!(["members:list"])))).unwrap(), forbidden);
    assert_eq!(RUNS.load(Ordering::SeqCst), 2);
}
