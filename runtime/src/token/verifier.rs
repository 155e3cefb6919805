//! The decision whether a token is accepted: seven steps, in a fixed order, each with its own kind of error.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::NO_PAD;
use serde::de::DeserializeOwned;

use super::key::{KeyError, PublicKeys};
use crate::claims::{RoomClaims, StandardClaims};
use crate::clock::{Clock, SystemClock, unix_seconds};
use crate::error::ConfigError;
use crate::json::{self, Object};

/// Verifies RS256 tokens and turns them into [`RoomClaims`].
///
/// The algorithm is fixed by the key, never by the token. See [`VerifyErrorKind`] for what is checked.
///
/// ```
/// use room_auth::{PublicKeys, Verifier, VerifyErrorKind};
/// # let pem = room_auth::testing::public_key_pem();
///
/// let verifier = Verifier::new(PublicKeys::from_pem(pem)?);
/// let error = verifier.verify::<()>("not.a.token").unwrap_err();
/// assert_eq!(error.kind(), VerifyErrorKind::Malformed);
/// # Ok::<_, room_auth::KeyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Verifier {
    keys: PublicKeys,
    clock: Arc<dyn Clock>,
    clock_skew: Duration,
    leeway: Duration,
    max_lifetime: Option<Duration>,
    issuer: Option<String>,
    audience: Option<String>,
}

impl Verifier {
    /// The longest token that is looked at, in bytes. API Gateway passes at most 10 KB of headers; an RS256
    /// token with a handful of claims has 500 to 900.
    pub const MAX_TOKEN_LEN: usize = 4096;

    /// How far `iat` and `nbf` may lie ahead of this machine's clock unless set otherwise.
    pub const DEFAULT_CLOCK_SKEW: Duration = Duration::from_mins(1);

    /// The most that [`with_leeway`](Self::with_leeway) takes.
    pub const MAX_LEEWAY: Duration = Duration::from_mins(1);

    /// A verifier with the given keys and the defaults: 60 s of clock skew, no leeway, no issuer or audience.
    pub fn new(keys: PublicKeys) -> Self {
        Self {
            keys,
            clock: Arc::new(SystemClock),
            clock_skew: Self::DEFAULT_CLOCK_SKEW,
            leeway: Duration::ZERO,
            max_lifetime: None,
            issuer: None,
            audience: None,
        }
    }

    /// A verifier with the keys of the environment variable `PUBLIC_KEY`.
    ///
    /// # Errors
    ///
    /// See [`PublicKeys::from_env`].
    pub fn from_env() -> Result<Self, KeyError> {
        PublicKeys::from_env().map(Self::new)
    }

    /// Lets `iat` and `nbf` lie this far in the future, for issuers whose clock is ahead.
    #[must_use]
    pub fn with_clock_skew(mut self, clock_skew: Duration) -> Self {
        self.clock_skew = clock_skew;
        self
    }

    /// Accepts tokens this long after `exp`.
    ///
    /// # Errors
    ///
    /// More than 60 seconds: issue tokens that live longer instead.
    pub fn with_leeway(mut self, leeway: Duration) -> Result<Self, ConfigError> {
        if leeway > Self::MAX_LEEWAY {
            return Err(ConfigError::new(format!(
                "a leeway of {leeway:?} is more than the 60 s allowed; issue tokens with a longer life instead"
            )));
        }
        self.leeway = leeway;
        Ok(self)
    }

    /// Refuses tokens issued for a longer life (`exp - iat`) than this, whoever signed them.
    #[must_use]
    pub fn with_max_lifetime(mut self, max_lifetime: Duration) -> Self {
        self.max_lifetime = Some(max_lifetime);
        self
    }

    /// Demands that `iss` is this text.
    #[must_use]
    pub fn with_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Demands that `aud` is this text or an array that holds it. Without it a token that has an `aud` is
    /// refused: it is meant for somebody else (RFC 7519 §4.1.3).
    #[must_use]
    pub fn with_audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// Takes the time from `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The keys that tokens are verified with.
    pub fn keys(&self) -> &PublicKeys {
        &self.keys
    }

