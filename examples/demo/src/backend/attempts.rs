//! How often a password may be tried.
//!
//! Failures are counted by name and by where they come from, so that a stranger who guesses a user's password shuts
//! out nobody but himself. Guesses from many places, or at many names, are limited all together.

use std::{
    hash::{BuildHasher as _, RandomState},
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::devices::Device;

/// Wrong passwords for one name from one place.
const FROM_ONE_PLACE: Limit = Limit {
    at_once: 5,
    forgiven_after: Duration::from_secs(12),
};
/// Wrong passwords from all unknown devices together.
const FROM_STRANGERS: Limit = Limit {
    at_once: 100,
    forgiven_after: Duration::from_secs(1),
};
/// Pairs of name and place are counted by their hash in a table of fixed size: memory does not grow with made-up
/// names, and a name without an account is limited like any other, so that the limit does not tell which names exist.
const COUNTERS: usize = 4096;

/// How many failures may come at once, and after what time each is forgiven.
#[derive(Debug)]
struct Limit {
    at_once: u32,
    forgiven_after: Duration,
}

/// Where a log-in comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// A browser that this user has logged in with before.
    Known(Device),
    /// Any other, by its address.
    Stranger(IpAddr),
}

/// Why a password is not even looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Too many failures for this name from this source. The next attempt is allowed after this time.
    Here(Duration),
    /// Too many failures from everywhere. The next attempt is allowed after this time.
    Everywhere(Duration),
}

/// Counts failed attempts.
#[derive(Debug)]
pub(super) struct Attempts {
    hasher: RandomState,
    counters: Mutex<Counters>,
}

#[derive(Debug)]
struct Counters {
    by_source: Vec<Counter>,
    strangers: Counter,
}

/// The failures that are not forgiven yet.
#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    failures: u32,
    since: Option<Instant>,
}

