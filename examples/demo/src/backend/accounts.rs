//! The accounts, and the rooms that each may enter.

use super::passwords::{Busy, PasswordChecks};

/// An account. Passwords are kept as argon2id hashes, with the parameters that OWASP names as a minimum
/// (Password Storage Cheat Sheet: 19 MiB, 2 passes, 1 lane).
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) name: &'static str,
    pub(crate) rooms: &'static [&'static str],
    password: &'static str,
}

/// The accounts of the demo. Each password is the account's name.
pub(super) const ACCOUNTS: [Account; 2] = [
    Account {
        name: "alice",
        rooms: &["lobby", "staff"],
        password: "$argon2id$v=19$m=19456,t=2,p=1$PACbXjB2zeYWlE5odwDMYQ$pdMXiO0cUE1RrXK0k4xkj78rI9BwC5TRHFGwQqJCVw4",
    },
    Account {
        name: "bob",
        rooms: &["lobby"],
        password: "$argon2id$v=19$m=19456,t=2,p=1$E0KsjsD7XkPm0Ov+LBpM6A$wdzbaEfQjT9w0P1hxNbviZ088mRJSkcNl9dOJl1e6Ws",
    },
];

/// The hash of a password that nobody knows.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$1wGRlTRWPieoeii1sM7+Ew$JrOgwR5hebxgH3ddCF+k3R7XLjQ/8y1WHQCdBzOUOVo";

impl Account {
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        ACCOUNTS.iter().find(|account| account.name == name)
    }
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
