//! A `$connect` function for the tokens of an identity provider: a user gets into the rooms that the token lists.
//!
//! Set `JWKS_URL`, `JWT_ISSUER` and `JWT_AUDIENCE` as the provider says (see `docs/identity-providers.md`). Clients name
//! the room in the URL, `wss://…?room=lobby`, and the claim `rooms` must list it: `"rooms": ["lobby", "staff"]`.

use room_auth::lambda_runtime::tower::ServiceBuilder;
use room_auth::{
    Authenticated, Error, LambdaEvent, Response, RoomAuthLayer, RoomSource, Verifier, WebSocketEvent,
    response,
};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

async fn connect(request: LambdaEvent<Authenticated<WebSocketEvent>>) -> Result<Response, Error> {
    // Who it is, is in `claims.subject()`: an id of a person, so it is not logged.
    let (claims, event) = (request.payload.claims(), request.payload.event());
    tracing::info!(room = %claims.room_id(), connection = %event.connection_id(), "joined");
    Ok(response::ok())
}

// One thread: a function takes one request at a time, and a thread pool would only slow its start.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log_json();
    let verifier = Verifier::from_jwks_env()
        .await?
        .with_room_source(RoomSource::requested_from("rooms"));
    let auth = RoomAuthLayer::new(verifier);
    room_auth::run(ServiceBuilder::new().layer(auth).service_fn(connect)).await
}

/// JSON lines, warnings and worse (refusals are warnings); `RUST_LOG=info` shows who joined.
fn log_json() {
    let levels = std::env::var("RUST_LOG")
        .ok()
        .and_then(|levels| levels.parse().ok());
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true);
    tracing_subscriber::registry()
        .with(levels.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN)))
        .with(lines)
        .init();
}
