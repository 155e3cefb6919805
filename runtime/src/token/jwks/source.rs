//! What is configured about an issuer's keys, and the verifier made of it.

use std::env::VarError;
use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;

use super::fetch::Fetcher;
use super::published::PublishedKeys;
use super::url::JwksUrl;
use crate::clock::{Clock, SystemClock};
use crate::error::ConfigError;
use crate::token::keys::Keys;
use crate::token::public_keys::{PUBLIC_KEY_ENV, PublicKeys};
use crate::token::verifier::Verifier;

/// The environment variable that holds the URL of the issuer's JWK set.
pub const JWKS_URL_ENV: &str = "JWKS_URL";

/// The environment variable that holds the `iss` of the issuer's tokens.
pub const JWT_ISSUER_ENV: &str = "JWT_ISSUER";

/// The environment variable that holds the `aud` of the tokens that are meant for this service.
pub const JWT_AUDIENCE_ENV: &str = "JWT_AUDIENCE";

/// Keys that an issuer publishes as a JWK set: where they are, and for which tokens.
///
/// [`Verifier::from_jwks_url`] and [`Verifier::from_jwks_env`] are the short forms; this one has the options. The
/// issuer signs for many services with the same keys, so its name and the audience are required of every token.
///
/// The keys are fetched when the verifier is made, and again
///
/// - when a token has a `kid` that the set lacks: rotation at the issuer is taken up by the first token of a new key,
/// - when they are stale, by the next token: after `Cache-Control: max-age` of the answer, at least 5 minutes, at most
///   24 hours; 1 hour where the issuer does not say.
///
/// This happens at most once in ten seconds by the verifier's clock, whoever sends what. All who wait share one fetch, which
/// takes at most 800 ms and 256 KiB; one that fails leaves the keys as they were, and the log says why. Redirects are
/// not followed. Keys of a set that cannot verify tokens are skipped, as in [`PublicKeys::from_jwk`].
///
/// A token without a `kid` is tried with the keys that are there, until they are stale. Withdrawn keys are accepted until
/// then too.
///
/// The layer, the authorizer and renewals wait for keys; [`Verifier::verify`] never does; call
/// [`Verifier::refresh_keys`] before it.
///
/// Proxies of the environment (`HTTPS_PROXY`, `NO_PROXY`) are used, and the root certificates of the machine
/// (`SSL_CERT_FILE`, `SSL_CERT_DIR`).
///
/// ```no_run
/// # async fn configure() -> Result<(), room_auth::ConfigError> {
/// use room_auth::{Jwks, RoomAuthLayer};
///
/// let url = "https://issuer.example/.well-known/jwks.json";
/// let verifier = Jwks::new(url, "https://issuer.example/", "rooms").fetch().await?;
/// let layer: RoomAuthLayer = RoomAuthLayer::new(verifier);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Jwks {
    url: String,
    issuer: String,
    audience: String,
    /// Set where another claim than `aud` says whom the tokens are for.
    audience_claim: Option<&'static str>,
    bundled: Option<PublicKeys>,
    roots: Option<String>,
    clock: Arc<dyn Clock>,
}

