//! What the functions that do nothing have in common.

use aws_lambda_events::apigw::ApiGatewayProxyResponse;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

/// The answer to everybody.
pub fn ok() -> ApiGatewayProxyResponse {
    let mut response = ApiGatewayProxyResponse::default();
    response.status_code = 200;
    response
}

/// The logging of `examples/connect`.
pub fn log_json() {
    let levels = std::env::var("RUST_LOG")
        .ok()
        .and_then(|levels| levels.parse().ok());
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true);
    tracing_subscriber::registry()
        .with(levels.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN)))
        .with(lines)
        .init();
}