impl Attempts {
    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            counters: Mutex::new(Counters {
                by_source: vec![Counter::default(); COUNTERS],
                strangers: Counter::default(),
            }),
        }
    }

    /// Counts an attempt as a failure before its password is looked at, so that many at once count as well.
    ///
    /// # Errors
    ///
    /// The attempt is one too many, and is not counted.
    pub(super) fn begin(&self, name: &str, source: Source, now: Instant) -> Result<(), Refused> {
        let Counters { by_source, strangers } = &mut *self.lock();
        let here = &mut by_source[self.index(name, source)];
        here.check(&FROM_ONE_PLACE, now).map_err(Refused::Here)?;
        if let Source::Stranger(_) = source {
            strangers
                .check(&FROM_STRANGERS, now)
                .map_err(Refused::Everywhere)?;
            strangers.add(now);
        }
        here.add(now);
        Ok(())
    }

    /// Takes the attempt back: its password was not looked at.
    pub(super) fn not_tried(&self, name: &str, source: Source) {
        let mut counters = self.lock();
        counters.by_source[self.index(name, source)].take_back();
        if let Source::Stranger(_) = source {
            counters.strangers.take_back();
        }
    }

    /// Takes the attempt back, and forgives earlier failures from this source: the password was right.
    pub(super) fn succeeded(&self, name: &str, source: Source) {
        self.not_tried(name, source);
        self.lock().by_source[self.index(name, source)] = Counter::default();
    }

    fn index(&self, name: &str, source: Source) -> usize {
        let hash = self.hasher.hash_one((name, source));
        usize::try_from(hash % COUNTERS as u64).expect("an index fits")
    }

    fn lock(&self) -> MutexGuard<'_, Counters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counter {
    /// Forgives what is due.
    ///
    /// # Errors
    ///
    /// The limit is reached. The next failure is forgiven after this time.
    fn check(&mut self, limit: &Limit, now: Instant) -> Result<(), Duration> {
        let Some(since) = self.since else { return Ok(()) };
        let passed = now.saturating_duration_since(since);
        let periods = passed.as_millis() / limit.forgiven_after.as_millis();
        let forgiven = u32::try_from(periods).unwrap_or(u32::MAX).min(self.failures);
        self.failures -= forgiven;
        let since = since + limit.forgiven_after * forgiven;
        self.since = (self.failures > 0).then_some(since);
        if self.failures < limit.at_once {
            return Ok(());
        }
        Err(limit
            .forgiven_after
            .saturating_sub(now.saturating_duration_since(since)))
    }

    fn add(&mut self, now: Instant) {
        self.failures += 1;
        self.since.get_or_insert(now);
    }

    fn take_back(&mut self) {
        self.failures = self.failures.saturating_sub(1);
        if self.failures == 0 {
            self.since = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HOME: Source = Source::Stranger(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
    const ELSEWHERE: Source = Source::Stranger(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9)));
    const PHONE: Source = Source::Known(Device::numbered(1));

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_sixth_failure_waits_and_time_forgives_one_by_one() {
        let attempts = Attempts::new();
        let start = Instant::now();
        let begin = |name, at| attempts.begin(name, HOME, start + seconds(at));
        for attempt in 0..5 {
            assert_eq!(begin("alice", 0), Ok(()), "attempt {attempt}");
        }
        assert_eq!(begin("alice", 2), Err(Refused::Here(seconds(10))));
        assert_eq!(begin("alice", 12), Ok(()), "one is forgiven");
        assert_eq!(begin("alice", 12), Err(Refused::Here(seconds(12))));
        assert_eq!(begin("mallory", 12), Ok(()), "other names are not affected");
        for attempt in 0..5 {
            assert_eq!(
                begin("alice", 1000),
                Ok(()),
                "attempt {attempt} after a long time"
            );
        }
    }

    #[test]
    fn failures_elsewhere_lock_nobody_out() {
        let attempts = Attempts::new();
        let now = Instant::now();
        while attempts.begin("alice", ELSEWHERE, now).is_ok() {}
        assert_eq!(attempts.begin("alice", HOME, now), Ok(()), "from another address");
        assert_eq!(attempts.begin("alice", PHONE, now), Ok(()), "from a known device");
    }

    #[test]
    fn strangers_together_are_limited_and_known_devices_are_not() {
        let attempts = Attempts::new();
        let now = Instant::now();
        let from = |number: u32| Source::Stranger(IpAddr::V4(Ipv4Addr::from(number)));
        // The counters are found by a hash: names that share one with alice would use up hers.
        let hers = [HOME, PHONE].map(|source| attempts.index("alice", source));
        let strangers = (0..)
            .map(|number| (format!("name {number}"), from(number)))
            .filter(|(name, source)| !hers.contains(&attempts.index(name, *source)));
        for (name, source) in strangers.take(FROM_STRANGERS.at_once as usize) {
            assert_eq!(attempts.begin(&name, source, now), Ok(()), "{name}");
        }
        assert_eq!(
            attempts.begin("alice", HOME, now),
            Err(Refused::Everywhere(seconds(1)))
        );
        assert_eq!(attempts.begin("alice", PHONE, now), Ok(()));
        let later = now + seconds(1);
        assert_eq!(attempts.begin("alice", HOME, later), Ok(()), "one is forgiven");
        assert_eq!(
            attempts.begin("alice", HOME, later),
            Err(Refused::Everywhere(seconds(1)))
        );
        for attempt in 1..5 {
            assert_eq!(attempts.begin("alice", PHONE, later), Ok(()), "attempt {attempt}");
        }
        let refused = attempts.begin("alice", PHONE, later);
        assert_eq!(
            refused,
            Err(Refused::Here(seconds(11))),
            "a known device has its own limit"
        );
    }

    #[test]
    fn a_right_password_clears_the_count_and_one_that_was_not_tried_leaves_none() {
        let attempts = Attempts::new();
        let now = Instant::now();
        for attempt in 0..200 {
            assert_eq!(attempts.begin("alice", HOME, now), Ok(()), "attempt {attempt}");
            if attempt % 4 == 0 {
                attempts.succeeded("alice", HOME);
            } else {
                attempts.not_tried("alice", HOME);
            }
        }
    }
}
