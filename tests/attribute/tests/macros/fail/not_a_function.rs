//! The attribute goes on the handler itself.

use room_auth::{Error, LambdaEvent, RoomClaims, room_auth};
use serde_json::Value;

#[room_auth]
struct App;

#[room_auth]
impl App {
    async fn connect(_: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
        Ok(event.payload)
    }
}

#[room_auth]
mod handlers {}

#[room_auth]
const HANDLER: fn() = main;

#[room_auth]
pub static OTHER: fn() = main;

#[room_auth]
use std::fmt;

#[room_auth]
type Handler = fn();

#[room_auth]
unsafe extern "C" {
    fn foreign();
}

macro_rules! nothing {
    () => {};
}

#[room_auth]
nothing!();

trait Route {
    #[room_auth]
    async fn handle(claims: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error>;
}

fn main() {
    let _: (App, Handler) = (App, HANDLER);
    let _ = App::connect;
    let _ = fmt::Error;
}
