//! What a [`Verifier`] can be told beside its keys.

use std::sync::Arc;
use std::time::Duration;

use super::room_source::RoomSource;
use super::verifier::Verifier;
use crate::clock::Clock;
use crate::error::ConfigError;

impl Verifier {
    /// Sets how far `iat` and `nbf` may lie in the future, for issuers whose clock is ahead (default: 60 s).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use room_auth::{KeyError, Verifier};
    /// # fn verifier() -> Result<(), KeyError> {
    /// let verifier = Verifier::from_env()?.with_clock_skew(Duration::from_secs(5));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_clock_skew(mut self, clock_skew: Duration) -> Self {
        self.rules.clock_skew = clock_skew;
        self
    }

    /// Sets how long after `exp` a token is still accepted (default: 0 s).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use room_auth::{ConfigError, Verifier};
    /// # fn verifier() -> Result<(), ConfigError> {
    /// let verifier = Verifier::from_env()?.with_leeway(Duration::from_secs(10))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// More than 60 s: issue tokens that live longer instead.
    pub fn with_leeway(mut self, leeway: Duration) -> Result<Self, ConfigError> {
        if leeway > Self::MAX_LEEWAY {
            return Err(ConfigError::new(format!(
                "a leeway of {leeway:?} is more than the 60 s allowed; issue tokens with a longer life instead"
            )));
        }
        self.rules.leeway = leeway;
        Ok(self)
    }

    /// Sets the longest life (`exp - iat`) of a token (default: 24 h). A token that was issued for longer is refused,
    /// whoever signed it: a date in milliseconds is the usual cause.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use room_auth::{KeyError, Verifier};
    /// # fn verifier() -> Result<(), KeyError> {
    /// let verifier = Verifier::from_env()?.with_max_lifetime(Duration::from_secs(300));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_max_lifetime(mut self, max_lifetime: Duration) -> Self {
        self.rules.max_lifetime = max_lifetime;
        self
    }

    /// Requires that `iss` is this text (default: `iss` is ignored).
    ///
    /// ```
    /// # use room_auth::{KeyError, Verifier};
    /// # fn verifier() -> Result<(), KeyError> {
    /// let verifier = Verifier::from_env()?.with_issuer("https://backend.example");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.rules.issuer = Some(issuer.into());
        self
    }

    /// Requires that `aud` is this text or an array that holds it. By default a token that has an `aud` is refused: it
    /// is meant for somebody else (RFC 7519 §4.1.3).
    ///
    /// ```
    /// # use room_auth::{KeyError, Verifier};
    /// # fn verifier() -> Result<(), KeyError> {
    /// let verifier = Verifier::from_env()?.with_audience("rooms");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_audience(mut self, audience: impl Into<String>) -> Self {
        self.rules.audience = Some(audience.into());
        self
    }

    /// Accepts `typ` in the header also as this media type, such as `at+jwt` (default: absent or `JWT`). May be called
    /// several times. Case and a leading `application/` make no difference.
    ///
    /// ```
    /// # use room_auth::{KeyError, Verifier};
    /// # fn verifier() -> Result<(), KeyError> {
    /// let verifier = Verifier::from_env()?.with_type("at+jwt");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_type(mut self, media_type: impl Into<String>) -> Self {
        self.rules.types.push(media_type.into());
        self
    }

    /// Requires that the claim `name` is this text: what identity providers add, such as `client_id`, `token_use` or
    /// `azp`. May be called several times.
    ///
    /// ```
    /// # use room_auth::{KeyError, Verifier};
    /// # fn verifier() -> Result<(), KeyError> {
    /// let verifier = Verifier::from_env()?.with_required_claim("token_use", "access");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_required_claim(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.rules.required_claims.push((name, value.into()));
        self
    }

    /// Reads the user from the claim `name`, or from the subject for `sub` (default: none, and
    /// [`RoomClaims::user`](crate::RoomClaims::user) is `None`).
    ///
    /// The claim must then be a string of 1 to 255 bytes without control characters, and a token that is to renew
    /// claims or to join a room in a live connection must be of the same user. It is what makes
    /// [`Rooms::revoke_user`](crate::rooms::Rooms::revoke_user) and its neighbours possible.
    ///
    /// ```
    /// # use room_auth::{KeyError, Verifier};
    /// # fn verifier() -> Result<(), KeyError> {
    /// let verifier = Verifier::from_env()?.with_user_claim("user");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_user_claim(mut self, name: &'static str) -> Self {
        self.rules.user_claim = Some(name);
        self
    }

    /// Sets whose room a token speaks of (default: the `sub` claim is the room).
    ///
    /// ```
    /// # use room_auth::{KeyError, Verifier};
    /// use room_auth::RoomSource;
    /// # fn verifier() -> Result<(), KeyError> {
    /// let verifier = Verifier::from_env()?.with_room_source(RoomSource::requested_from("rooms"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_room_source(mut self, room_source: RoomSource) -> Self {
        self.rules.room_source = room_source;
        self
    }

    /// Takes the time from `clock` (default: the operating system's).
    ///
    /// ```
    /// # use room_auth::{KeyError, Verifier};
    /// use room_auth::testing::FixedClock;
    /// # fn verifier() -> Result<(), KeyError> {
    /// let verifier = Verifier::from_env()?.with_clock(FixedClock::at(1_800_000_000));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }
}
