//! The one clock of a gateway: that of the system, or one that a test advances.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::sync::watch;

/// A clock that stands still until a test advances it: two hours of a connection pass in a moment. Cheap to clone; all
/// clones are the same clock.
///
/// [`GatewayBuilder::clock`](crate::GatewayBuilder::clock) says what it moves, and what it does not.
///
/// ```
/// # use std::time::Duration;
/// # use room_auth_gateway::ManualClock;
/// let clock = ManualClock::new();
/// let before = clock.now();
/// clock.advance(Duration::from_mins(10));
/// assert_eq!(clock.now(), before + Duration::from_mins(10));
/// ```
#[derive(Clone)]
pub struct ManualClock(Arc<watch::Sender<SystemTime>>);

impl ManualClock {
    /// Returns a clock that shows the time of the system at this moment, so that it agrees with the functions' clocks
    /// as long as it is not advanced.
    pub fn new() -> Self {
        Self::at(SystemTime::now())
    }

    /// Returns a clock that shows `time`.
    pub fn at(time: SystemTime) -> Self {
        Self(Arc::new(watch::Sender::new(time)))
    }

    /// Returns the time that the clock shows.
    pub fn now(&self) -> SystemTime {
        *self.0.borrow()
    }

    /// Sets the clock forward. It jumps: what is due within `by` sees the new time, and happens soon after this returns.
    /// Wait for it: for the close frame, or by [`Gateway::observations`](crate::Gateway::observations).
    ///
    /// # Panics
    ///
    /// If the time is further away than the system can say.
    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|now| *now += by);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ManualClock").field(&self.now()).finish()
    }
}

/// What everything in a gateway takes the time from.
#[derive(Clone, Debug, Default)]
pub(crate) enum Clock {
    #[default]
    System,
    Manual(ManualClock),
}

impl Clock {
    pub(crate) fn now(&self) -> SystemTime {
        match self {
            Self::System => SystemTime::now(),
            Self::Manual(clock) => clock.now(),
        }
    }

    /// Returns the time since `earlier`, and none if that is still to come.
    pub(crate) fn since(&self, earlier: SystemTime) -> Duration {
        self.now().duration_since(earlier).unwrap_or_default()
    }

    /// Waits until it is `by` after `since`, which may have been before this call: so nothing is missed of a clock that is
    /// advanced meanwhile.
    pub(crate) async fn passes(&self, since: SystemTime, by: Duration) {
        let Some(end) = since.checked_add(by) else {
            // Later than the system can say.
            return std::future::pending().await;
        };
        match self {
            Self::System => {
                tokio::time::sleep(end.duration_since(SystemTime::now()).unwrap_or_default()).await;
            }
            Self::Manual(clock) => {
                let mut shown = clock.0.subscribe();
                // The sender lives as long as `clock`.
                let _ = shown.wait_for(|now| *now >= end).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_wait_ends_when_the_clock_has_been_advanced_far_enough_also_before_it_began() {
        let manual = ManualClock::at(SystemTime::UNIX_EPOCH);
        let clock = Clock::Manual(manual.clone());
        let mut wait = Box::pin(clock.passes(manual.now(), Duration::from_secs(10)));
        assert_eq!(wait.as_mut().now_or_never(), None);
        manual.advance(Duration::from_millis(9_999));
        assert_eq!(wait.as_mut().now_or_never(), None);
        manual.advance(Duration::from_millis(1));
        assert_eq!(wait.as_mut().now_or_never(), Some(()));
        let late = clock.passes(SystemTime::UNIX_EPOCH, Duration::from_secs(10));
        assert_eq!(late.now_or_never(), Some(()));
        assert_eq!(clock.since(SystemTime::UNIX_EPOCH), Duration::from_secs(10));
        assert_eq!(clock.since(manual.now() + Duration::from_secs(1)), Duration::ZERO);
    }

    #[test]
    fn a_wait_without_an_end_is_no_error() {
        for clock in [Clock::System, Clock::Manual(ManualClock::new())] {
            let wait = clock.passes(clock.now(), Duration::MAX);
            assert_eq!(wait.now_or_never(), None);
        }
    }
}
