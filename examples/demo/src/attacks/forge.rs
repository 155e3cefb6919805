//! Hostile tokens.

use std::time::SystemTime;

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use room_auth::SigningKey;
use serde_json::{Value, json};

use crate::{backend::accounts::token_id, clock::seconds, issuer::AUDIENCE};

/// Makes tokens that should be refused, and genuine ones to use wrongly.
pub(super) struct Forge<'a> {
    /// The key that signs tokens.
    pub(super) key: &'a SigningKey,
    /// A key of the attacker's own, of the same kind.
    pub(super) other_key: &'a SigningKey,
    /// The `iss` of the identity provider that has signed in place of the backend.
    pub(super) provider: Option<&'a str>,
}

impl Forge<'_> {
    /// Returns mallory's claims for a room, as in a genuine token.
    pub(super) fn claims(&self, room: &str, issued: i64, expires: i64) -> Value {
        let now = i64::try_from(seconds(SystemTime::now())).unwrap_or(i64::MAX / 2);
        let (iat, exp) = (now + issued, now + expires);
        match self.provider {
            None => json!({"sub": room, "iat": iat, "exp": exp, "user": "mallory", "jti": token_id()}),
            Some(iss) => json!({
                "iss": iss, "aud": AUDIENCE, "sub": "mallory", "iat": iat, "exp": exp, "user": "mallory",
                "jti": token_id(), "rooms": [room],
            }),
        }
    }

    fn header(&self) -> Value {
        json!({"typ": "JWT", "alg": self.key.algorithm().as_str(), "kid": self.key.key_id()})
    }

    /// Makes a token like the backend's, issued and expiring so many seconds from now.
    pub(super) fn genuine(&self, room: &str, issued: i64, expires: i64) -> String {
        self.genuine_with(&self.claims(room, issued, expires))
    }

    pub(super) fn genuine_with(&self, claims: &Value) -> String {
        sign(self.key, &self.header(), claims)
    }

    pub(super) fn with_other_key(&self, room: &str) -> String {
        // The id of the genuine key is a misleading hint.
        sign(self.other_key, &self.header(), &self.claims(room, 0, 60))
    }

    /// Adds the signature of another token: an empty one would be refused for its form alone.
    pub(super) fn alg_none(&self, room: &str) -> String {
        let genuine = self.genuine(room, 0, 60);
        let signature = genuine.rsplit('.').next().unwrap_or_default();
        format!(
            "{}.{signature}",
            unsigned(&json!({"typ": "JWT", "alg": "none"}), &self.claims(room, 0, 60))
        )
    }

    pub(super) fn hs256_with_public_key(&self, room: &str) -> String {
        let message = unsigned(&json!({"typ": "JWT", "alg": "HS256"}), &self.claims(room, 0, 60));
        let secret = hmac::Key::new(hmac::HMAC_SHA256, self.key.public_key_pem().as_bytes());
        let signature = hmac::sign(&secret, message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Puts the signature of a token for one room on a token for another.
    pub(super) fn changed_room(&self, from: &str, to: &str) -> String {
        let genuine = self.genuine(from, 0, 60);
        let signature = genuine.rsplit('.').next().unwrap_or_default();
        format!(
            "{}.{signature}",
            unsigned(&self.header(), &self.claims(to, 0, 60))
        )
    }

    pub(super) fn kid_elsewhere(&self, room: &str) -> String {
        let header = json!({
            "typ": "JWT",
            "alg": self.key.algorithm().as_str(),
            "kid": "../../../tmp/mallory.pem",
            "jku": "http://127.0.0.1:9/mallory.json",
        });
        sign(self.other_key, &header, &self.claims(room, 0, 60))
    }
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}", encode(header), encode(claims))
}

fn sign(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let message = unsigned(header, claims);
    let signature = key.sign(message.as_bytes()).expect("the key was made to sign");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Returns the token without most of its letters.
pub(super) fn shortened(token: &str) -> String {
    match (token.get(..16), token.get(token.len().saturating_sub(8)..)) {
        (Some(begin), Some(end)) if token.len() > 32 => format!("{begin}…{end}"),
        _ => token.to_owned(),
    }
}

/// Returns header and claims as readable lines.
pub(super) fn decoded(token: &str) -> Vec<String> {
    let parts = ["header", "claims"].into_iter().zip(token.split('.'));
    let readable = parts.filter_map(|(name, part)| {
        let json = URL_SAFE_NO_PAD.decode(part).ok()?;
        Some(format!("  {name} {}", String::from_utf8(json).ok()?))
    });
    readable.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_shown_without_what_would_let_it_in() {
        let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJsb2JieSJ9.c2lnbmF0dXJl";
        assert_eq!(shortened(token), "eyJhbGciOiJSUzI1…bmF0dXJl");
        assert_eq!(
            decoded(token),
            ["  header {\"alg\":\"RS256\"}", "  claims {\"sub\":\"lobby\"}"]
        );
    }
}
