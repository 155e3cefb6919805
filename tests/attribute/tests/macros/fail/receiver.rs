//! A handler is a function of its own.

use room_auth::{Error, LambdaEvent, RoomClaims, room_auth};
use serde_json::Value;

struct App;

impl App {
    #[room_auth]
    async fn by_reference(&self, claims: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
        self.answer(claims, event)
    }

    #[room_auth]
    async fn by_value(self, claims: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
        self.answer(claims, event)
    }

    #[room_auth]
    async fn boxed(self: Box<Self>) -> Result<Value, Error> {
        Ok(Value::Null)
    }

    fn answer(&self, claims: RoomClaims, event: LambdaEvent<Value>) -> Result<Value, Error> {
        Ok(format!("{claims:?} {event:?}").into())
    }
}

fn main() {}