    /// Verifies `token` now.
    ///
    /// # Errors
    ///
    /// The first of the steps of [`VerifyErrorKind`] that fails. Show the peer nothing of it.
    pub fn verify<T: DeserializeOwned>(&self, token: &str) -> Result<RoomClaims<T>, VerifyError> {
        self.verify_at(token, self.clock.now())
            .map(|verified| verified.claims)
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    pub(crate) fn leeway(&self) -> Duration {
        self.leeway
    }

    /// Whether claims that were verified before have expired by `now`.
    pub(crate) fn has_expired(&self, expires_at: u64, now: SystemTime) -> bool {
        unix_seconds(now) >= expires_at.saturating_add(self.leeway.as_secs())
    }

    pub(crate) fn verify_at<T: DeserializeOwned>(
        &self,
        token: &str,
        now: SystemTime,
    ) -> Result<Verified<T>, VerifyError> {
        let started = tracing::enabled!(target: "room_auth", tracing::Level::DEBUG).then(Instant::now);
        let verified = self.verify_in_order(token, now);
        if let Some(started) = started {
            let verification_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
            tracing::debug!(target: "room_auth", verification_us, "looked at a token");
        }
        verified
    }

    /// The seven steps.
    fn verify_in_order<T: DeserializeOwned>(
        &self,
        token: &str,
        now: SystemTime,
    ) -> Result<Verified<T>, VerifyError> {
        let parts = Parts::decode(token).ok_or(VerifyErrorKind::Malformed)?;
        let header = Object::parse(&parts.header).ok_or(VerifyErrorKind::Header)?;
        let key_id = check_header(&header)?;
        check_algorithm(&header)?;
        self.check_signature(&parts, key_id.as_deref())?;
        let (claims, not_before) = self.read_claims(&parts.payload).ok_or(VerifyErrorKind::Claims)?;
        self.check_times(&claims, not_before, now)?;
        Ok(Verified {
            claims,
            payload: parts.payload,
        })
    }

    fn check_signature(&self, parts: &Parts<'_>, key_id: Option<&str>) -> Result<(), VerifyErrorKind> {
        let named = key_id.and_then(|id| self.keys.iter().find(|key| key.key_id() == id));
        let verifies = match named {
            Some(key) => key.verify_rs256(parts.message, &parts.signature),
            None => self
                .keys
                .iter()
                .any(|key| key.verify_rs256(parts.message, &parts.signature)),
        };
        if verifies {
            Ok(())
        } else {
            Err(VerifyErrorKind::Signature)
        }
    }

    fn read_claims<T: DeserializeOwned>(&self, payload: &[u8]) -> Option<(RoomClaims<T>, Option<i64>)> {
        let payload = Object::parse(payload)?;
        let standard = StandardClaims::read(&payload)?;
        let accepted = self.accepts_lifetime(&standard)
            && self.accepts_issuer(&payload)
            && self.accepts_audience(&payload);
        if !accepted {
            return None;
        }
        let not_before = standard.not_before;
        Some((standard.with_custom(payload)?, not_before))
    }

    fn accepts_lifetime(&self, claims: &StandardClaims) -> bool {
        self.max_lifetime
            .is_none_or(|max| claims.expires_at - claims.issued_at <= max.as_secs())
    }

    fn accepts_issuer(&self, payload: &Object<'_>) -> bool {
        self.issuer.as_deref().is_none_or(|issuer| {
            payload
                .get("iss")
                .and_then(json::string)
                .is_some_and(|found| found == issuer)
        })
    }

    fn accepts_audience(&self, payload: &Object<'_>) -> bool {
        match (self.audience.as_deref(), payload.get("aud")) {
            (None, None) => true,
            (None, Some(_)) | (Some(_), None) => false,
            (Some(audience), Some(found)) => match serde_json::from_str(found.get()) {
                Ok(Audience::One(one)) => one == audience,
                Ok(Audience::Several(several)) => several.iter().any(|one| one == audience),
                Err(_) => false,
            },
        }
    }

    fn check_times<T>(
        &self,
        claims: &RoomClaims<T>,
        not_before: Option<i64>,
        now: SystemTime,
    ) -> Result<(), VerifyErrorKind> {
        let horizon = unix_seconds(now).saturating_add(self.clock_skew.as_secs());
        let too_early = claims.issued_at_seconds() > horizon
            || not_before
                .is_some_and(|not_before| u64::try_from(not_before).is_ok_and(|from| from > horizon));
        if too_early {
            return Err(VerifyErrorKind::NotYetValid);
        }
        if self.has_expired(claims.expires_at_seconds(), now) {
            return Err(VerifyErrorKind::Expired);
        }
        Ok(())
    }
}

/// What a verified token said: the claims, and the payload they were read from.
pub(crate) struct Verified<T> {
    pub(crate) claims: RoomClaims<T>,
    /// The JSON of the payload, for whoever records the claims.
    pub(crate) payload: Vec<u8>,
}

/// base64url without padding, canonical; with the vector instructions of the machine where it has some.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
static BASE64URL: LazyLock<base64::engine::Simd> = LazyLock::new(|| base64::engine::Simd::url_safe(NO_PAD));
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
static BASE64URL: LazyLock<base64::engine::GeneralPurpose> =
    LazyLock::new(|| base64::engine::GeneralPurpose::new(&base64::alphabet::URL_SAFE, NO_PAD));

/// A token in compact serialization (RFC 7515 §7.1), taken apart and decoded.
struct Parts<'a> {
    /// What was signed: header and payload as they stand in the token.
    message: &'a [u8],
    header: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Parts<'a> {
    fn decode(token: &'a str) -> Option<Self> {
        if token.len() > Verifier::MAX_TOKEN_LEN {
            return None;
        }
        let (message, signature) = token.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        // The alphabet has no dot, so a fourth part fails to decode; trailing bits must be zero, so there is
        // one spelling of each token.
        let decode = |part: &str| {
            if part.is_empty() {
                None
            } else {
                BASE64URL.decode(part).ok()
            }
        };
        Some(Self {
            message: message.as_bytes(),
            header: decode(header)?,
            payload: decode(payload)?,
            signature: decode(signature)?,
        })
    }
}

