//! How long to wait before trying again: exponential backoff with full jitter.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// The moment after this long. A time without end, such as `Duration::MAX`, ends after a year.
pub(crate) fn in_time(after: Duration) -> Instant {
    const YEAR: Duration = Duration::from_hours(365 * 24);
    Instant::now() + after.min(YEAR)
}

/// Delays that double up to a limit.
///
/// Full jitter: each delay is drawn evenly between nothing and the doubled one, so that those who were refused
/// together do not come back together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    pub(crate) limit: Duration,
}

impl Backoff {
    /// The delay after `failures` failed attempts (1 after the first).
    pub(crate) fn delay(self, failures: u32, jitter: &Jitter) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        let ceiling = self.first.saturating_mul(1 << doublings).min(self.limit);
        ceiling.mul_f64(jitter.fraction())
    }
}

/// A source of numbers that need not be secret, only spread.
#[derive(Debug)]
pub(crate) struct Jitter(AtomicU64);

impl Jitter {
    /// A sequence that differs from process to process.
    pub(crate) fn random() -> Self {
        Self::seeded(RandomState::new().hash_one(std::process::id()))
    }

    /// A sequence that can be repeated.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// `SplitMix64`: one addition of state, so that threads can share it without a lock.
    fn next(&self) -> u64 {
        const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut z = self.0.fetch_add(GAMMA, Ordering::Relaxed).wrapping_add(GAMMA);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in `0.0..1.0`.
    fn fraction(&self) -> f64 {
        #[allow(clippy::cast_possible_truncation)]
        let bits = (self.next() >> 32) as u32;
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff {
        first: Duration::from_millis(50),
        limit: Duration::from_secs(1),
    };

    #[test]
    fn delays_spread_over_a_range_that_doubles_up_to_the_limit() {
        let jitter = Jitter::seeded(7);
        for (failures, ceiling) in [(1, 50), (2, 100), (3, 200), (5, 800), (6, 1000), (u32::MAX, 1000)] {
            let delays: Vec<_> = (0..1000).map(|_| BACKOFF.delay(failures, &jitter)).collect();
            let ceiling = Duration::from_millis(ceiling);
            let (least, most) = (delays.iter().min(), delays.iter().max());
            assert!(
                most < Some(&ceiling) && most > Some(&ceiling.mul_f64(0.95)),
                "{failures}: {most:?}"
            );
            assert!(least < Some(&ceiling.mul_f64(0.05)), "{failures}: {least:?}");
        }
    }

    #[test]
    fn a_seed_repeats_its_delays_and_processes_do_not() {
        let delays = |jitter: Jitter| [1, 2, 3].map(|failures| BACKOFF.delay(failures, &jitter));
        assert_eq!(delays(Jitter::seeded(1)), delays(Jitter::seeded(1)));
        assert_ne!(delays(Jitter::seeded(1)), delays(Jitter::seeded(2)));
        assert_ne!(delays(Jitter::random()), delays(Jitter::random()));
    }
}
