//! `bare` with the logging that `connect` sets up for itself: what is left of its start is room-auth's.

use aws_lambda_events::apigw::ApiGatewayProxyResponse;
use bench_bare::{log_json, ok};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::de::IgnoredAny;

async fn connect(_: LambdaEvent<IgnoredAny>) -> Result<ApiGatewayProxyResponse, Error> {
    Ok(ok())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log_json();
    lambda_runtime::run(service_fn(connect)).await
}
