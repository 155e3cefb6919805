//! The smallest `$connect` function: whoever holds a token for a room gets in.
//!
//! Set `PUBLIC_KEY` to the PEM of the key that tokens are verified with.

use room_auth::{Error, LambdaEvent, Response, RoomClaims, WebSocketEvent, response, room_auth};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

#[room_auth]
async fn connect(claims: RoomClaims, event: LambdaEvent<WebSocketEvent>) -> Result<Response, Error> {
    tracing::info!(room = %claims.room_id(), connection = %event.payload.connection_id(), "joined");
    Ok(response::ok())
}

// One thread: a function takes one request at a time, and a thread pool would only slow its start.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log_json();
    room_auth::run(connect).await
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
