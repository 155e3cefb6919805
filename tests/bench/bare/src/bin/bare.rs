//! A function that does nothing: it reads nothing of the event and answers everybody with 200.

use aws_lambda_events::apigw::ApiGatewayProxyResponse;
use bench_bare::ok;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::de::IgnoredAny;

async fn connect(_: LambdaEvent<IgnoredAny>) -> Result<ApiGatewayProxyResponse, Error> {
    Ok(ok())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(connect)).await
}
