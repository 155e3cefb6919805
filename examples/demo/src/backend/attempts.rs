//! How often a password may be tried.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Wrong passwords that a name may collect at once.
const BURST: u32 = 5;
/// One of them is forgiven after this time.
const FORGIVEN_AFTER: Duration = Duration::from_secs(12);
/// Names are counted by their hash in a table of fixed size: memory does not grow with made-up names, and a name
/// without an account is limited like any other, so that the limit does not tell which names exist.
const BUCKETS: usize = 4096;

/// Counts failed attempts by name.
#[derive(Debug)]
pub(super) struct Attempts {
    hasher: RandomState,
    buckets: Mutex<Vec<Bucket>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    failures: u32,
    since: Option<Instant>,
}

impl Attempts {
    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            buckets: Mutex::new(vec![Bucket::default(); BUCKETS]),
        }
    }

    /// Counts an attempt before its password is looked at, so that many at once count as well.
    ///
    /// # Errors
    ///
    /// The time to wait.
    pub(super) fn begin(&self, name: &str, now: Instant) -> Result<(), Duration> {
        self.with(name, |bucket| {
            bucket.forgive(now);
            if bucket.failures >= BURST {
                let since = bucket.since.unwrap_or(now);
                return Err(FORGIVEN_AFTER.saturating_sub(now.saturating_duration_since(since)));
            }
            bucket.failures += 1;
            bucket.since.get_or_insert(now);
            Ok(())
        })
    }

    /// The password was right: that was no failure, nor do the earlier ones count any more.
    pub(super) fn succeeded(&self, name: &str) {
        self.with(name, |bucket| *bucket = Bucket::default());
    }

    fn with<T>(&self, name: &str, change: impl FnOnce(&mut Bucket) -> T) -> T {
        let buckets = BUCKETS as u64;
        let index = usize::try_from(self.hasher.hash_one(name) % buckets).expect("an index fits");
        let mut all = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut all[index])
    }
}

impl Bucket {
    fn forgive(&mut self, now: Instant) {
        let Some(since) = self.since else { return };
        let periods = now.saturating_duration_since(since).as_millis() / FORGIVEN_AFTER.as_millis();
        let forgiven = u32::try_from(periods).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_sub(forgiven);
        self.since = (self.failures > 0).then(|| since + FORGIVEN_AFTER * forgiven);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_failure_waits_and_time_forgives_one_by_one() {
        let attempts = Attempts::new();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        for attempt in 0..5 {
            assert_eq!(attempts.begin("alice", at(0)), Ok(()), "attempt {attempt}");
        }
        assert_eq!(attempts.begin("alice", at(2)), Err(Duration::from_secs(10)));
        assert_eq!(attempts.begin("alice", at(12)), Ok(()), "one is forgiven");
        assert_eq!(attempts.begin("alice", at(12)), Err(Duration::from_secs(12)));
        assert_eq!(
            attempts.begin("mallory", at(12)),
            Ok(()),
            "others are not affected"
        );
        for attempt in 0..5 {
            assert_eq!(
                attempts.begin("alice", at(1000)),
                Ok(()),
                "attempt {attempt} after a long time"
            );
        }
    }

    #[test]
    fn a_right_password_clears_the_count() {
        let attempts = Attempts::new();
        let now = Instant::now();
        for _ in 0..20 {
            assert_eq!(attempts.begin("alice", now), Ok(()));
            attempts.succeeded("alice");
        }
    }
}
