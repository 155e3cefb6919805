//! A token in the making, and one that is made.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::error::IssuerError;
use super::verifier::Verifier;
use crate::id::RoomId;

/// Header and payload, encoded: what is signed.
pub(super) struct Unsigned {
    pub(super) signing_input: String,
    pub(super) expires_at: u64,
}

impl Unsigned {
    pub(super) fn signed(self, signature: &[u8]) -> Result<Token, IssuerError> {
        let text = format!("{}.{}", self.signing_input, URL_SAFE_NO_PAD.encode(signature));
        if text.len() > Verifier::MAX_TOKEN_LEN {
            return Err(IssuerError::TooLong(text.len()));
        }
        Ok(Token {
            text,
            expires_at: self.expires_at,
        })
    }
}

/// The claims, in the order of the original backend.
#[derive(Serialize)]
pub(super) struct Payload<'a, C> {
    pub(super) sub: &'a RoomId,
    pub(super) iat: u64,
    pub(super) exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) aud: Option<&'a str>,
    #[serde(flatten)]
    pub(super) custom: &'a C,
}

/// A signed token. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    text: String,
    expires_at: u64,
}

impl Token {
    /// The token in compact form, to be handed to the client.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// When it expires.
    pub fn expires_at(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.expires_at)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
