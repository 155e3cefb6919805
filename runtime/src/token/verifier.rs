//! The decision whether a token is accepted: seven steps, in a fixed order, each with its own kind of error.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;

use super::compact::{CompactJws, Header};
use super::error::{VerifyError, VerifyErrorKind};
use super::key_error::KeyError;
use super::keys::Keys;
use super::public_keys::PublicKeys;
use super::room_source::RoomSource;
use super::rules::Rules;
use crate::claims::RoomClaims;
use crate::clock::{Clock, SystemClock};
use crate::id::RoomId;

/// Verifies tokens and turns them into [`RoomClaims`].
///
/// The algorithm is fixed by the key, never by the token. See [`VerifyErrorKind`] for what is checked. By default
/// `iat` and `nbf` may lie 60 s ahead, `exp` has no leeway, a token lives at most 24 h, `iss` is ignored and a token
/// with an `aud` is refused.
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
    keys: Keys,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) rules: Rules,
}

impl Verifier {
    /// The longest token that is read, in bytes. An RS256 token with a handful of claims has 500 to 900.
    pub const MAX_TOKEN_LEN: usize = 4096;

    /// How far `iat` and `nbf` may lie ahead of this machine's clock unless set otherwise: 60 s.
    pub const DEFAULT_CLOCK_SKEW: Duration = Duration::from_mins(1);

    /// How long a token may live (`exp - iat`) unless set otherwise: 24 h.
    pub const DEFAULT_MAX_LIFETIME: Duration = Duration::from_hours(24);

    /// The most that [`with_leeway`](Self::with_leeway) takes: 60 s.
    pub const MAX_LEEWAY: Duration = Duration::from_mins(1);

    /// Creates a verifier with the given keys and the defaults.
    pub fn new(keys: PublicKeys) -> Self {
        Self::of(Keys::Given(keys), Arc::new(SystemClock))
    }

    pub(super) fn of(keys: Keys, clock: Arc<dyn Clock>) -> Self {
        Self {
            keys,
            clock,
            rules: Rules {
                clock_skew: Self::DEFAULT_CLOCK_SKEW,
                leeway: Duration::ZERO,
                max_lifetime: Self::DEFAULT_MAX_LIFETIME,
                issuer: None,
                audience: None,
                types: Vec::new(),
                required_claims: Vec::new(),
                user_claim: None,
                room_source: RoomSource::default(),
            },
        }
    }

    /// Creates a verifier with the keys of the environment variable `PUBLIC_KEY` and the defaults.
    ///
    /// # Errors
    ///
    /// See [`PublicKeys::from_env`].
    pub fn from_env() -> Result<Self, KeyError> {
        PublicKeys::from_env().map(Self::new)
    }

    /// Returns the keys that tokens are verified with. Those that an issuer publishes change.
    pub fn keys(&self) -> PublicKeys {
        self.keys.current().into_owned()
    }

    /// Verifies `token` at the current time.
    ///
    /// Uses the keys that are there: those that an issuer publishes (feature `jwks`) are not fetched again.
    /// `refresh_keys` does that, as do the layer, the authorizer and renewals.
    ///
    /// # Errors
    ///
    /// The first of the steps of [`VerifyErrorKind`] that fails. Show the peer nothing of it. A verifier with a
    /// [`RoomSource`] that takes the requested room refuses every token here: use [`verify_for`](Self::verify_for).
    pub fn verify<T: DeserializeOwned>(&self, token: &str) -> Result<RoomClaims<T>, VerifyError> {
        self.verify_at(token, None, self.clock.now())
            .map(|verified| verified.claims)
    }

    /// Verifies `token` at the current time, for the room that its bearer requests. A token for another room is
    /// refused, whatever the [`RoomSource`].
    ///
    /// ```
    /// # use room_auth::{KeyError, RoomClaims, RoomId, RoomSource, Verifier, VerifyError};
    /// # fn verify(verifier: Verifier, token: &str, room: &RoomId) -> Result<RoomClaims, VerifyError> {
    /// let verifier = verifier.with_room_source(RoomSource::requested_from("rooms"));
    /// verifier.verify_for(token, room)
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The first of the steps of [`VerifyErrorKind`] that fails. Show the peer nothing of it.
    pub fn verify_for<T: DeserializeOwned>(
        &self,
        token: &str,
        room: &RoomId,
    ) -> Result<RoomClaims<T>, VerifyError> {
        let Verified { claims, .. } = self.verify_at(token, Some(room), self.clock.now())?;
        if claims.room_id() == room {
            Ok(claims)
        } else {
            Err(VerifyErrorKind::Claims.of(self.rules.room_source.member()))
        }
    }

    pub(crate) fn room_source(&self) -> &RoomSource {
        &self.rules.room_source
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    pub(crate) fn user_claim(&self) -> Option<&'static str> {
        self.rules.user_claim
    }

