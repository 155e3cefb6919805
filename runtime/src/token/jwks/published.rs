//! The set in use: when it is fetched again, and how all who need it share one fetch.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};

use super::bounds::INTERVAL;
use super::error::FetchError;
use super::fetch::{Fetched, Fetcher};
use crate::token::public_keys::PublicKeys;

/// The keys that an issuer publishes, as they were fetched last.
pub(in crate::token) struct PublishedKeys {
    fetcher: Arc<Fetcher>,
    state: Mutex<State>,
}

struct State {
    keys: PublicKeys,
    /// When the keys were fetched, and how long they are good for; `None` for a bundled set, which is stale.
    taken: Option<(SystemTime, Duration)>,
    /// When the last fetch after the start began.
    asked: Option<SystemTime>,
    running: Option<Running>,
}

/// A fetch that goes on as long as anybody waits for it.
type Running = Shared<BoxFuture<'static, Result<Fetched, FetchError>>>;

impl PublishedKeys {
    /// Fetches the keys for the first time. Where that fails, `bundled` keys stand in.
    pub(super) async fn start(
        fetcher: Fetcher,
        bundled: Option<PublicKeys>,
        now: SystemTime,
    ) -> Result<Self, FetchError> {
        let (keys, taken) = match (fetcher.fetch().await, bundled) {
            (Ok(Fetched { keys, max_age }), _) => (keys, Some((now, max_age))),
            (Err(error), Some(bundled)) => {
                tracing::warn!(
                    target: "room_auth", url = %fetcher.url(), %error,
                    "the issuer's keys were not fetched; the bundled ones are used"
                );
                (bundled, None)
            }
            (Err(error), None) => return Err(error),
        };
        Ok(Self {
            fetcher: Arc::new(fetcher),
            state: Mutex::new(State {
                keys,
                taken,
                asked: None,
                running: None,
            }),
        })
    }

    pub(in crate::token) fn current(&self) -> PublicKeys {
        self.state().keys.clone()
    }

    /// Returns what to wait for before a token is decided on: its `kid` is unknown, or the keys are stale, and they can
    /// be fetched now. Nothing happens until the future is polled.
    pub(in crate::token) fn awaited(
        self: &Arc<Self>,
        key_id: Option<&str>,
        now: SystemTime,
    ) -> Option<BoxFuture<'static, ()>> {
        let state = self.state();
        let is_needed = state.is_stale(now) || key_id.is_some_and(|id| !state.has_key(id));
        if !is_needed || (state.running.is_none() && !state.may_ask(now)) {
            return None;
        }
        let published = self.clone();
        Some(async move { published.refresh(now).await }.boxed())
    }

    /// Takes part in the fetch that is running, or starts one. What fails leaves the keys as they were.
    async fn refresh(&self, now: SystemTime) {
        let running = {
            let mut state = self.state();
            if state.may_ask(now) {
                // One that still stands there was given up by all who waited for it.
                let fetcher = self.fetcher.clone();
                let running = async move { fetcher.fetch().await }.boxed().shared();
                state.asked = Some(now);
                state.running.insert(running).clone()
            } else if let Some(running) = &state.running {
                running.clone()
            } else {
                // Another one's fetch has ended since.
                return;
            }
        };
        let result = running.clone().await;
        let mut state = self.state();
        // The first of those who waited takes the result.
        if !state.running.as_ref().is_some_and(|last| last.ptr_eq(&running)) {
            return;
        }
        state.running = None;
        match result {
            Ok(Fetched { keys, max_age }) => {
                tracing::info!(target: "room_auth", keys = keys.iter().count(), "fetched the issuer's keys again");
                state.keys = keys;
                state.taken = Some((now, max_age));
            }
            Err(error) => tracing::warn!(
                target: "room_auth", url = %self.fetcher.url(), %error,
                "the issuer's keys were not fetched again; the last ones are used"
            ),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds it panics half way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_key(&self, id: &str) -> bool {
        self.keys.iter().any(|key| key.key_id() == id)
    }

    fn is_stale(&self, now: SystemTime) -> bool {
        self.taken
            .is_none_or(|(at, max_age)| distance(at, now) >= max_age)
    }

    fn may_ask(&self, now: SystemTime) -> bool {
        self.asked.is_none_or(|at| distance(at, now) >= INTERVAL)
    }
}

/// The time between two readings of the clock. Requests at the same time may read it in another order than they come
/// here, and a clock that was set back shall not stop all fetches until it has caught up.
fn distance(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other).unwrap_or_else(|error| error.duration())
}

impl fmt::Debug for PublishedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishedKeys")
            .field("url", self.fetcher.url())
            .field("keys", &self.state().keys)
            .finish_non_exhaustive()
    }
}
