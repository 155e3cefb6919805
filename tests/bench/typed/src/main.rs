//! `examples/connect`, but for the event's type: that of `aws_lambda_events`, which reads all of the event.

use room_auth::aws_lambda_events::apigw::ApiGatewayWebsocketProxyRequest;
use room_auth::{Error, LambdaEvent, Response, RoomClaims, response, room_auth};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

#[room_auth]
async fn connect(
    claims: RoomClaims,
    event: LambdaEvent<ApiGatewayWebsocketProxyRequest>,
) -> Result<Response, Error> {
    let connection = event.payload.request_context.connection_id;
    tracing::info!(room = %claims.room_id(), connection, "joined");
    Ok(response::ok())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let levels = std::env::var("RUST_LOG")
        .ok()
        .and_then(|levels| levels.parse().ok());
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true);
    tracing_subscriber::registry()
        .with(levels.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN)))
        .with(lines)
        .init();
    room_auth::run(connect).await
}
