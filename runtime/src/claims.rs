//! Whom a token speaks for: the room, the times, and the user's own claims.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::json::Object;

/// The name of a room: `[A-Za-z0-9._:-]{1,128}`.
///
/// ```
/// use room_auth::RoomId;
///
/// let room: RoomId = "lobby".parse()?;
/// assert_eq!(room.as_str(), "lobby");
/// assert!("no spaces".parse::<RoomId>().is_err());
/// # Ok::<_, room_auth::InvalidRoomId>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomId(Box<str>);

impl RoomId {
    /// The longest room id, in bytes.
    pub const MAX_LEN: usize = 128;

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn is_valid(text: &str) -> bool {
        (1..=Self::MAX_LEN).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte))
    }
}

impl FromStr for RoomId {
    type Err = InvalidRoomId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if Self::is_valid(text) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidRoomId)
        }
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for RoomId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl serde::Serialize for RoomId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A text that cannot be a [`RoomId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a room id is 1 to 128 characters out of A-Z a-z 0-9 . _ : -")]
#[non_exhaustive]
pub struct InvalidRoomId;

/// The verified claims of a token: proof that its bearer may be in the room until [`expires_at`].
///
/// Only a [`Verifier`](crate::Verifier) makes one (and [`testing`](crate::testing), for unit tests). `T` is
/// the type of the claims beside `sub`, `iat` and `exp`; with the default `()` others are not looked at.
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
///     format!("{} joined {}", claims.custom.user, claims.room_id())
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomClaims<T = ()> {
    room_id: RoomId,
    issued_at: u64,
    expires_at: u64,
    /// The user's own claims.
    pub custom: T,
}

impl<T> RoomClaims<T> {
    /// The room, from `sub`.
    pub fn room_id(&self) -> &RoomId {
        &self.room_id
    }

    /// When the token was issued, from `iat`.
    pub fn issued_at(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.issued_at)
    }

    /// From when on the token counts no more, from `exp`.
    pub fn expires_at(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.expires_at)
    }

    /// `iat` in seconds since the epoch.
    pub(crate) fn issued_at_seconds(&self) -> u64 {
        self.issued_at
    }

    /// `exp` in seconds since the epoch.
    pub(crate) fn expires_at_seconds(&self) -> u64 {
        self.expires_at
    }

    #[cfg_attr(not(feature = "issuer"), allow(dead_code))]
    pub(crate) fn new(room_id: RoomId, issued_at: u64, expires_at: u64, custom: T) -> Self {
        Self {
            room_id,
            issued_at,
            expires_at,
            custom,
        }
    }
}

impl<T: DeserializeOwned> RoomClaims<T> {
    /// Reads claims that were verified before from the payload that they were recorded as; `None` if they are not
    /// claims of this type.
    pub(crate) fn from_payload(json: &str) -> Option<Self> {
        let payload = Object::parse(json.as_bytes())?;
        StandardClaims::read(&payload)?.with_custom(payload)
    }
}

/// 2^53, the largest integer that every JSON implementation can hold (RFC 8259 §6).
pub(crate) const MAX_NUMERIC_DATE: u64 = 1 << 53;

/// The standard claims of a payload, read and checked for form.
pub(crate) struct StandardClaims {
    pub(crate) room_id: RoomId,
    pub(crate) issued_at: u64,
    pub(crate) expires_at: u64,
    /// Saturated where it does not fit: still "not before" far in the future or the past.
    pub(crate) not_before: Option<i64>,
}

impl StandardClaims {
    /// `None`: a claim is missing or not of its form.
    pub(crate) fn read(payload: &Object<'_>) -> Option<Self> {
        let room_id = crate::json::string(payload.get("sub")?)?.parse().ok()?;
        let issued_at = numeric_date(payload.get("iat")?)?;
        let expires_at = numeric_date(payload.get("exp")?)?;
        let not_before = match payload.get("nbf") {
            Some(value) => Some(integer(value)?),
            None => None,
        };
        (issued_at < expires_at).then_some(Self {
            room_id,
            issued_at,
            expires_at,
            not_before,
        })
    }

    /// Adds the claims of the user's own; `None` where they do not fit `T`.
    pub(crate) fn with_custom<T: DeserializeOwned>(self, payload: Object<'_>) -> Option<RoomClaims<T>> {
        let own = payload.into_members(|name| !matches!(name, "sub" | "iat" | "exp"));
        let custom = T::deserialize(own).ok()?;
        Some(RoomClaims::new(
            self.room_id,
            self.issued_at,
            self.expires_at,
            custom,
        ))
    }
}

/// An integer literal in 0..=2^53; `1.0` and `1e9` are not integers here.
fn numeric_date(value: &RawValue) -> Option<u64> {
    let text = value.get();
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|date| *date <= MAX_NUMERIC_DATE)
}

fn integer(value: &RawValue) -> Option<i64> {
    let text = value.get();
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(
        text.parse()
            .unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX }),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_room_id_is_checked_for_length_and_alphabet() {
        for good in ["a", "A-Z.a_z:0", &"x".repeat(128)] {
            assert_eq!(good.parse::<RoomId>().unwrap().as_str(), good);
        }
        for bad in ["", &"x".repeat(129), "a b", "a/b", "a#b", "ä", "a\n", "a\0"] {
            assert!(bad.parse::<RoomId>().is_err(), "{bad:?}");
        }
    }
}
