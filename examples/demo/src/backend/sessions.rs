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
const LIFETIME: Duration = Duration::from_secs(8 * 60 * 60);
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
