//! The signing key in AWS KMS, which it never leaves.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_sdk_kms::Client;
use aws_sdk_kms::error::ProvideErrorMetadata;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{KeyUsageType, MessageType, SigningAlgorithmSpec};

use super::{Cached, refused};
use crate::token::algorithm::Algorithm;
use crate::token::der::fixed_signature;
use crate::token::error::IssuerError;
use crate::token::public_keys::PublicKeys;
use crate::token::signing_key::encode_pem;

/// What to do about the errors of `GetPublicKey` and `Sign`.
const ADVICE: &[(&str, &str)] = &[
    (
        "NotFoundException",
        "check its id or alias, the account and the region",
    ),
    (
        "AccessDeniedException",
        "allow kms:GetPublicKey and kms:Sign on it, in the role and in the key's policy",
    ),
    ("DisabledException", "enable it, or switch to another key"),
    (
        "KMSInvalidStateException",
        "it may be pending deletion: cancel that, or switch to another key",
    ),
    (
        "InvalidKeyUsageException",
        "a key of usage SIGN_VERIFY and spec RSA_2048 or ECC_NIST_P256 is needed",
    ),
    (
        "UnsupportedOperationException",
        "a key of usage SIGN_VERIFY and spec RSA_2048 or ECC_NIST_P256 is needed",
    ),
    ("no answer", "check the network and AWS_ENDPOINT_URL_KMS"),
];

/// Signs with one key, or with whichever key an alias names.
#[derive(Clone)]
pub(crate) struct KmsKeys {
    client: Client,
    key_id: Arc<str>,
    cached: Arc<Cached<KmsKey>>,
}

/// The key that signs now.
#[derive(Clone, Debug)]
pub(crate) struct KmsKey {
    /// What is asked to sign: never an alias, which may name another key by then, and `kid` would be wrong.
    arn: Arc<str>,
    algorithm: Algorithm,
    key_id: Arc<str>,
    public_pem: Arc<str>,
}

impl KmsKey {
    /// The algorithm that the key signs with.
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The thumbprint that stands as `kid` in tokens.
    pub(crate) fn key_id(&self) -> &str {
        &self.key_id
    }

    pub(crate) fn public_key_pem(&self) -> &str {
        &self.public_pem
    }
}

impl KmsKeys {
    pub(crate) fn new(config: &SdkConfig, key_id: &str) -> Self {
        Self {
            client: Client::new(config),
            key_id: key_id.into(),
            cached: Arc::default(),
        }
    }

    pub(crate) async fn current(&self, now: SystemTime) -> Result<KmsKey, IssuerError> {
        self.cached.current(now, || self.look_up()).await
    }

    /// The signature of `message` by `key`. KMS hashes up to 4,096 bytes itself, which is as long as a token may be.
    pub(crate) async fn sign(&self, key: &KmsKey, message: &[u8]) -> Result<Vec<u8>, IssuerError> {
        let (spec, length) = match key.algorithm {
            Algorithm::Es256 => (SigningAlgorithmSpec::EcdsaSha256, 32),
            Algorithm::Es384 => (SigningAlgorithmSpec::EcdsaSha384, 48),
            _ => (SigningAlgorithmSpec::RsassaPkcs1V15Sha256, 0),
        };
        let answer = self
            .client
            .sign()
            .key_id(&*key.arn)
            .message(Blob::new(message))
            .message_type(MessageType::Raw)
            .signing_algorithm(spec)
            .send()
            .await
            .map_err(|error| self.refused("did not sign", error.code()))?;
        let signature = answer.signature.map(Blob::into_inner).ok_or(IssuerError::Sign)?;
        if length == 0 {
            return Ok(signature);
        }
        // KMS writes ECDSA signatures in DER, JWS has both numbers in full length.
        fixed_signature(&signature, length).ok_or(IssuerError::Sign)
    }

    async fn look_up(&self) -> Result<KmsKey, IssuerError> {
        let answer = self
            .client
            .get_public_key()
            .key_id(&*self.key_id)
            .send()
            .await
            .map_err(|error| self.refused("was not found fit to sign", error.code()))?;
        let unfit = |why: &str| {
            IssuerError::KeySource(format!(
                "the KMS key {:?} cannot sign tokens: {why}",
                &*self.key_id
            ))
        };
        if answer.key_usage != Some(KeyUsageType::SignVerify) {
            return Err(unfit(
                "a key of usage SIGN_VERIFY and spec RSA_2048 or ECC_NIST_P256 is needed",
            ));
        }
        let (Some(arn), Some(spki)) = (answer.key_id, answer.public_key) else {
            return Err(unfit("KMS did not tell its public key"));
        };
        let public_pem = encode_pem("PUBLIC KEY", spki.as_ref());
        let keys = PublicKeys::from_pem(&public_pem).map_err(|error| unfit(&error.to_string()))?;
        let public = keys.iter().next();
        let public = public.ok_or_else(|| unfit("KMS did not tell its public key"))?;
        if public.algorithm() == Algorithm::EdDsa {
            return Err(unfit("a key of spec RSA_2048 or ECC_NIST_P256 is needed"));
        }
        Ok(KmsKey {
            arn: arn.into(),
            algorithm: public.algorithm(),
            key_id: public.key_id().into(),
            public_pem: public_pem.as_str().into(),
        })
    }

    fn refused(&self, what: &str, code: Option<&str>) -> IssuerError {
        refused(&format!("the KMS key {:?} {what}", &*self.key_id), code, ADVICE)
    }
}

impl fmt::Debug for KmsKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KmsKeys")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}