    /// How long after it was issued a token is accepted at most.
    pub(crate) fn longest_life(&self) -> Duration {
        self.rules.max_lifetime.saturating_add(self.rules.leeway)
    }

    pub(crate) fn leeway(&self) -> Duration {
        self.rules.leeway
    }

    /// Whether claims that were verified before have expired by `now`. A clock before 1970 is wrong, and expires all.
    pub(crate) fn has_expired(&self, expires_at: u64, now: SystemTime) -> bool {
        self.rules.has_expired(expires_at, now)
    }

    /// Returns what to wait for before a token is decided on: newer keys of its issuer. For keys that were given this is
    /// `None`, and the token is not asked for.
    pub(crate) fn awaited_keys<'t>(
        &self,
        token: impl FnOnce() -> Option<Cow<'t, str>>,
        now: SystemTime,
    ) -> Option<BoxFuture<'static, ()>> {
        self.keys.awaited(now, || {
            let token = token().ok_or(VerifyErrorKind::Malformed)?;
            let jws = CompactJws::decode(&token, Self::MAX_TOKEN_LEN).ok_or(VerifyErrorKind::Malformed)?;
            let header = Header::read(&jws.header, &self.rules.types)?;
            Ok(header.key_id.map(Cow::into_owned))
        })
    }

    /// Verifies `token`. `requested` only matters to a [`RoomSource`] that takes the requested room.
    pub(crate) fn verify_at<T: DeserializeOwned>(
        &self,
        token: &str,
        requested: Option<&RoomId>,
        now: SystemTime,
    ) -> Result<Verified<T>, VerifyError> {
        let started = tracing::enabled!(target: "room_auth", tracing::Level::DEBUG).then(Instant::now);
        let verified = self.verify_in_order(token, requested, now);
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
        requested: Option<&RoomId>,
        now: SystemTime,
    ) -> Result<Verified<T>, VerifyError> {
        let jws = CompactJws::decode(token, Self::MAX_TOKEN_LEN).ok_or(VerifyErrorKind::Malformed)?;
        let header = Header::read(&jws.header, &self.rules.types)?;
        self.check_signature(&jws, &header)?;
        let (claims, not_before) = self.rules.read_claims(&jws.payload, requested)?;
        self.rules.check_times(&claims, not_before, now)?;
        Ok(Verified {
            claims,
            payload: jws.payload,
        })
    }

    /// Steps 3 and 4: the algorithm is that of a key, and such a key verifies.
    fn check_signature(&self, jws: &CompactJws<'_>, header: &Header<'_>) -> Result<(), VerifyError> {
        let algorithm = header.algorithm.as_deref();
        let id = header.key_id.as_deref();
        let keys = self.keys.current();
        // Once `kid` names a key, no other is tried.
        let named = id.and_then(|id| keys.iter().find(|key| key.key_id() == id));
        let mut candidates = keys
            .iter()
            .filter(|key| named.is_none_or(|named| std::ptr::eq(named, *key)))
            .filter(|key| key.has_algorithm(algorithm))
            .peekable();
        if candidates.peek().is_none() {
            return Err(VerifyErrorKind::Algorithm.of("alg"));
        }
        let verifies = candidates.any(|key| key.verifies_decoded(jws.signing_input, &jws.signature));
        if verifies {
            Ok(())
        } else {
            Err(VerifyErrorKind::Signature.into())
        }
    }
}

/// What a verified token said: the claims, and the payload they were read from.
pub(crate) struct Verified<T> {
    pub(crate) claims: RoomClaims<T>,
    /// The JSON of the payload, for whoever records the claims.
    pub(crate) payload: Vec<u8>,
}

#[cfg(all(test, feature = "issuer"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::testing::{FixedClock, public_key_pem, signing_key};

    #[test]
    fn a_clock_before_1970_accepts_no_token_and_expires_all_claims() {
        let verifier = Verifier::new(PublicKeys::from_pem(public_key_pem()).unwrap());
        let issuer = crate::Issuer::new(signing_key(), Duration::from_mins(5)).unwrap();
        let token = issuer
            .with_clock(FixedClock::at(0))
            .issue_with(&signing_key(), &"lobby".parse().unwrap(), &())
            .unwrap();
        assert!(verifier.verify_at::<()>(token.as_str(), None, UNIX_EPOCH).is_ok());
        assert!(!verifier.has_expired(9000, UNIX_EPOCH));
        for before in [
            Duration::from_nanos(1),
            Duration::from_secs(1),
            Duration::from_hours(9000),
        ] {
            let now = UNIX_EPOCH - before;
            let error = verifier.verify_at::<()>(token.as_str(), None, now).err().unwrap();
            assert_eq!(
                (error.kind(), error.member()),
                (VerifyErrorKind::NotYetValid, Some("iat"))
            );
            assert!(verifier.has_expired(9000, now));
        }
    }
}
