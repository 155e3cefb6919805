//! What a verifier can do with an issuer's keys: the short forms of [`Jwks`], and waiting for newer keys.

use super::source::Jwks;
use crate::error::ConfigError;
use crate::token::verifier::Verifier;

impl Verifier {
    /// Creates a verifier with the keys that an issuer publishes at `url`, for its tokens (`iss`) that are meant for
    /// this service (`aud`). [`Jwks`] says when keys are fetched, and has options.
    ///
    /// ```no_run
    /// # async fn configure() -> Result<(), room_auth::ConfigError> {
    /// use room_auth::Verifier;
    ///
    /// let pool = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a1b2c3d4e";
    /// let url = format!("{pool}/.well-known/jwks.json");
    /// let verifier = Verifier::from_jwks_url(url, pool, "7lhlkkfbfb4q5kpp90urffao").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`Jwks::fetch`].
    pub async fn from_jwks_url(
        url: impl Into<String>,
        issuer: impl Into<String>,
        audience: impl Into<String>,
    ) -> Result<Self, ConfigError> {
        Jwks::new(url, issuer, audience).fetch().await
    }

    /// Creates a verifier from the environment variables `JWKS_URL`, `JWT_ISSUER` and `JWT_AUDIENCE`; keys in
    /// `PUBLIC_KEY` stand in while the issuer cannot be reached.
    ///
    /// # Errors
    ///
    /// See [`Jwks::from_env`] and [`Jwks::fetch`].
    pub async fn from_jwks_env() -> Result<Self, ConfigError> {
        Jwks::from_env()?.fetch().await
    }

    /// Fetches the issuer's keys again where this token needs that, before [`verify`](Self::verify) or
    /// [`verify_for`](Self::verify_for) decides on it. Waits for at most 800 ms; not at all for keys that were given. A
    /// fetch that fails leaves the keys as they were.
    ///
    /// ```no_run
    /// # async fn verify(verifier: room_auth::Verifier, token: &str) -> Result<(), room_auth::VerifyError> {
    /// verifier.refresh_keys(token).await;
    /// let claims = verifier.verify::<()>(token)?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn refresh_keys(&self, token: &str) {
        if let Some(awaited) = self.awaited_keys(|| Some(token.into()), self.now()) {
            awaited.await;
        }
    }
}
