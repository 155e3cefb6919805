//! Handlers stand in modules, in functions and beside other associated functions, as visible as they say.

use room_auth::{Error, LambdaEvent, RoomClaims, room_auth};
use serde_json::Value;

#[path = "../support.rs"]
mod support;

mod outer {
    pub mod inner {
        use room_auth::*;
        use serde_json::Value;

        #[room_auth(with = &crate::support::LAYER)]
        pub(in crate::outer) async fn inner_only(_c: RoomClaims, _e: LambdaEvent<Value>) -> Result<Value, Error> {
            Ok("inner".into())
        }

        #[room_auth(with = &crate::support::LAYER)]
        pub(super) async fn super_only(_c: RoomClaims, e: LambdaEvent<Value>) -> Result<Value, Error> {
            Ok(e.context.request_id.into())
        }
    }

    pub async fn both() -> (serde_json::Value, serde_json::Value) {
        (
            inner::inner_only(crate::support::authenticated_event()).await.unwrap(),
            inner::super_only(crate::support::authenticated_event()).await.unwrap(),
        )
    }
}

struct App<T>(T);

impl<T: Clone + Into<Value>> App<T> {
    const GREETING: &'static str = "hello";

    #[room_auth(with = &support::LAYER)]
    async fn associated(_claims: RoomClaims, _event: LambdaEvent<Value>, app: &Self) -> Result<Value, Error> {
        Ok(vec![Self::GREETING.into(), app.0.clone().into()].into())
    }
}

trait Route {
    async fn handle(event: LambdaEvent<room_auth::Incoming>) -> Result<Value, Error>;
}

struct Lobby;

impl Route for Lobby {
    #[room_auth(with = &support::LAYER)]
    async fn handle(claims: RoomClaims, _event: LambdaEvent<Value>) -> Result<Value, Error> {
        Ok(claims.room_id().as_str().into())
    }
}

fn main() {
    let (inner, outer) = support::block_on(outer::both());
    assert_eq!((inner, outer), ("inner".into(), "request-1".into()));

    // In a function, and with a helper item of its own.
    #[room_auth(with = &support::LAYER)]
    async fn local(_claims: RoomClaims, _event: LambdaEvent<Value>) -> Result<Value, Error> {
        const ANSWER: u32 = helper();
        const fn helper() -> u32 {
            42
        }
        Ok(ANSWER.into())
    }
    assert_eq!(support::block_on(local(support::authenticated_event())).unwrap(), 42);

    let app = App("app");
    let response = support::block_on(App::associated(support::authenticated_event(), &app)).unwrap();
    assert_eq!(response, serde_json::json!(["hello", "app"]));
    let response = support::block_on(Lobby::handle(support::authenticated_event())).unwrap();
    assert_eq!(response, "lobby");
}
