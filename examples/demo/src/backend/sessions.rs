//! Who is logged in.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, StatusCode, header::COOKIE, request::Parts},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Backend, accounts::Account, reply::Failure};

/// A working day.
const LIFETIME: Duration = Duration::from_hours(8);
/// Sessions of one account; with more, the oldest ends.
const MAX_PER_ACCOUNT: usize = 32;

const COOKIE_NAME: &str = "session";

/// The open sessions. Keyed by the digest of the id: the id itself is only in the cookie, and how long a look-up
/// takes tells nothing about it.
#[derive(Debug)]
pub(super) struct Sessions(Mutex<HashMap<[u8; 32], Open>>);

#[derive(Debug)]
struct Open {
    account: &'static Account,
    since: Instant,
}

impl Sessions {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    /// Opens a session; returns the value of `Set-Cookie`.
    ///
    /// Served over HTTPS, the cookie must also be `Secure`, and be called `__Host-session`.
    pub(super) fn open(&self, account: &'static Account, now: Instant) -> String {
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
        sessions.insert(key_of(&id), Open { account, since: now });
        let seconds = LIFETIME.as_secs();
        format!("{COOKIE_NAME}={id}; Max-Age={seconds}; HttpOnly; SameSite=Strict; Path=/")
    }

    /// Ends the session of these headers, if there is one; returns the value of `Set-Cookie`.
    pub(super) fn close(&self, headers: &HeaderMap) -> String {
        if let Some(id) = id_of(headers) {
            self.lock().remove(&key_of(id));
        }
        format!("{COOKIE_NAME}=; Max-Age=0; HttpOnly; SameSite=Strict; Path=/")
    }

    fn account(&self, headers: &HeaderMap, now: Instant) -> Option<&'static Account> {
        let key = key_of(id_of(headers)?);
        let sessions = self.lock();
        sessions
            .get(&key)
            .filter(|open| !open.is_over(now))
            .map(|open| open.account)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= LIFETIME
    }
}

fn id_of(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|value| value.split(';'))
        .find_map(|cookie| cookie.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='))
}

fn key_of(id: &str) -> [u8; 32] {
    digest(&SHA256, id.as_bytes())
        .as_ref()
        .try_into()
        .expect("SHA-256 has 32 bytes")
}

/// The logged-in user of a request; without one, the request is answered with 401.
pub(super) struct User(pub(super) &'static Account);

impl FromRequestParts<Arc<Backend>> for User {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, backend: &Arc<Backend>) -> Result<Self, Failure> {
        let account = backend.sessions.account(&parts.headers, Instant::now());
        account
            .map(Self)
            .ok_or_else(|| Failure::new(StatusCode::UNAUTHORIZED, "Log in first."))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::http::HeaderValue;

    use super::{
        super::accounts::{ACCOUNTS, Account},
        *,
    };

    const ALICE: &Account = &ACCOUNTS[0];
    const BOB: &Account = &ACCOUNTS[1];

    /// The cookie that a browser sends back.
    fn sent_back(set_cookie: &str) -> HeaderMap {
        let cookie = set_cookie.split(';').next().unwrap();
        let with_others = format!("theme=dark; {cookie}; session_old=1");
        HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(&with_others).unwrap())])
    }

    fn name(sessions: &Sessions, headers: &HeaderMap, now: Instant) -> Option<&'static str> {
        sessions.account(headers, now).map(|account| account.name)
    }

    #[test]
    fn a_session_is_its_users_until_it_is_closed_or_over() {
        let (sessions, now) = (Sessions::new(), Instant::now());
        let alice = sent_back(&sessions.open(ALICE, now));
        let bob = sent_back(&sessions.open(BOB, now));
        assert_eq!(name(&sessions, &alice, now), Some("alice"));
        assert_eq!(name(&sessions, &bob, now + LIFETIME / 2), Some("bob"));
        assert_eq!(name(&sessions, &bob, now + LIFETIME), None);
        sessions.close(&alice);
        assert_eq!(name(&sessions, &alice, now), None);
        assert_eq!(name(&sessions, &bob, now), Some("bob"));
        assert_eq!(name(&sessions, &HeaderMap::new(), now), None);
    }

    #[test]
    fn an_account_keeps_its_latest_sessions() {
        let (sessions, now) = (Sessions::new(), Instant::now());
        let bob = sent_back(&sessions.open(BOB, now));
        let at = |number| now + Duration::from_secs(number);
        let opened: Vec<HeaderMap> = (0..=MAX_PER_ACCOUNT as u64)
            .map(|number| sent_back(&sessions.open(ALICE, at(number))))
            .collect();
        let open: Vec<bool> = opened
            .iter()
            .map(|headers| name(&sessions, headers, at(60)).is_some())
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
