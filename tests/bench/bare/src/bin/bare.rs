//! `connect` without room-auth: the same runtime, event type and logging, and an answer of 200 to everybody.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use bench_bare::{log_json, ok};
use lambda_runtime::{Error, LambdaEvent, service_fn};

async fn connect(_: LambdaEvent<ApiGatewayWebsocketProxyRequest>) -> Result<ApiGatewayProxyResponse, Error> {
    Ok(ok())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log_json();
    lambda_runtime::run(service_fn(connect)).await
}
