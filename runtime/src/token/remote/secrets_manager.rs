//! The signing key in a secret of AWS Secrets Manager.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use zeroize::Zeroizing;

use super::{Cached, refused};
use crate::token::error::IssuerError;
use crate::token::signing_key::SigningKey;

/// What to do about the errors of `GetSecretValue`.
const ADVICE: &[(&str, &str)] = &[
    (
        "ResourceNotFoundException",
        "check its name, the account and the region, and that it has a current value",
    ),
    (
        "AccessDeniedException",
        "allow secretsmanager:GetSecretValue on it, and kms:Decrypt if it has a key of its own",
    ),
    ("DecryptionFailure", "allow kms:Decrypt on the secret's key"),
    (
        "InvalidRequestException",
        "it may be marked for deletion: restore it",
    ),
    (
        "no answer",
        "check the network and AWS_ENDPOINT_URL_SECRETS_MANAGER",
    ),
];

/// Reads the key from one secret.
#[derive(Clone)]
pub(crate) struct SecretKeys {
    client: Client,
    secret_id: Arc<str>,
    cached: Arc<Cached<SigningKey>>,
}

impl SecretKeys {
    pub(crate) fn new(config: &SdkConfig, secret_id: &str) -> Self {
        Self {
            client: Client::new(config),
            secret_id: secret_id.into(),
            cached: Arc::default(),
        }
    }

    pub(crate) async fn current(&self, now: SystemTime) -> Result<SigningKey, IssuerError> {
        self.cached.current(now, || self.read()).await
    }

    async fn read(&self) -> Result<SigningKey, IssuerError> {
        let what = format!("the secret {:?} was not read", &*self.secret_id);
        let answer = self
            .client
            .get_secret_value()
            .secret_id(&*self.secret_id)
            .send()
            .await
            .map_err(|error| refused(&what, error.code(), ADVICE))?;
        let Some(text) = answer.secret_string else {
            return Err(IssuerError::KeySource(format!(
                "{what}: it is binary; store the JSON as text"
            )));
        };
        let text = Zeroizing::new(text);
        SigningKey::from_secret_json(&text).map_err(|error| {
            IssuerError::KeySource(format!(
                "the secret {:?} cannot be used: {error}",
                &*self.secret_id
            ))
        })
    }
}

impl fmt::Debug for SecretKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKeys")
            .field("secret_id", &self.secret_id)
            .finish_non_exhaustive()
    }
}
