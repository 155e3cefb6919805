//! Who gets tokens, and from which second on.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use room_auth::Clock;

use crate::clock::seconds;

/// What stands between users and their next token. Kept in memory: a backend of your own keeps it with its accounts.
#[derive(Debug)]
pub(super) struct Standings {
    clock: Box<dyn Clock>,
    users: Mutex<HashMap<&'static str, Standing>>,
}

#[derive(Debug, Default)]
struct Standing {
    is_put_out: bool,
    revoked_at: Option<SystemTime>,
}

impl Standings {
    pub(super) fn new(clock: impl Clock) -> Self {
        Self {
            clock: Box::new(clock),
            users: Mutex::default(),
        }
    }

    pub(super) fn put_out(&self, user: &'static str) {
        self.lock().entry(user).or_default().is_put_out = true;
    }

    pub(super) fn let_in(&self, user: &'static str) {
        self.lock().entry(user).or_default().is_put_out = false;
    }

    pub(super) fn is_put_out(&self, user: &str) -> bool {
        self.lock().get(user).is_some_and(|standing| standing.is_put_out)
    }

    /// Notes that all tokens of the user that were issued by now are revoked.
    pub(super) fn revoked(&self, user: &'static str) {
        self.lock().entry(user).or_default().revoked_at = Some(self.clock.now());
    }

    /// Waits until the second of the user's last revocation is over. `iat` counts whole seconds: a token of that second
    /// is as good as one from before.
    pub(super) async fn next_second(&self, user: &str) {
        while let Some(left) = self.left_of_second(user) {
            tokio::time::sleep(left).await;
        }
    }

    fn left_of_second(&self, user: &str) -> Option<Duration> {
        let revoked_at = self.lock().get(user)?.revoked_at?;
        let next = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds(revoked_at) + 1);
        let left = next.duration_since(self.clock.now()).ok()?;
        (!left.is_zero()).then_some(left)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<&'static str, Standing>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    /// Tokio's time, from a third of a second after a full one.
    #[derive(Debug)]
    struct Paused(Instant);

    const BEGIN: Duration = Duration::from_millis(1_800_000_000_333);

    impl Clock for Paused {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH + BEGIN + self.0.elapsed()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_revocation_the_next_token_is_of_the_next_second() {
        let begin = Instant::now();
        let standings = Standings::new(Paused(begin));
        standings.next_second("alice").await;
        assert!(begin.elapsed().is_zero(), "nothing was revoked");
        standings.revoked("alice");
        standings.next_second("bob").await;
        assert!(begin.elapsed().is_zero(), "others do not wait");
        standings.next_second("alice").await;
        assert_eq!(begin.elapsed(), Duration::from_millis(667));
        standings.next_second("alice").await;
        assert_eq!(begin.elapsed(), Duration::from_millis(667), "it is over");
    }

    #[tokio::test]
    async fn whoever_is_put_out_is_out_until_let_in() {
        let standings = Standings::new(room_auth::SystemClock);
        standings.put_out("bob");
        standings.revoked("bob");
        assert!(standings.is_put_out("bob") && !standings.is_put_out("alice"));
        standings.let_in("bob");
        assert!(!standings.is_put_out("bob"));
    }
}
