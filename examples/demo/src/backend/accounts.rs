//! The accounts, and what each may do.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;

use super::passwords::{Busy, PasswordChecks};

/// An account. Passwords are kept as argon2id hashes, with the parameters that OWASP names as a minimum
/// (Password Storage Cheat Sheet: 19 MiB, 2 passes, 1 lane).
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) name: &'static str,
    pub(crate) rooms: &'static [&'static str],
    /// What it may do in them; `None` is everything.
    can: Option<&'static [&'static str]>,
    /// Whether it may put others out.
    pub(super) is_moderator: bool,
    password: &'static str,
}

/// The accounts of the demo. Each password is the account's name.
pub(super) const ACCOUNTS: [Account; 3] = [
    Account {
        name: "alice",
        rooms: &["lobby", "staff"],
        can: None,
        is_moderator: true,
        password: "$argon2id$v=19$m=19456,t=2,p=1$PACbXjB2zeYWlE5odwDMYQ$pdMXiO0cUE1RrXK0k4xkj78rI9BwC5TRHFGwQqJCVw4",
    },
    Account {
        name: "bob",
        rooms: &["lobby"],
        can: None,
        is_moderator: false,
        password: "$argon2id$v=19$m=19456,t=2,p=1$E0KsjsD7XkPm0Ov+LBpM6A$wdzbaEfQjT9w0P1hxNbviZ088mRJSkcNl9dOJl1e6Ws",
    },
    Account {
        name: "eve",
        rooms: &["lobby"],
        // Everything but to send: she may only read.
        can: Some(&["members"]),
        is_moderator: false,
        password: "$argon2id$v=19$m=19456,t=2,p=1$PaOI351ktZ11Y91a75I6vw$hQ7bQYRXvsjfyA8NPXxw7Ovhhj7Tf6XK8qjbwERH2V8",
    },
];

/// The hash of a password that nobody knows.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$1wGRlTRWPieoeii1sM7+Ew$JrOgwR5hebxgH3ddCF+k3R7XLjQ/8y1WHQCdBzOUOVo";

/// What a token says of its user, beside the room and the times.
#[derive(Debug, Serialize)]
pub(crate) struct Claims {
    user: &'static str,
    /// By which a single token is revoked, and recognized when it is used again.
    jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    can: Option<&'static [&'static str]>,
}

impl Account {
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        ACCOUNTS.iter().find(|account| account.name == name)
    }

    /// Returns the claims of a new token.
    pub(crate) fn claims(&self) -> Claims {
        Claims {
            user: self.name,
            jti: token_id(),
            can: self.can,
        }
    }
}

/// Returns an id that no other token has (RFC 7519 §4.1.7).
pub(crate) fn token_id() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>())
}

#[derive(Debug)]
pub(crate) struct Accounts {
    passwords: PasswordChecks,
}

impl Accounts {
    pub(crate) fn new() -> Self {
        Self {
            passwords: PasswordChecks::new(),
        }
    }

    /// Returns the account if the password is its own. Takes as long where there is no such account.
    ///
    /// # Errors
    ///
    /// [`Busy`] if too many passwords wait to be checked.
    pub(crate) async fn log_in(
        &self,
        name: &str,
        password: String,
    ) -> Result<Option<&'static Account>, Busy> {
        let account = Account::named(name);
        let hash = account.map_or(NOBODY, |account| account.password);
        let is_right = self.passwords.matches(password, hash).await?;
        Ok(account.filter(|_| is_right))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use argon2::password_hash::phc::PasswordHash;

    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_an_account_logs_in() {
        let accounts = Accounts::new();
        for (name, password, rooms) in [
            ("alice", "alice", Some(2)),
            ("bob", "bob", Some(1)),
            ("eve", "eve", Some(1)),
            ("alice", "bob", None),
            ("alice", "", None),
            ("Alice", "alice", None),
            ("mallory", "mallory", None),
        ] {
            let account = accounts.log_in(name, password.to_owned()).await.unwrap();
            assert_eq!(
                account.map(|account| account.rooms.len()),
                rooms,
                "{name} with {password:?}"
            );
        }
    }

    #[test]
    fn all_hashes_cost_the_same() {
        let cost = |hash: &str| hash.split('$').nth(3).map(str::to_owned);
        for account in &ACCOUNTS {
            assert_eq!(
                cost(account.password).as_deref(),
                Some("m=19456,t=2,p=1"),
                "{}",
                account.name
            );
        }
        assert_eq!(cost(NOBODY).as_deref(), Some("m=19456,t=2,p=1"));
        assert!(PasswordHash::new(NOBODY).is_ok());
    }
}
