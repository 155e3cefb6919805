//! The smallest `$connect` function: whoever holds a token for a room gets in.
//!
//! Set `PUBLIC_KEY` to the PEM of the key that tokens are verified with.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use room_auth::{Error, LambdaEvent, RoomClaims, room_auth};

#[room_auth]
async fn connect(
    claims: RoomClaims,
    _event: LambdaEvent<ApiGatewayWebsocketProxyRequest>,
) -> Result<ApiGatewayProxyResponse, Error> {
    tracing::info!(room = %claims.room_id(), "joined");
    Ok(room_auth::response::ok())
}

// One thread: a function takes one request at a time, and a thread pool would only slow its start.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    // Refusals are warnings; set RUST_LOG=info to see who joined.
    let level = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .without_time()
        .with_env_filter(level)
        .init();
    room_auth::run(connect).await
}
