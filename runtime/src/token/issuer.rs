//! Signing tokens, as the backend does that has authenticated the user.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Header};
use serde::Serialize;
use signature::Signer as _;

use super::{SigningKey, SigningKeyError, Verifier};
use crate::claims::RoomId;
use crate::clock::{Clock, SystemClock, unix_seconds};
use crate::json::Object;

/// Signs short-lived RS256 tokens: header `{"typ":"JWT","alg":"RS256","kid":…}`, claims `sub`, `iat`, `exp` and
/// the user's own.
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
    key: SigningKey,
    lifetime: Duration,
    iss: Option<String>,
    aud: Option<String>,
    clock: Arc<dyn Clock>,
}

impl Issuer {
    /// An issuer whose tokens live for `lifetime` (whole seconds). Short is good: the token is only needed to
    /// connect, and it can be renewed in band.
    ///
    /// # Errors
    ///
    /// A lifetime under one second.
    pub fn new(key: SigningKey, lifetime: Duration) -> Result<Self, IssuerError> {
        if lifetime < Duration::from_secs(1) {
            return Err(IssuerError::Lifetime);
        }
        Ok(Self {
            key,
            lifetime,
            iss: None,
            aud: None,
            clock: Arc::new(SystemClock),
        })
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
    /// verifier reads; the signature could not be made.
    // Keys outside of this process are asked over the network, so that all issuers are used alike.
    #[allow(clippy::unused_async)]
    pub async fn issue<C: Serialize>(&self, room: &RoomId, custom: &C) -> Result<Token, IssuerError> {
        self.issue_now(room, custom)
    }

    pub(crate) fn issue_now<C: Serialize>(&self, room: &RoomId, custom: &C) -> Result<Token, IssuerError> {
        let issued_at = unix_seconds(self.clock.now());
        let expires_at = issued_at.saturating_add(self.lifetime.as_secs());
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(self.key.key_id().to_owned());
        let payload = Payload {
            sub: room,
            iat: issued_at,
            exp: expires_at,
            iss: self.iss.as_deref(),
            aud: self.aud.as_deref(),
            custom,
        };
        let payload = serde_json::to_vec(&payload).map_err(|_| IssuerError::Claims)?;
        if Object::parse(&payload).is_none() {
            return Err(IssuerError::Claims);
        }
        let header = serde_json::to_vec(&header).map_err(|_| IssuerError::Sign)?;
        let message = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(payload)
        );
        let signature = self
            .key
            .try_sign(message.as_bytes())
            .map_err(|_| IssuerError::Sign)?;
        let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
        if token.len() > Verifier::MAX_TOKEN_LEN {
            return Err(IssuerError::TooLong(token.len()));
        }
        Ok(Token {
            text: token,
            expires_at,
        })
    }
}

#[derive(Serialize)]
struct Payload<'a, C> {
    sub: &'a RoomId,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    #[serde(flatten)]
    custom: &'a C,
}

/// A signed token. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    text: String,
    expires_at: u64,
}

impl Token {
    /// The token in compact form, to be handed to the client.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// When it expires.
    pub fn expires_at(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.expires_at)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Why no token was issued. Holds no key material and no claims.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// The signing key cannot be used.
    #[error(transparent)]
    Key(#[from] SigningKeyError),
    /// The lifetime is under one second.
    #[error("the lifetime of tokens must be at least one second")]
    Lifetime,
    /// The user's own claims are no object, or repeat a claim that the issuer sets.
    #[error("the claims must be an object without sub, iat and exp, which the issuer sets itself")]
    Claims,
    /// The token has this many bytes.
    #[error("the token would have {0} bytes, a verifier reads at most 4096; put less into the claims")]
    TooLong(usize),
    /// The key did not sign.
    #[error("the key did not sign")]
    Sign,
}
