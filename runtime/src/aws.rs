//! What the modules over the AWS SDK share.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use crate::error::ConfigError;

/// Loads region, credentials and endpoints as the SDK finds them in the environment. Lambda sets all of them.
///
/// The HTTP client uses rustls over aws-lc, the cryptography that verifies the tokens, so that no second one is linked.
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

/// Returns the messages of an error and its causes. `Debug` of the SDK's errors would quote whole requests.
#[cfg(any(feature = "dynamodb", feature = "management"))]
pub(crate) fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
