//! What claims and times must be like: everything that is configured about a token but its keys.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::DeserializeOwned;

use super::error::{VerifyError, VerifyErrorKind};
use super::room_source::RoomSource;
use crate::claims::{RoomClaims, StandardClaims};
use crate::id::RoomId;
use crate::json::{self, Object};

/// The options of a [`Verifier`](crate::Verifier), which documents them.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) clock_skew: Duration,
    pub(super) leeway: Duration,
    pub(super) max_lifetime: Duration,
    pub(super) issuer: Option<String>,
    pub(super) audience: Option<String>,
    /// Accepted as `typ` beside `JWT`.
    pub(super) types: Vec<String>,
    pub(super) required_claims: Vec<(&'static str, String)>,
    /// The claim that names the user.
    pub(super) user_claim: Option<&'static str>,
    pub(super) room_source: RoomSource,
}

impl Rules {
    /// Step 5: the claims, and `nbf` where there is one.
    pub(super) fn read_claims<T: DeserializeOwned>(
        &self,
        payload: &[u8],
        requested: Option<&RoomId>,
    ) -> Result<(RoomClaims<T>, Option<u64>), VerifyError> {
        let payload = Object::parse(payload).ok_or(VerifyErrorKind::Claims)?;
        let standard = StandardClaims::read(&payload, self.user_claim)
            .map_err(|name| VerifyErrorKind::Claims.of(name))?;
        for (name, accepted) in [
            ("exp", self.accepts_lifetime(&standard)),
            ("iss", self.accepts_issuer(&payload)),
            ("aud", self.accepts_audience(&payload)),
        ] {
            if !accepted {
                return Err(VerifyErrorKind::Claims.of(name));
            }
        }
        for (name, value) in &self.required_claims {
            let found = payload.get(name).and_then(json::string);
            if found.is_none_or(|found| found != value.as_str()) {
                return Err(VerifyErrorKind::Claims.of(name));
            }
        }
        let not_before = standard.not_before;
        let room = self.room_source.room(&payload, &standard, requested);
        let room = room.map_err(|name| VerifyErrorKind::Claims.of(name))?;
        let claims = standard
            .into_claims(room, payload)
            .ok_or(VerifyErrorKind::Claims)?;
        Ok((claims, not_before))
    }

    fn accepts_lifetime(&self, claims: &StandardClaims<'_>) -> bool {
        claims.expires_at - claims.issued_at <= self.max_lifetime.as_secs()
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

    /// Steps 6 and 7.
    pub(super) fn check_times<T>(
        &self,
        claims: &RoomClaims<T>,
        not_before: Option<u64>,
        now: SystemTime,
    ) -> Result<(), VerifyError> {
        // A clock before 1970 is wrong: no token is valid by it.
        let horizon = seconds(now).map(|now| now.saturating_add(self.clock_skew.as_secs()));
        let too_early = |from: u64| horizon.is_none_or(|horizon| from > horizon);
        if too_early(claims.issued_at_seconds()) {
            return Err(VerifyErrorKind::NotYetValid.of("iat"));
        }
        if not_before.is_some_and(too_early) {
            return Err(VerifyErrorKind::NotYetValid.of("nbf"));
        }
        if self.has_expired(claims.expires_at_seconds(), now) {
            return Err(VerifyErrorKind::Expired.of("exp"));
        }
        Ok(())
    }

    /// Whether claims that were verified before have expired by `now`. A clock before 1970 is wrong, and expires all.
    pub(super) fn has_expired(&self, expires_at: u64, now: SystemTime) -> bool {
        seconds(now).is_none_or(|now| now >= expires_at.saturating_add(self.leeway.as_secs()))
    }
}

/// Whole seconds since 1970; `None` for a clock set before that.
fn seconds(time: SystemTime) -> Option<u64> {
    time.duration_since(UNIX_EPOCH)
        .ok()
        .map(|elapsed| elapsed.as_secs())
}

/// RFC 7519 §4.1.3: one string, or an array of them.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}
