//! The claims that handlers get.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::capabilities::Capabilities;
use crate::id::RoomId;
use crate::membership::Membership;

/// The verified claims of a token: proof that its bearer may be in the room until [`expires_at`].
///
/// A layer makes them, from a token, a [`Registry`](crate::Registry) or a trusted authorizer
/// ([`testing`](crate::testing) makes them for unit tests). `T` is the type of the claims beside `sub`, `iat` and
/// `exp`; the default `()` ignores them. Verified claims cannot be changed; take what you need out of them with
/// [`into_custom`](Self::into_custom).
///
/// `Debug` shows the room and the times only, since the user's own claims may hold personal data.
///
/// [`expires_at`]: Self::expires_at
///
/// ```
/// use room_auth::RoomClaims;
///
/// #[derive(serde::Deserialize)]
/// struct Member {
///     user: String,
/// }
///
/// fn greeting(claims: &RoomClaims<Member>) -> String {
///     format!("{} joined {}", claims.custom().user, claims.room_id())
/// }
/// ```
#[derive(Clone)]
pub struct RoomClaims<T = ()> {
    pub(super) room_id: RoomId,
    /// The `sub` claim where it is not the room.
    pub(super) subject: Option<Box<str>>,
    pub(super) issued_at: u64,
    pub(super) expires_at: u64,
    pub(super) authority: Authority,
    pub(super) custom: T,
    /// The further rooms of the connection, as the layer's one query found them.
    pub(super) memberships: Option<Arc<[Membership]>>,
}

/// Who a token speaks for, and what it allows.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) user: Option<Box<str>>,
    pub(super) token_id: Option<Box<str>>,
    pub(super) capabilities: Capabilities,
    /// `iat`, rounded down: a revocation must hold for what was issued in the same second.
    pub(super) issued_from: u64,
}

impl<T> RoomClaims<T> {
    /// Returns the room: the `sub` claim, or what a [`RoomSource`](crate::RoomSource) says.
    pub fn room_id(&self) -> &RoomId {
        &self.room_id
    }

    /// Returns the `sub` claim: the room, or with a [`RoomSource`](crate::RoomSource) whom the token speaks of.
    pub fn subject(&self) -> &str {
        self.subject.as_deref().unwrap_or(self.room_id.as_str())
    }

    /// Returns when the token was issued (the `iat` claim).
    pub fn issued_at(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.issued_at)
    }

    /// Returns when the token expires (the `exp` claim).
    pub fn expires_at(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.expires_at)
    }

    /// Returns the user: the claim that [`Verifier::with_user_claim`](crate::Verifier::with_user_claim) names. `None`
    /// where none is configured.
    pub fn user(&self) -> Option<&str> {
        self.authority.user.as_deref()
    }

    /// Returns the id of the token (the `jti` claim; RFC 7519 §4.1.7), by which a single token is revoked, if it has
    /// one.
    pub fn token_id(&self) -> Option<&str> {
        self.authority.token_id.as_deref()
    }

    /// Returns whether the token allows `capability`: whether its claim `can`, an array of names, holds it. A token
    /// without that claim allows everything.
    ///
    /// ```
    /// # fn example(claims: &room_auth::RoomClaims) {
    /// if claims.can("send") {
    ///     // …
    /// }
    /// # }
    /// ```
    pub fn can(&self, capability: &str) -> bool {
        self.authority.capabilities.allow(capability)
    }

    /// Returns the user's own claims.
    pub fn custom(&self) -> &T {
        &self.custom
    }

    /// Takes the user's own claims out; the rest is dropped.
    pub fn into_custom(self) -> T {
        self.custom
    }

    /// Returns `iat` in seconds since the epoch.
    pub(crate) fn issued_at_seconds(&self) -> u64 {
        self.issued_at
    }

    /// Returns `exp` in seconds since the epoch.
    pub(crate) fn expires_at_seconds(&self) -> u64 {
        self.expires_at
    }

    /// Returns the earliest second that `iat` may mean.
    pub(crate) fn issued_from_seconds(&self) -> u64 {
        self.authority.issued_from
    }

    /// Returns the further rooms of the connection.
    pub(crate) fn memberships(&self) -> &[Membership] {
        self.memberships.as_deref().unwrap_or_default()
    }

    /// Names the user that was recorded with these claims.
    #[must_use]
    pub(crate) fn of_user(mut self, user: Option<&str>) -> Self {
        self.authority.user = user.map(Into::into);
        self
    }

    /// Adds the further rooms of the connection.
    #[must_use]
    pub(crate) fn with_memberships(mut self, memberships: Arc<[Membership]>) -> Self {
        self.memberships = Some(memberships);
        self
    }

    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn new(room_id: RoomId, issued_at: u64, expires_at: u64, custom: T) -> Self {
        Self {
            room_id,
            subject: None,
            issued_at,
            expires_at,
            authority: Authority {
                issued_from: issued_at,
                ..Authority::default()
            },
            custom,
            memberships: None,
        }
    }
}

/// Claims are equal if the tokens said the same, whatever other rooms the connection is in.
impl<T: PartialEq> PartialEq for RoomClaims<T> {
    fn eq(&self, other: &Self) -> bool {
        self.room_id == other.room_id
            && self.subject == other.subject
            && self.issued_at == other.issued_at
            && self.expires_at == other.expires_at
            && self.authority == other.authority
            && self.custom == other.custom
    }
}

impl<T: Eq> Eq for RoomClaims<T> {}

impl<T> fmt::Debug for RoomClaims<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoomClaims")
            .field("room_id", &self.room_id)
            .field("issued_at", &self.issued_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_room_and_the_times_and_no_claims_of_the_user() {
        let claims = RoomClaims::new("lobby".parse().unwrap(), 1, 2, "alice@example.com");
        let shown = format!("{claims:?}");
        assert_eq!(
            shown,
            r#"RoomClaims { room_id: RoomId("lobby"), issued_at: 1, expires_at: 2, .. }"#
        );
    }
}
