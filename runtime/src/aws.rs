//! What the parts over the AWS SDK have in common.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use crate::error::ConfigError;

/// Region, credentials and endpoints as the SDK finds them in the environment; in Lambda all of them are set.
///
/// One HTTP client, rustls over aws-lc: the cryptography that verifies the tokens, and no second one.
pub(crate) async fn config_from_env() -> Result<SdkConfig, ConfigError> {
    let http_client = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build_https();
    let config = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client)
        .load()
        .await;
    if config.region().is_none() {
        return Err(ConfigError::new(
            "no AWS region is configured; set AWS_REGION (Lambda sets it itself)",
        ));
    }
    Ok(config)
}

/// An error and what caused it, by their messages only: `Debug` of the SDK's errors quotes whole requests.
#[cfg(any(feature = "dynamodb", feature = "management"))]
pub(crate) fn messages(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
