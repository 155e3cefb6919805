//! Trying again, but not for ever: deadlines, and exponential backoff with full jitter.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambda_runtime::Context;
use tokio::time::{Instant, sleep_until};

/// When a call must have ended, all its attempts together.
///
/// ```
/// use std::time::Duration;
///
/// use room_auth::Deadline;
///
/// let deadline = Deadline::after(Duration::from_secs(5));
/// assert!(deadline < Deadline::after(Duration::from_secs(10)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// What is left of an invocation's time for the answer.
    const TIME_TO_ANSWER: Duration = Duration::from_secs(1);

    /// Returns the deadline this long from now. A time without end, such as `Duration::MAX`, ends after a year.
    pub fn after(time: Duration) -> Self {
        const YEAR: Duration = Duration::from_hours(365 * 24);
        Self(Instant::now() + time.min(YEAR))
    }

    /// Returns the deadline of an invocation: a second before Lambda ends it, so that there is time for its answer.
    /// `None` for a context without a deadline, as `Context::default()` is in tests.
    pub fn of_invocation(invocation: &Context) -> Option<Self> {
        let deadline = invocation.deadline();
        (deadline > UNIX_EPOCH).then(|| {
            let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
            Self::after(left.saturating_sub(Self::TIME_TO_ANSWER))
        })
    }

    pub(crate) fn instant(self) -> Instant {
        self.0
    }

    /// Returns whether the time is over.
    pub(crate) fn has_passed(self) -> bool {
        Instant::now() >= self.0
    }
}

/// Delays that double up to a limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    pub(crate) limit: Duration,
}

impl Backoff {
    /// Returns the longest delay after `failures` failed attempts (1 after the first).
    fn ceiling(self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        self.first.saturating_mul(1 << doublings).min(self.limit)
    }
}

/// The delays of one call.
///
/// Full jitter: each delay is drawn evenly between nothing and the doubled one, so that those who were refused
/// together do not come back together.
#[derive(Debug)]
pub(crate) struct Retry {
    backoff: Backoff,
    failures: u32,
}

impl Retry {
    pub(crate) fn new(backoff: Backoff) -> Self {
        Self { backoff, failures: 0 }
    }

    /// Waits before the next attempt. Returns `false` at once if `deadline` would pass while waiting.
    pub(crate) async fn wait(&mut self, deadline: Deadline) -> bool {
        self.failures = self.failures.saturating_add(1);
        let delay = self.backoff.ceiling(self.failures).mul_f64(fastrand::f64());
        let next = Instant::now() + delay;
        if next >= deadline.0 {
            return false;
        }
        sleep_until(next).await;
        true
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
    fn delays_double_up_to_the_limit() {
        for (failures, ceiling) in [(1, 50), (2, 100), (3, 200), (5, 800), (6, 1000), (u32::MAX, 1000)] {
            assert_eq!(
                BACKOFF.ceiling(failures),
                Duration::from_millis(ceiling),
                "{failures}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn waits_spread_over_the_whole_range() {
        let mut delays = Vec::new();
        for _ in 0..1000 {
            let (began, mut retry) = (Instant::now(), Retry::new(BACKOFF));
            assert!(retry.wait(Deadline::after(Duration::MAX)).await);
            delays.push(began.elapsed());
        }
        let (least, most) = (delays.iter().min(), delays.iter().max());
        assert!(least < Some(&Duration::from_millis(5)), "{least:?}");
        assert!(
            most > Some(&Duration::from_millis(45)) && most <= Some(&Duration::from_millis(51)),
            "{most:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_would_pass_the_deadline_is_not_begun() {
        let began = Instant::now();
        let deadline = Deadline::after(Duration::from_millis(300));
        let mut retry = Retry::new(BACKOFF);
        while retry.wait(deadline).await {}
        assert!(began.elapsed() < Duration::from_millis(300));
    }

    #[test]
    fn a_time_without_end_is_no_overflow() {
        assert!(Deadline::after(Duration::MAX) > Deadline::after(Duration::from_hours(1)));
    }

    #[test]
    fn an_invocation_leaves_time_for_its_answer() {
        let mut invocation = Context::default();
        assert_eq!(Deadline::of_invocation(&invocation), None, "a test's context");
        let end = SystemTime::now() + Duration::from_secs(10);
        invocation.deadline =
            u64::try_from(end.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or(u64::MAX);
        let deadline = Deadline::of_invocation(&invocation);
        assert!(deadline > Some(Deadline::after(Duration::from_secs(8))));
        assert!(deadline < Some(Deadline::after(Duration::from_secs(10))));
    }
}
