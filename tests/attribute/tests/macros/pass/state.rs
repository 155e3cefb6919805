//! State comes by value and by reference, with lifetimes named or not, and is the handler's alone.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use room_auth::{Error, LambdaEvent, RoomClaims, WebSocketResponse, room_auth};
use serde_json::{Value, json};

#[path = "../support.rs"]
mod support;

struct App {
    name: String,
}

struct Borrowing<'a> {
    app: &'a App,
}

#[room_auth(with = &support::LAYER)]
async fn elided(_claims: RoomClaims, _event: LambdaEvent<Value>, app: &App, log: &mut Vec<String>) -> Result<Value, Error> {
    log.push(app.name.clone());
    tokio::task::yield_now().await;
    log.push(app.name.to_uppercase());
    Ok(json!({"statusCode": 200}))
}

#[room_auth(with = &support::LAYER)]
async fn named<'a, 'b: 'a>(
    _claims: RoomClaims,
    _event: LambdaEvent<Value>,
    app: &'b App,
    other: Borrowing<'a>,
) -> Result<Reply<'a>, Error> {
    Ok(Reply(if other.app.name == "other" { Cow::Borrowed(&app.name) } else { Cow::Borrowed("?") }))
}

#[room_auth(with = &support::LAYER)]
async fn hidden(_claims: RoomClaims, _event: LambdaEvent<Value>, state: Borrowing<'_>) -> Result<Reply<'_>, Error> {
    Ok(Reply(Cow::Borrowed(&state.app.name)))
}

#[room_auth(with = &support::LAYER)]
async fn by_value(
    _claims: RoomClaims,
    _event: LambdaEvent<Value>,
    app: Arc<App>,
    callback: impl FnOnce(&str) -> String,
    dynamic: Box<dyn Fn() -> u8 + Send + '_>,
) -> Result<Value, Error> {
    drop(app.clone());
    Ok(format!("{} {}", callback(&app.name), dynamic()).into())
}

// A function that is not spawned may keep what only one thread may have.
#[room_auth(with = &support::LAYER)]
async fn local(_claims: RoomClaims, _event: LambdaEvent<Value>, app: Rc<App>) -> Result<Value, Error> {
    tokio::task::yield_now().await;
    Ok(app.name.clone().into())
}

struct Reply<'a>(Cow<'a, str>);

impl WebSocketResponse for Reply<'_> {
    fn from_rejection(_: room_auth::Rejection) -> Self {
        Self(Cow::Borrowed("refused"))
    }

    fn status_code(&self) -> u16 {
        200
    }

    fn set_subprotocol(&mut self, _: &str) {}
}

fn main() {
    let app = App { name: "app".to_owned() };
    let other = App { name: "other".to_owned() };
    let event = support::authenticated_event;

    let mut log = Vec::new();
    support::block_on(elided(event(), &app, &mut log)).unwrap();
    assert_eq!(log, ["app", "APP"]);

    let reply = support::block_on(named(event(), &app, Borrowing { app: &other })).unwrap();
    assert_eq!(reply.0, "app");
    let refused = support::connect_event("");
    let reply = support::block_on(named(refused, &app, Borrowing { app: &other })).unwrap();
    assert_eq!(reply.0, "refused");

    let reply = support::block_on(hidden(event(), Borrowing { app: &app })).unwrap();
    assert_eq!(reply.0, "app");

    let shared = Arc::new(App { name: "shared".to_owned() });
    let local_number = 9;
    let response = by_value(event(), shared, |name| name.repeat(2), Box::new(|| local_number));
    assert_eq!(support::block_on(response).unwrap(), "sharedshared 9");

    let response = support::block_on(local(event(), Rc::new(app))).unwrap();
    assert_eq!(response, "app");
}
