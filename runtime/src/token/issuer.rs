//! Signing tokens, as the backend does that has authenticated the user.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Header;
use serde::Serialize;

use super::algorithm::Algorithm;
use super::error::IssuerError;
use super::issued::{Payload, Token, Unsigned};
use super::signing_key::SigningKey;
use super::verifier::Verifier;
use crate::claims::StandardClaims;
use crate::clock::{Clock, SystemClock, unix_seconds};
use crate::id::RoomId;
use crate::json::Object;
use crate::numeric_date::MAX_NUMERIC_DATE;

/// Signs short-lived tokens: header `{"typ":"JWT","alg":…,"kid":…}` with the algorithm of the key, claims `sub`, `iat`,
/// `exp` and the user's own.
///
/// ```
/// use std::time::Duration;
/// use room_auth::{Issuer, PublicKeys, RoomId, SigningKey, Verifier};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let key = SigningKey::generate()?;
/// let issuer = Issuer::new(key.clone(), Duration::from_secs(300))?;
/// let room: RoomId = "lobby".parse()?;
/// let token = issuer.issue(&room, &serde_json::json!({"user": "alice"})).await?;
///
/// let verifier = Verifier::new(PublicKeys::from_pem(&key.public_key_pem())?);
/// assert_eq!(verifier.verify::<()>(token.as_str())?.room_id(), &room);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Issuer {
    keys: KeySource,
    lifetime: Duration,
    iss: Option<String>,
    aud: Option<String>,
    clock: Arc<dyn Clock>,
}

/// Where the signing key is.
#[derive(Clone, Debug)]
enum KeySource {
    Local(SigningKey),
    #[cfg(feature = "secrets-manager")]
    SecretsManager(super::remote::SecretKeys),
    #[cfg(feature = "kms")]
    Kms(super::remote::KmsKeys),
}

impl Issuer {
    /// An issuer whose tokens live for `lifetime` (whole seconds). Short is good: the token is only needed to
    /// connect, and it can be renewed in band.
    ///
    /// # Errors
    ///
    /// A lifetime under one second.
    pub fn new(key: SigningKey, lifetime: Duration) -> Result<Self, IssuerError> {
        Self::with_keys(KeySource::Local(key), lifetime)
    }

    /// An issuer that signs with a private key in PEM; see [`SigningKey::from_pem`].
    ///
    /// # Errors
    ///
    /// An unusable key, or a lifetime under one second.
    pub fn from_pem(pem: &str, lifetime: Duration) -> Result<Self, IssuerError> {
        Self::new(SigningKey::from_pem(pem)?, lifetime)
    }

    /// An issuer that signs with the key in a secret's JSON; see [`SigningKey::from_secret_json`].
    ///
    /// # Errors
    ///
    /// An unusable secret, or a lifetime under one second.
    pub fn from_secret_json(json: &str, lifetime: Duration) -> Result<Self, IssuerError> {
        Self::new(SigningKey::from_secret_json(json)?, lifetime)
    }

    /// An issuer that signs with the key in the secret `secret_id` (name or ARN) of AWS Secrets Manager.
    ///
    /// The secret is read now, and again every five minutes, so that a rotated key is picked up; while it cannot
    /// be read, the last key goes on signing. The role needs `secretsmanager:GetSecretValue` on the secret.
    ///
    /// # Errors
    ///
    /// No region, a secret that is missing, denied or not of the form of
    /// [`SigningKey::from_secret_json`], or a lifetime under one second.
    #[cfg(feature = "secrets-manager")]
    #[cfg_attr(docsrs, doc(cfg(feature = "secrets-manager")))]
    pub async fn from_secrets_manager(secret_id: &str, lifetime: Duration) -> Result<Self, IssuerError> {
        Self::from_secrets_manager_with(&super::remote::config_from_env().await?, secret_id, lifetime).await
    }

    /// Like [`from_secrets_manager`](Self::from_secrets_manager), over a configuration of the AWS SDK's that is
    /// there already.
    ///
    /// # Errors
    ///
    /// See [`from_secrets_manager`](Self::from_secrets_manager).
    #[cfg(feature = "secrets-manager")]
    #[cfg_attr(docsrs, doc(cfg(feature = "secrets-manager")))]
    pub async fn from_secrets_manager_with(
        config: &aws_config::SdkConfig,
        secret_id: &str,
        lifetime: Duration,
    ) -> Result<Self, IssuerError> {
        let keys = super::remote::SecretKeys::new(config, secret_id);
        let issuer = Self::with_keys(KeySource::SecretsManager(keys), lifetime)?;
        issuer.public_key_pem().await?;
        Ok(issuer)
    }

    /// An issuer that signs with the key `key_id` (id, ARN or alias) of AWS KMS, spec `RSA_2048` to `RSA_4096`, `ECC_NIST_P256` or
    /// `ECC_NIST_P384`, usage `SIGN_VERIFY`. The private key never leaves KMS; each token costs one request to it.
    ///
    /// What an alias names is looked up now, and again every five minutes. The role needs `kms:Sign` and
    /// `kms:GetPublicKey` on the key.
    ///
    /// # Errors
    ///
    /// No region, a key that is missing, denied, disabled or of another kind, or a lifetime under one second.
    #[cfg(feature = "kms")]
    #[cfg_attr(docsrs, doc(cfg(feature = "kms")))]
    pub async fn from_kms(key_id: &str, lifetime: Duration) -> Result<Self, IssuerError> {
        Self::from_kms_with(&super::remote::config_from_env().await?, key_id, lifetime).await
    }

