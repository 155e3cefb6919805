//! The standard claims of a payload: how they are read.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

use super::capabilities::Capabilities;
use super::room_claims::{Authority, RoomClaims};
use crate::id::RoomId;
use crate::json::{self, Object};
use crate::numeric_date::NumericDate;

/// The longest `sub`, `jti` and name of a user, in bytes (OIDC Core §2: 255 ASCII characters).
const MAX_TEXT: usize = 255;

/// The standard claims of a payload, read and checked for form.
pub(crate) struct StandardClaims<'a> {
    pub(crate) subject: Cow<'a, str>,
    pub(crate) issued_at: u64,
    pub(crate) expires_at: u64,
    pub(crate) not_before: Option<u64>,
    authority: Authority,
}

/// The name of the claim that is missing or invalid.
pub(crate) type InvalidClaim = &'static str;

impl<'a> StandardClaims<'a> {
    /// Reads the claims; the user is in `user_claim`, where one is configured.
    pub(crate) fn read(payload: &Object<'a>, user_claim: Option<&'static str>) -> Result<Self, InvalidClaim> {
        let subject = payload
            .get("sub")
            .and_then(json::string)
            .filter(|sub| sub.len() <= MAX_TEXT && !sub.contains(char::is_control))
            .ok_or("sub")?;
        let date = |name| payload.get(name).and_then(NumericDate::read).ok_or(name);
        let issued = date("iat")?;
        let issued_at = issued.ceil();
        let expires_at = date("exp")?.floor();
        let not_before = match payload.get("nbf") {
            Some(_) => Some(date("nbf")?.ceil()),
            None => None,
        };
        if issued_at >= expires_at {
            return Err("exp");
        }
        let authority = Authority {
            user: match user_claim {
                Some(claim) => Some(text(payload, claim)?.ok_or(claim)?),
                None => None,
            },
            token_id: text(payload, "jti")?,
            capabilities: Capabilities::read(payload.get("can")).ok_or("can")?,
            issued_from: issued.floor(),
        };
        Ok(Self {
            subject,
            issued_at,
            expires_at,
            not_before,
            authority,
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
            authority: self.authority,
            custom,
            memberships: None,
        })
    }
}

/// Reads a claim that is a key of the registry where it is present: not empty, at most 255 bytes, without control
/// characters.
fn text(payload: &Object<'_>, name: &'static str) -> Result<Option<Box<str>>, InvalidClaim> {
    let Some(value) = payload.get(name) else {
        return Ok(None);
    };
    json::string(value)
        .filter(|text| (1..=MAX_TEXT).contains(&text.len()) && !text.contains(char::is_control))
        .map(|text| Some(text.into()))
        .ok_or(name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

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
            (r#"{"sub":"lobby","iat":1,"exp":2}"#, "user"),
            (r#"{"sub":"lobby","iat":1,"exp":2,"user":""}"#, "user"),
            (r#"{"sub":"lobby","iat":1,"exp":2,"user":7}"#, "user"),
            (r#"{"sub":"lobby","iat":1,"exp":2,"user":"a\nb"}"#, "user"),
            (r#"{"sub":"lobby","iat":1,"exp":2,"user":"a","jti":7}"#, "jti"),
            (r#"{"sub":"lobby","iat":1,"exp":2,"user":"a","jti":""}"#, "jti"),
            (
                r#"{"sub":"lobby","iat":1,"exp":2,"user":"a","can":"send"}"#,
                "can",
            ),
        ] {
            let object = Object::parse(payload.as_bytes()).unwrap();
            assert_eq!(
                StandardClaims::read(&object, Some("user")).err(),
                Some(name),
                "{payload}"
            );
        }
    }
}
