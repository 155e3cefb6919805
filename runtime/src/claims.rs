//! What a verified token says: the room, the times, and the user's own claims.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::DeserializeOwned;

use crate::id::RoomId;
use crate::json::{self, Object};
use crate::numeric_date::NumericDate;

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
#[derive(Clone, PartialEq, Eq)]
pub struct RoomClaims<T = ()> {
    room_id: RoomId,
    /// The `sub` claim where it is not the room.
    subject: Option<Box<str>>,
    issued_at: u64,
    expires_at: u64,
    custom: T,
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

    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn new(room_id: RoomId, issued_at: u64, expires_at: u64, custom: T) -> Self {
        Self {
            room_id,
            subject: None,
            issued_at,
            expires_at,
            custom,
        }
    }
}

impl<T> fmt::Debug for RoomClaims<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoomClaims")
            .field("room_id", &self.room_id)
            .field("issued_at", &self.issued_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// The longest `sub`, in bytes (OIDC Core §2: 255 ASCII characters).
const MAX_SUBJECT_LEN: usize = 255;

/// The standard claims of a payload, read and checked for form.
pub(crate) struct StandardClaims<'a> {
    pub(crate) subject: Cow<'a, str>,
    pub(crate) issued_at: u64,
    pub(crate) expires_at: u64,
    pub(crate) not_before: Option<u64>,
}

/// The name of the claim that is missing or invalid.
pub(crate) type InvalidClaim = &'static str;

impl<'a> StandardClaims<'a> {
    pub(crate) fn read(payload: &Object<'a>) -> Result<Self, InvalidClaim> {
        let subject = payload
            .get("sub")
            .and_then(json::string)
            .filter(|sub| sub.len() <= MAX_SUBJECT_LEN && !sub.contains(char::is_control))
            .ok_or("sub")?;
        let date = |name| payload.get(name).and_then(NumericDate::read).ok_or(name);
        let issued_at = date("iat")?.ceil();
        let expires_at = date("exp")?.floor();
        let not_before = match payload.get("nbf") {
            Some(_) => Some(date("nbf")?.ceil()),
            None => None,
        };
        if issued_at >= expires_at {
            return Err("exp");
        }
        Ok(Self {
            subject,
            issued_at,
            expires_at,
            not_before,
        })
    }

    /// The claims for `room_id`, with the user's own claims; `None` where they do not fit `T`.
    pub(crate) fn into_claims<T: DeserializeOwned>(
        self,
        room_id: RoomId,
        payload: Object<'_>,
    ) -> Option<RoomClaims<T>> {
        let own = payload.into_members(|name| !matches!(name, "sub" | "iat" | "exp"));
        let custom = T::deserialize(own).ok()?;
        Some(RoomClaims {
            subject: (*self.subject != *room_id.as_str()).then(|| self.subject.into()),
            room_id,
            issued_at: self.issued_at,
            expires_at: self.expires_at,
            custom,
        })
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

    #[test]
    fn the_first_claim_that_is_missing_or_invalid_is_named() {
        for (payload, name) in [
            (r#"{"iat":1,"exp":2}"#, "sub"),
            (r#"{"sub":7,"iat":1,"exp":2}"#, "sub"),
            (r#"{"sub":"a\nb","iat":1,"exp":2}"#, "sub"),
            (r#"{"sub":"lobby","exp":2}"#, "iat"),
            (r#"{"sub":"lobby","iat":"1","exp":2}"#, "iat"),
            (r#"{"sub":"lobby","iat":1}"#, "exp"),
            (r#"{"sub":"lobby","iat":1,"exp":1}"#, "exp"),
            (r#"{"sub":"lobby","iat":1.5,"exp":2.9}"#, "exp"),
            (r#"{"sub":"lobby","iat":1,"exp":2,"nbf":null}"#, "nbf"),
        ] {
            let object = Object::parse(payload.as_bytes()).unwrap();
            assert_eq!(StandardClaims::read(&object).err(), Some(name), "{payload}");
        }
    }
}
