//! Putting a user or a token out for good.
//!
//! A marker in the registry says so, and each place that accepts a token looks at the markers. No order of events
//! leaves a gap between the two:
//!
//! * `$connect` records the connection, *then* reads the markers, and forgets what is revoked before the handler sees
//!   it. [`Rooms::revoke_user`] writes the marker, *then* lists the user's connections. If the record is not listed, it
//!   was written after the list was read, and so the marker before it was looked for: the connection is refused. If the
//!   marker is not found, it was written after the record: the connection is listed, and ended.
//! * A renewal and a join read the markers *first*: the connection is listed under its user already, since both take
//!   only tokens of the same user. A revocation that comes in between ends the connection itself, and what is forgotten
//!   cannot be changed. So no frame of a room reaches a connection by a token that was revoked before.
//! * What cannot be read is refused.
//!
//! Reads are consistent, so "before" and "after" mean what they say. What the markers do not do: a revoked token ends no
//! connection that is open by it ([`Rooms::disconnect`] does), and clocks decide what "issued before" is: a token of an
//! issuer whose clock is ahead may be dated after a revocation that came later.

use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;

use super::report::DisconnectReport;
use super::rooms::Rooms;
use super::send::ask;
use crate::claims::RoomClaims;
use crate::registry::{ErasedRegistry, RegistryError, Revocation, Revoked, SingleUse};
use crate::token::{Verifier, VerifyError, VerifyErrorKind};

/// The last frame of a connection whose user was revoked.
const REVOKED_FRAME: &[u8] = br#"{"message":"revoked"}"#;

impl Rooms {
    /// Puts a user out: refuses all tokens of theirs that were issued until now, and ends all their connections, which
    /// get the last frame `{"message":"revoked"}`. Whoever logs in again gets new tokens, and may connect.
    ///
    /// Holds in functions whose rooms are configured [`with_revocation`](Self::with_revocation) and whose verifier has
    /// a [user claim](Verifier::with_user_claim).
    ///
    /// The marker is kept as long as the verifier accepts tokens ([`Verifier::with_max_lifetime`]); rooms without one, as
    /// in a backend, assume the default of 24 h. Give them [a verifier](Self::with_verifier) where tokens live longer.
    ///
    /// The report names what may still be open. What was forgotten and could not be closed is mute: it gets no frame,
    /// none of its messages is handled, and the first one closes it. What could not be forgotten is
    /// [`NotForgotten`](super::UndeliveredReason::NotForgotten): call again, as often as you like.
    ///
    /// # Errors
    ///
    /// The registry did not take the marker, or did not list the connections: call again.
    pub async fn revoke_user(&self, user: &str) -> Result<DisconnectReport, RegistryError> {
        let deadline = self.deadline(None);
        let now = self.now();
        let longest_life = self.verifier.get().map_or(
            Verifier::DEFAULT_MAX_LIFETIME + Verifier::MAX_LEEWAY,
            Verifier::longest_life,
        );
        let marker = Revocation::new(Revoked::User(user.to_owned()), now, later(now, longest_life));
        ask(deadline, || self.registry.revoke(&marker)).await?;
        self.end_all_of(user, Some(REVOKED_FRAME), deadline).await
    }

    /// Refuses the token with this `jti` from now on; `expires_at` is its `exp`. Connections that are open by it stay
    /// open: [`disconnect`](Self::disconnect) ends one.
    ///
    /// Holds in functions whose rooms are configured [`with_revocation`](Self::with_revocation).
    ///
    /// # Errors
    ///
    /// The registry did not take the marker: call again.
    pub async fn revoke_token(&self, token_id: &str, expires_at: SystemTime) -> Result<(), RegistryError> {
        let revoked = Revoked::Token(token_id.to_owned());
        let marker = Revocation::new(revoked, self.now(), later(expires_at, Verifier::MAX_LEEWAY));
        ask(self.deadline(None), || self.registry.revoke(&marker)).await
    }

    /// Returns what the registry has to say about a token before it is accepted.
    ///
    /// # Errors
    ///
    /// The token is to be accepted once and has no `jti`.
    pub(crate) fn vetting<T>(&self, claims: &RoomClaims<T>) -> Result<Vetting, VerifyError> {
        let single_use = if self.accepts_tokens_once {
            let id = claims.token_id().ok_or(VerifyErrorKind::Claims.of("jti"))?;
            Some(SingleUse::new(
                id,
                later(claims.expires_at(), Verifier::MAX_LEEWAY),
            ))
        } else {
            None
        };
        let owned = |text: Option<&str>| text.filter(|_| self.reads_revocations).map(Box::from);
        Ok(Vetting {
            single_use,
            user: owned(claims.user()),
            token_id: owned(claims.token_id()),
            issued_at: claims.issued_from_seconds(),
        })
    }
}

/// What decides about a token beside itself: whether it was used before, and whether it was revoked.
pub(crate) struct Vetting {
    /// The use to record, if the token is accepted once.
    pub(crate) single_use: Option<SingleUse>,
    user: Option<Box<str>>,
    token_id: Option<Box<str>>,
    issued_at: u64,
}

impl Vetting {
    /// Asks whether the token was revoked. Asks nothing if it could not be.
    pub(crate) fn is_revoked<'a>(
        &'a self,
        registry: &'a dyn ErasedRegistry,
    ) -> BoxFuture<'a, Result<bool, RegistryError>> {
        Box::pin(async {
            if self.user.is_none() && self.token_id.is_none() {
                return Ok(false);
            }
            let asking = registry.revocations(self.user.as_deref(), self.token_id.as_deref());
            Ok(asking.await?.revoke(self.issued_at))
        })
    }
}

/// A time without end stays one.
fn later(time: SystemTime, by: Duration) -> SystemTime {
    /// The longest that a marker is kept.
    const CENTURY: Duration = Duration::from_hours(100 * 365 * 24);
    time + by.min(CENTURY)
}