    /// Like [`from_kms`](Self::from_kms), over a configuration of the AWS SDK's that is there already.
    ///
    /// # Errors
    ///
    /// See [`from_kms`](Self::from_kms).
    #[cfg(feature = "kms")]
    #[cfg_attr(docsrs, doc(cfg(feature = "kms")))]
    pub async fn from_kms_with(
        config: &aws_config::SdkConfig,
        key_id: &str,
        lifetime: Duration,
    ) -> Result<Self, IssuerError> {
        let keys = super::remote::KmsKeys::new(config, key_id);
        let issuer = Self::with_keys(KeySource::Kms(keys), lifetime)?;
        issuer.public_key_pem().await?;
        Ok(issuer)
    }

    fn with_keys(keys: KeySource, lifetime: Duration) -> Result<Self, IssuerError> {
        if lifetime < Duration::from_secs(1) {
            return Err(IssuerError::Lifetime);
        }
        Ok(Self {
            keys,
            lifetime,
            iss: None,
            aud: None,
            clock: Arc::new(SystemClock),
        })
    }

    /// Sets the claim `iss`.
    #[must_use]
    pub fn with_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.iss = Some(issuer.into());
        self
    }

    /// Sets the claim `aud`.
    #[must_use]
    pub fn with_audience(mut self, audience: impl Into<String>) -> Self {
        self.aud = Some(audience.into());
        self
    }

    /// Takes the time from `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Signs a token for `room`. `custom` is an object with the claims of your own, or `&()`.
    ///
    /// # Errors
    ///
    /// `custom` is no object, or has a claim that the issuer sets itself; the token would be longer than a
    /// verifier reads; the key could not be had, or did not sign.
    // Asynchronous for every key, so that moving it elsewhere changes no caller.
    #[allow(clippy::unused_async)]
    pub async fn issue<C: Serialize>(&self, room: &RoomId, custom: &C) -> Result<Token, IssuerError> {
        match &self.keys {
            KeySource::Local(key) => self.issue_with(key, room, custom),
            #[cfg(feature = "secrets-manager")]
            KeySource::SecretsManager(keys) => {
                self.issue_with(&keys.current(self.clock.now()).await?, room, custom)
            }
            #[cfg(feature = "kms")]
            KeySource::Kms(keys) => {
                let key = keys.current(self.clock.now()).await?;
                let unsigned = self.unsigned(key.algorithm(), key.key_id(), room, custom)?;
                let signature = keys.sign(&key, unsigned.signing_input.as_bytes()).await?;
                unsigned.signed(&signature)
            }
        }
    }

    /// The public key of the current signing key as PEM: what `PUBLIC_KEY` must hold.
    ///
    /// # Errors
    ///
    /// The key could not be had.
    #[allow(clippy::unused_async)]
    pub async fn public_key_pem(&self) -> Result<String, IssuerError> {
        match &self.keys {
            KeySource::Local(key) => Ok(key.public_key_pem()),
            #[cfg(feature = "secrets-manager")]
            KeySource::SecretsManager(keys) => Ok(keys.current(self.clock.now()).await?.public_key_pem()),
            #[cfg(feature = "kms")]
            KeySource::Kms(keys) => Ok(keys.current(self.clock.now()).await?.public_key_pem().to_owned()),
        }
    }

    pub(crate) fn issue_with<C: Serialize>(
        &self,
        key: &SigningKey,
        room: &RoomId,
        custom: &C,
    ) -> Result<Token, IssuerError> {
        let unsigned = self.unsigned(key.algorithm(), key.key_id(), room, custom)?;
        let signature = key
            .sign(unsigned.signing_input.as_bytes())
            .map_err(|_| IssuerError::Sign)?;
        unsigned.signed(&signature)
    }

    fn unsigned<C: Serialize>(
        &self,
        algorithm: Algorithm,
        key_id: &str,
        room: &RoomId,
        custom: &C,
    ) -> Result<Unsigned, IssuerError> {
        let issued_at = unix_seconds(self.clock.now());
        let expires_at = issued_at.saturating_add(self.lifetime.as_secs());
        if expires_at > MAX_NUMERIC_DATE {
            return Err(IssuerError::Lifetime);
        }
        let mut header = Header::new(algorithm.to_jwt());
        header.kid = Some(key_id.to_owned());
        let payload = Payload {
            sub: room,
            iat: issued_at,
            exp: expires_at,
            iss: self.iss.as_deref(),
            aud: self.aud.as_deref(),
            custom,
        };
        let payload = serde_json::to_vec(&payload).map_err(|_| IssuerError::Claims)?;
        // What no verifier would take is not signed: a claim that is there twice, an `nbf` that is no date.
        Object::parse(&payload)
            .and_then(|payload| StandardClaims::read(&payload, None).ok())
            .ok_or(IssuerError::Claims)?;
        let header = serde_json::to_vec(&header).map_err(|_| IssuerError::Sign)?;
        let signing_input = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(payload)
        );
        if signing_input.len() > Verifier::MAX_TOKEN_LEN {
            return Err(IssuerError::TooLong(signing_input.len()));
        }
        Ok(Unsigned {
            signing_input,
            expires_at,
        })
    }
}
