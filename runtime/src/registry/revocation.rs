//! What a registry keeps of tokens that are accepted no more: revoked ones, and used ones.

use std::fmt;
use std::time::SystemTime;

use crate::clock::unix_seconds;

/// What is revoked. `Debug` shows neither the user nor the token's id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Revoked {
    /// All tokens of a user that were issued until [`Revocation::not_before`].
    User(String),
    /// The token with this `jti`.
    Token(String),
}

impl fmt::Debug for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User(_) => "User(..)",
            Self::Token(_) => "Token(..)",
        })
    }
}

/// A marker that tokens are accepted no more.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revocation {
    /// What is revoked.
    pub revoked: Revoked,
    /// What was issued until then is revoked, to the second.
    pub not_before: SystemTime,
    /// When no token that it is about can be accepted any more: the marker may be deleted then, to the second.
    pub expires_at: SystemTime,
}

impl Revocation {
    /// Creates a marker.
    pub fn new(revoked: Revoked, not_before: SystemTime, expires_at: SystemTime) -> Self {
        Self {
            revoked,
            not_before,
            expires_at,
        }
    }
}

/// What is revoked of one token: [`Revocation::not_before`] of the markers that there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revocations {
    /// Of the token's user.
    pub user: Option<SystemTime>,
    /// Of the token itself.
    pub token: Option<SystemTime>,
}

impl Revocations {
    /// Creates what was found of a user and of a token.
    pub fn new(user: Option<SystemTime>, token: Option<SystemTime>) -> Self {
        Self { user, token }
    }

    /// Returns whether a token is revoked that was issued at this second. One that was revoked by its id is, whenever
    /// it was issued.
    pub(crate) fn revoke(&self, issued_at: u64) -> bool {
        let is_of_before = |not_before| issued_at <= unix_seconds(not_before);
        self.token.is_some() || self.user.is_some_and(is_of_before)
    }
}

/// The one use of a token that is accepted once. `Debug` does not show the token's id.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SingleUse {
    /// The token's `jti`.
    pub token_id: String,
    /// When the token cannot be accepted any more: its use may be forgotten then, to the second.
    pub expires_at: SystemTime,
}

impl SingleUse {
    /// Creates the use of a token.
    pub fn new(token_id: impl Into<String>, expires_at: SystemTime) -> Self {
        Self {
            token_id: token_id.into(),
            expires_at,
        }
    }
}

impl fmt::Debug for SingleUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleUse")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "nothing may have been written"]
pub enum Written {
    /// It is done.
    Done,
    /// Nothing was written: what is recorded is not what was seen.
    Changed,
    /// Nothing was written: the token was used before.
    TokenUsed,
}