/// RFC 7519 §4.1.3: one string, or an array of them.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Everything about the header but `alg`; returns the `kid`.
fn check_header<'a>(header: &Object<'a>) -> Result<Option<std::borrow::Cow<'a, str>>, VerifyErrorKind> {
    if let Some(kind) = header.get("typ") {
        let kind = json::string(kind).ok_or(VerifyErrorKind::Header)?;
        if !kind.eq_ignore_ascii_case("JWT") {
            return Err(VerifyErrorKind::Header);
        }
    }
    // `crit` names extensions that must be understood (RFC 7515 §4.1.11): none is. `b64` and `zip` change what
    // is signed, `enc` makes it a JWE.
    if ["crit", "b64", "zip", "enc"]
        .into_iter()
        .any(|name| header.contains(name))
    {
        return Err(VerifyErrorKind::Header);
    }
    header
        .get("kid")
        .map(|id| json::string(id).ok_or(VerifyErrorKind::Header))
        .transpose()
}

fn check_algorithm(header: &Object<'_>) -> Result<(), VerifyErrorKind> {
    match header.get("alg").and_then(json::string) {
        Some(algorithm) if algorithm == "RS256" => Ok(()),
        _ => Err(VerifyErrorKind::Algorithm),
    }
}

/// Why a token was refused. Holds no part of the token.
///
/// For logs, metrics and tests; the peer is told the same whatever the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct VerifyError {
    kind: VerifyErrorKind,
}

impl VerifyError {
    /// Which check failed.
    pub fn kind(&self) -> VerifyErrorKind {
        self.kind
    }
}

impl From<VerifyErrorKind> for VerifyError {
    fn from(kind: VerifyErrorKind) -> Self {
        Self { kind }
    }
}

/// The checks of a token, in the order in which they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum VerifyErrorKind {
    /// Longer than 4,096 bytes, or not three non-empty parts of canonical, unpadded base64url.
    Malformed,
    /// The header is no JSON object with unique members, its `typ` is not `JWT`, its `kid` no string, or it
    /// has one of `crit`, `b64`, `zip`, `enc`.
    Header,
    /// `alg` is not `RS256`.
    Algorithm,
    /// No key verifies the signature, or the key that `kid` names does not.
    Signature,
    /// The payload is no JSON object with unique members, or a claim is missing, not of its type or not the
    /// one demanded.
    Claims,
    /// `iat` or `nbf` lies further ahead than the clock skew allowed.
    NotYetValid,
    /// `exp` has passed.
    Expired,
}

impl VerifyErrorKind {
    /// A stable name for logs and metrics, in `snake_case`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Header => "header",
            Self::Algorithm => "algorithm",
            Self::Signature => "signature",
            Self::Claims => "claims",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for VerifyErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the token is not three parts of base64url",
            Self::Header => "the token's header is not acceptable",
            Self::Algorithm => "the token's algorithm is not RS256",
            Self::Signature => "the token's signature does not verify",
            Self::Claims => "the token's claims are not acceptable",
            Self::NotYetValid => "the token is not valid yet",
            Self::Expired => "the token has expired",
        })
    }
}
