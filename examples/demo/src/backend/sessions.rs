//! Keeps the sessions of users who are logged in.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use aws_lc_rs::digest::{SHA256, digest};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::accounts::Account;

/// How long a session lasts: a working day.
const LIFETIME: Duration = Duration::from_hours(8);
/// The most sessions of one account. With one more, the oldest ends.
const MAX_PER_ACCOUNT: usize = 32;

const COOKIE_NAME: &str = "session";

/// The open sessions, by the digest of their ids. The id itself is only in the cookie, and how long a look-up takes
/// tells nothing about it.
#[derive(Debug)]
pub(super) struct Sessions(Mutex<HashMap<[u8; 32], Open>>);

struct Open {
    account: &'static Account,
    /// What the identity provider renews tokens for.
    refresh_token: Option<String>,
    since: Instant,
}

impl Sessions {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    /// Opens a session and returns its cookie.
    ///
    /// Served over HTTPS, the cookie must also be `Secure`, and be called `__Host-session`.
    pub(super) fn open(
        &self,
        account: &'static Account,
        refresh_token: Option<String>,
        now: Instant,
    ) -> Cookie<'static> {
        let id = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let mut sessions = self.lock();
        sessions.retain(|_, open| !open.is_over(now));
        let own = || {
            sessions
                .iter()
                .filter(|(_, open)| open.account.name == account.name)
        };
        if own().count() >= MAX_PER_ACCOUNT {
            let oldest = own().min_by_key(|(_, open)| open.since).map(|(key, _)| *key);
            oldest.and_then(|key| sessions.remove(&key));
        }
        let open = Open {
            account,
            refresh_token,
            since: now,
        };
        sessions.insert(key_of(&id), open);
        cookie(id)
    }

    /// Ends the session of these cookies, if there is one. Returns the cookie to remove.
    pub(super) fn close(&self, cookies: &CookieJar) -> Cookie<'static> {
        if let Some(id) = cookies.get(COOKIE_NAME) {
            self.lock().remove(&key_of(id.value()));
        }
        cookie(String::new())
    }

    /// Ends all sessions of an account.
    pub(super) fn close_all(&self, account: &Account) {
        self.lock().retain(|_, open| open.account.name != account.name);
    }

    pub(super) fn account(&self, cookies: &CookieJar, now: Instant) -> Option<&'static Account> {
        self.find(cookies, now, |open| open.account)
    }

    /// Returns what the identity provider renews the user's tokens for.
    pub(super) fn refresh_token(&self, cookies: &CookieJar, now: Instant) -> Option<String> {
        self.find(cookies, now, |open| open.refresh_token.clone())?
    }

    fn find<R>(&self, cookies: &CookieJar, now: Instant, read: impl FnOnce(&Open) -> R) -> Option<R> {
        let key = key_of(cookies.get(COOKIE_NAME)?.value());
        let sessions = self.lock();
        sessions.get(&key).filter(|open| !open.is_over(now)).map(read)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open")
            .field("account", &self.account.name)
            .field("since", &self.since)
            .finish_non_exhaustive()
    }
}

impl Open {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= LIFETIME
    }
}

fn cookie(id: String) -> Cookie<'static> {
    Cookie::build((COOKIE_NAME, id))
        .max_age(LIFETIME.try_into().expect("eight hours are a time"))
        .http_only(true)
        .same_site(SameSite::Strict)
        .path("/")
        .build()
}

fn key_of(id: &str) -> [u8; 32] {
    digest(&SHA256, id.as_bytes())
        .as_ref()
        .try_into()
        .expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header::COOKIE};

    use super::{
        super::accounts::{ACCOUNTS, Account},
        *,
    };

    const ALICE: &Account = &ACCOUNTS[0];
    const BOB: &Account = &ACCOUNTS[1];

    /// The cookies that a browser sends back.
    fn sent_back(cookie: &Cookie<'_>) -> CookieJar {
        let with_others = format!("theme=dark; {}; session_old=1", cookie.stripped());
        let value = HeaderValue::from_str(&with_others).unwrap();
        CookieJar::from_headers(&HeaderMap::from_iter([(COOKIE, value)]))
    }

    fn name(sessions: &Sessions, cookies: &CookieJar, now: Instant) -> Option<&'static str> {
        sessions.account(cookies, now).map(|account| account.name)
    }

    #[test]
    fn a_session_is_its_users_until_it_is_closed_or_over() {
        let (sessions, now) = (Sessions::new(), Instant::now());
        let alice = sent_back(&sessions.open(ALICE, None, now));
        let bob = sent_back(&sessions.open(BOB, None, now));
        assert_eq!(name(&sessions, &alice, now), Some("alice"));
        assert_eq!(name(&sessions, &bob, now + LIFETIME / 2), Some("bob"));
        assert_eq!(name(&sessions, &bob, now + LIFETIME), None);
        sessions.close(&alice);
        assert_eq!(name(&sessions, &alice, now), None);
        assert_eq!(name(&sessions, &bob, now), Some("bob"));
        assert_eq!(name(&sessions, &CookieJar::new(), now), None);

        let [first, second] = [(); 2].map(|()| sent_back(&sessions.open(ALICE, None, now)));
        sessions.close_all(ALICE);
        for cookies in [&first, &second] {
            assert_eq!(name(&sessions, cookies, now), None);
        }
        assert_eq!(name(&sessions, &bob, now), Some("bob"), "others are not affected");
    }

    #[test]
    fn an_account_keeps_its_latest_sessions() {
        let (sessions, now) = (Sessions::new(), Instant::now());
        let bob = sent_back(&sessions.open(BOB, None, now));
        let at = |number| now + Duration::from_secs(number);
        let opened: Vec<CookieJar> = (0..=MAX_PER_ACCOUNT as u64)
            .map(|number| sent_back(&sessions.open(ALICE, None, at(number))))
            .collect();
        let open: Vec<bool> = opened
            .iter()
            .map(|cookies| name(&sessions, cookies, at(60)).is_some())
            .collect();
        assert_eq!(open.iter().filter(|open| !**open).count(), 1);
        assert!(!open[0], "the oldest one");
        assert_eq!(
            name(&sessions, &bob, at(60)),
            Some("bob"),
            "others are not affected"
        );
    }
}
