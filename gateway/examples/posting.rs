//! A Lambda function that answers by `@connections`, with the AWS SDK and the endpoint that the samples of AWS make of
//! the event: `https://{domainName}/{stage}`. For the gateway's tests.

use aws_sdk_apigatewaymanagement::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region},
    error::DisplayErrorContext,
    primitives::Blob,
};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(handle)).await
}

#[expect(clippy::print_stderr, reason = "a function's standard error is its log")]
fn complain(text: &str) {
    eprintln!("{text}");
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let context = &event.payload["requestContext"];
    let text = |name: &str| context[name].as_str().unwrap_or_default().to_owned();
    if text("eventType") == "MESSAGE" {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("local", "local", None, None, "example"))
            .http_client(
                aws_smithy_http_client::Builder::new()
                    .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
                    .build_https(),
            )
            .endpoint_url(format!("https://{}/{}", text("domainName"), text("stage")))
            .build();
        let post = Client::from_conf(config)
            .post_to_connection()
            .connection_id(text("connectionId"))
            .data(Blob::new(*b"over TLS"));
        if let Err(error) = post.send().await {
            complain(&format!("{}", DisplayErrorContext(&error)));
            return Err(error.into());
        }
    }
    Ok(json!({"statusCode": 200}))
}