impl Jwks {
    /// Names the URL of the set, the `iss` that tokens must have, and the `aud` that they must have or contain.
    pub fn new(url: impl Into<String>, issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            issuer: issuer.into(),
            audience: audience.into(),
            audience_claim: None,
            bundled: None,
            roots: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Reads `JWKS_URL`, `JWT_ISSUER` and `JWT_AUDIENCE`. Keys in `PUBLIC_KEY` are the bundled ones.
    ///
    /// # Errors
    ///
    /// One of the three is missing, empty or not Unicode, or `PUBLIC_KEY` is set and refused by
    /// [`PublicKeys::from_env`].
    pub fn from_env() -> Result<Self, ConfigError> {
        let jwks = Self::from_vars(|name| std::env::var(name))?;
        if std::env::var_os(PUBLIC_KEY_ENV).is_none() {
            return Ok(jwks);
        }
        Ok(jwks.with_bundled_keys(PublicKeys::from_env()?))
    }

    fn from_vars(var: impl Fn(&str) -> Result<String, VarError>) -> Result<Self, ConfigError> {
        let read = |name: &str, meaning: &str| {
            let problem = match var(name) {
                Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
                Ok(_) => "is empty",
                Err(VarError::NotPresent) => "is not set",
                Err(VarError::NotUnicode(_)) => "is not valid Unicode",
            };
            Err(ConfigError::new(format!("{name} {problem}; set it to {meaning}")))
        };
        Ok(Self::new(
            read(
                JWKS_URL_ENV,
                "the `jwks_uri` of the issuer's /.well-known/openid-configuration",
            )?,
            read(JWT_ISSUER_ENV, "the `iss` of the issuer's tokens")?,
            read(
                JWT_AUDIENCE_ENV,
                "the `aud` of the tokens that are meant for this service",
            )?,
        ))
    }

    /// Looks for the audience in the claim `name`, which must be exactly that text (default: `aud`). For issuers whose
    /// tokens have no `aud` and say otherwise whom they are for: `client_id` in Cognito's access tokens, `azp` in Clerk's.
    /// A token that does have an `aud` is then refused.
    ///
    /// ```
    /// # use room_auth::Jwks;
    /// # fn configure(url: &str, pool: &str) -> Jwks {
    /// Jwks::new(url, pool, "7lhlkkfbfb4q5kpp90urffao").with_audience_claim("client_id")
    /// # }
    /// ```
    #[must_use]
    pub fn with_audience_claim(mut self, name: &'static str) -> Self {
        self.audience_claim = Some(name);
        self
    }

    /// Uses these keys until the issuer's have been fetched, so that a function starts while the issuer cannot be
    /// reached (default: it does not start).
    ///
    /// They are stale from the beginning: the next token causes a fetch, at most once in ten seconds.
    ///
    /// ```
    /// # use room_auth::{Jwks, KeyError, PublicKeys};
    /// # fn configure(jwks: Jwks) -> Result<Jwks, KeyError> {
    /// let bundled = PublicKeys::from_jwk(r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"2027",
    ///     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#)?;
    /// # Ok(
    /// jwks.with_bundled_keys(bundled)
    /// # )
    /// # }
    /// ```
    #[must_use]
    pub fn with_bundled_keys(mut self, keys: PublicKeys) -> Self {
        self.bundled = Some(keys);
        self
    }

    /// Trusts servers whose certificates these root certificates (PEM) have signed, instead of those that the machine
    /// trusts: for issuers of a private network, and for images without root certificates.
    ///
    /// ```no_run
    /// # use room_auth::{ConfigError, Jwks};
    /// # fn configure(jwks: Jwks) -> Result<Jwks, ConfigError> {
    /// let company = std::fs::read_to_string("company-root.pem").expect("it is in the image");
    /// jwks.with_root_certificates(&company)
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// A text without a certificate, or one that cannot be read.
    pub fn with_root_certificates(mut self, pem: &str) -> Result<Self, ConfigError> {
        let refused = || {
            ConfigError::new(
                "the root certificates cannot be read; give their PEM text, with its BEGIN CERTIFICATE and END \
                 CERTIFICATE lines",
            )
        };
        let blocks = pem::parse_many(pem).map_err(|_| refused())?;
        let mut store = RootCertStore::empty();
        for block in &blocks {
            if block.tag() != "CERTIFICATE" {
                return Err(refused());
            }
            let certificate = block.contents().to_vec().into();
            store.add(certificate).map_err(|_| refused())?;
        }
        if store.is_empty() {
            return Err(refused());
        }
        self.roots = Some(pem::encode_many(&blocks));
        Ok(self)
    }

    /// Takes the time from `clock` (default: the operating system's): when keys were fetched, when they are stale, and
    /// what the verifier decides by.
    ///
    /// ```
    /// # use room_auth::Jwks;
    /// use room_auth::testing::FixedClock;
    ///
    /// let jwks = Jwks::new("http://127.0.0.1:8080/jwks.json", "https://issuer.example/", "rooms")
    ///     .with_clock(FixedClock::at(1_800_000_000));
    /// ```
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Fetches the keys and makes a verifier with them. Its clones share the keys.
    ///
    /// # Errors
    ///
    /// The URL is refused (only HTTPS is taken, and HTTP to a loopback address), issuer or audience is empty, or no usable
    /// keys were fetched and none are bundled. The message says what was found and what to do.
    pub async fn fetch(self) -> Result<Verifier, ConfigError> {
        for (name, text) in [("issuer", &self.issuer), ("audience", &self.audience)] {
            if text.trim().is_empty() {
                return Err(ConfigError::new(format!(
                    "the {name} of the tokens is empty; the issuer signs for others too, so name yours"
                )));
            }
        }
        let url = JwksUrl::parse(&self.url)?;
        let fetcher = Fetcher::new(url.clone(), self.roots);
        let published = PublishedKeys::start(fetcher, self.bundled, self.clock.now())
            .await
            .map_err(|error| ConfigError::new(format!("no keys were taken from {url}: {error}")))?;
        let keys = Keys::Published(Arc::new(published));
        let verifier = Verifier::of(keys, self.clock).with_issuer(self.issuer);
        Ok(match self.audience_claim {
            Some(name) => verifier.with_required_claim(name, self.audience),
            None => verifier.with_audience(self.audience),
        })
    }
}

impl fmt::Debug for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The query of the URL may hold a key of an API.
        let url = self.url.split('?').next();
        f.debug_struct("Jwks")
            .field("url", &url.unwrap_or_default())
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .field("bundled", &self.bundled)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The environment belongs to the whole process, so the texts are handed in here.
    #[test]
    fn what_is_missing_in_the_environment_is_named() {
        let set = |missing: &'static str, text: Result<&'static str, VarError>| {
            Jwks::from_vars(move |name| match name {
                name if name == missing => text.clone().map(Into::into),
                JWKS_URL_ENV => Ok("https://issuer.example/jwks.json".into()),
                JWT_ISSUER_ENV => Ok("https://issuer.example/\n".into()),
                JWT_AUDIENCE_ENV => Ok("rooms".into()),
                other => panic!("{other} is read"),
            })
        };
        let jwks = set("", Ok("")).unwrap();
        assert_eq!(jwks.url, "https://issuer.example/jwks.json");
        assert_eq!(
            (jwks.issuer, jwks.audience),
            ("https://issuer.example/".into(), "rooms".into())
        );
        for name in [JWKS_URL_ENV, JWT_ISSUER_ENV, JWT_AUDIENCE_ENV] {
            for (text, problem) in [
                (Err(VarError::NotPresent), "is not set; set it to the `"),
                (Ok(""), "is empty; set it to the `"),
                (Ok(" \n"), "is empty; set it to the `"),
            ] {
                let error = set(name, text).unwrap_err().to_string();
                assert!(error.starts_with(&format!("{name} {problem}")), "{error}");
            }
        }
    }
}
