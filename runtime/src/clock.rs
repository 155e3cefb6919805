//! Time comes in through a parameter, so that every rule can be tested with a fixed clock.

use std::fmt::Debug;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells what time it is.
///
/// Production code uses [`SystemClock`]; tests pass [`testing::FixedClock`](crate::testing::FixedClock).
pub trait Clock: Debug + Send + Sync + 'static {
    /// The current time.
    fn now(&self) -> SystemTime;
}

/// The clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// Whole seconds since 1970-01-01T00:00:00Z (RFC 7519's `NumericDate`); 0 for a clock set before that.
pub(crate) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs())
}
