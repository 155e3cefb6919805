//! Without a usable `PUBLIC_KEY` a function that was started anyway answers 500 and does not run the body.

use room_auth::{Error, LambdaEvent, RoomClaims, room_auth};
use serde_json::Value;

#[path = "../support.rs"]
mod support;

#[room_auth]
async fn connect(_claims: RoomClaims, _event: LambdaEvent<Value>) -> Result<Value, Error> {
    unreachable!("nobody can be authenticated without a key")
}

fn main() {
    if !support::has_public_key("no key at all") {
        return;
    }
    let response = support::block_on(connect(support::authenticated_event())).unwrap();
    assert_eq!(response["statusCode"], 500);
}
