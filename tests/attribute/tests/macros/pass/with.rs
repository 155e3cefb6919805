//! `with = EXPR` is evaluated before the handler takes the state, once a request, and holds nothing afterwards.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use room_auth::{Error, LambdaEvent, RoomAuthLayer, RoomClaims, room_auth};
use serde_json::Value;

#[path = "../support.rs"]
mod support;

static LAYER: LazyLock<RoomAuthLayer> = LazyLock::new(support::layer);

static EVALUATED: AtomicUsize = AtomicUsize::new(0);

fn build() -> RoomAuthLayer {
    EVALUATED.fetch_add(1, Ordering::SeqCst);
    support::layer()
}

struct App {
    auth: RoomAuthLayer,
    name: String,
}

#[room_auth(with = &LAYER)]
async fn from_static(claims: RoomClaims, _event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(claims.room_id().as_str().into())
}

#[room_auth(with = LAYER.clone(),)]
async fn trailing_comma(claims: RoomClaims, _event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(claims.room_id().as_str().into())
}

#[room_auth(with = build())]
async fn from_call(claims: RoomClaims, _event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(claims.room_id().as_str().into())
}

#[room_auth(with = &app.auth)]
async fn from_state(_claims: RoomClaims, _event: LambdaEvent<Value>, app: App) -> Result<Value, Error> {
    let App { name, .. } = app;
    Ok(name.into())
}

#[room_auth(with = app.lock().unwrap().auth.clone())]
async fn from_guard(_claims: RoomClaims, _event: LambdaEvent<Value>, app: Arc<Mutex<App>>) -> Result<Value, Error> {
    // Would never come back if the guard of the expression were still alive.
    let name = app.lock().unwrap().name.clone();
    tokio::task::yield_now().await;
    Ok(name.into())
}

#[room_auth(with = { let layer = &app.auth; layer })]
async fn from_block(_claims: RoomClaims, _event: LambdaEvent<Value>, app: &mut App) -> Result<Value, Error> {
    app.name.push('!');
    Ok(app.name.as_str().into())
}

#[room_auth(with = slow_layer(broken).await?)]
async fn from_future(_claims: RoomClaims, _event: LambdaEvent<Value>, broken: bool) -> Result<Value, Error> {
    assert!(!broken);
    Ok("ran".into())
}

async fn slow_layer(broken: bool) -> Result<&'static RoomAuthLayer, Error> {
    tokio::task::yield_now().await;
    if broken { Err("no layer today".into()) } else { Ok(&LAYER) }
}

fn main() {
    let event = support::authenticated_event;
    let app = || App { auth: support::layer(), name: "app".to_owned() };

    assert_eq!(support::block_on(from_static(event())).unwrap(), "lobby");
    assert_eq!(support::block_on(trailing_comma(event())).unwrap(), "lobby");
    assert_eq!(support::block_on(from_static(support::connect_event(""))).unwrap()["statusCode"], 401);

    for calls in 1..=3 {
        assert_eq!(support::block_on(from_call(event())).unwrap(), "lobby");
        assert_eq!(EVALUATED.load(Ordering::SeqCst), calls);
    }

    assert_eq!(support::block_on(from_state(event(), app())).unwrap(), "app");
    let shared = Arc::new(Mutex::new(app()));
    let response = support::assert_send(from_guard(event(), shared));
    assert_eq!(support::block_on(response).unwrap(), "app");
    assert_eq!(support::block_on(from_block(event(), &mut app())).unwrap(), "app!");
    assert_eq!(support::block_on(from_future(event(), false)).unwrap(), "ran");
    let error = support::block_on(from_future(event(), true)).unwrap_err();
    assert_eq!(error.to_string(), "no layer today");
}
