//! The AWS SDK, for what the demo itself asks of the services that stand in for AWS.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::{
    Client,
    config::{Builder, Credentials, SharedCredentialsProvider},
};

/// Returns a configuration without an endpoint. Nothing of the user's environment or profile is in it.
pub(crate) fn config() -> SdkConfig {
    let credentials = Credentials::new("local", "local", None, None, "demo");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}

/// Returns a client of the DynamoDB at this URL.
pub(crate) fn dynamodb(url: &str) -> Client {
    Client::from_conf(Builder::from(&config()).endpoint_url(url).build())
}
