//! A revocation by the backend, drawn like a request: its calls, the last frames, and how it ended.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Instant, SystemTime},
};

use tokio::sync::MutexGuard;

use super::{Call, Events, Step, ms};
use crate::clock::millis;

/// The route of its steps.
const ROUTE: &str = "revoke";

/// A revocation that is under way. One at a time, so that the calls of each are known.
#[derive(Debug)]
pub(crate) struct Revoking<'a> {
    events: &'a Events,
    call: Call,
    began: Instant,
    _turn: MutexGuard<'a, ()>,
}

impl Events {
    /// Begins a revocation, after the one that is under way.
    pub(crate) async fn revoking(&self) -> Revoking<'_> {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let turn = self.0.revoking.lock().await;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let call = Call {
            request: format!("revocation {number}").into(),
            connection: None,
            route: ROUTE.into(),
        };
        self.state().calls.set_backend(Some(call.clone()));
        Revoking {
            events: self,
            call,
            began: Instant::now(),
            _turn: turn,
        }
    }
}

impl Revoking<'_> {
    /// Sends the step that says how it ended.
    pub(crate) fn end(self, is_complete: bool) {
        self.events.send(Step {
            at: millis(SystemTime::now()),
            name: "revocation",
            request: self.call.request.clone(),
            connection: None,
            route: Some(self.call.route.clone()),
            ms: Some(ms(self.began.elapsed())),
            // What may still be open is no success.
            status: Some(if is_complete { 200 } else { 502 }),
            reason: None,
            operation: None,
        });
    }
}

impl Drop for Revoking<'_> {
    fn drop(&mut self) {
        self.events.state().calls.set_backend(None);
    }
}
