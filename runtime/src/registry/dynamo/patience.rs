//! Trying again, but not for ever.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::failure::{Failure, FailureKind};
use crate::backoff::{Backoff, Jitter, in_time};
use crate::registry::RegistryError;

/// The first delay is about what a single-digit-millisecond write and its neighbours need to get out of the way.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(25),
    limit: Duration::from_secs(1),
};

/// How long calls may take, all attempts together.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    pub(super) budget: Duration,
    pub(super) deadline: Option<Instant>,
    pub(super) jitter: Arc<Jitter>,
}

impl Patience {
    pub(super) fn new(budget: Duration) -> Self {
        Self {
            budget,
            deadline: None,
            jitter: Arc::new(Jitter::random()),
        }
    }

    /// Starts the time of one call.
    pub(super) fn start(&self, action: &'static str) -> Call<'_> {
        let end = in_time(self.budget);
        Call {
            action,
            end: self.deadline.map_or(end, |deadline| deadline.min(end)),
            failures: 0,
            jitter: &self.jitter,
        }
    }
}

/// One call of the registry: a few requests, each tried until it succeeds or the time is over.
#[derive(Debug)]
pub(super) struct Call<'p> {
    action: &'static str,
    end: Instant,
    failures: u32,
    jitter: &'p Jitter,
}

impl Call<'_> {
    /// Attempts until one succeeds, one fails in a way that lasts, or the time is over.
    pub(super) async fn attempt<T, F>(&mut self, mut request: impl FnMut() -> F) -> Result<T, RegistryError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut last = Failure::new(FailureKind::Transient, "DynamoDB did not answer in time");
        loop {
            match timeout_at(self.end, request()).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(failure)) if failure.is_lasting() => return Err(failure.into_error(self.action)),
                Ok(Err(failure)) => last = self.wait_after(failure).await?,
                Err(_) => return Err(last.into_error(self.action)),
            }
        }
    }

    /// Waits before another attempt, and gives the failure back; ends the call if it would end while waiting.
    pub(super) async fn wait_after(&mut self, failure: Failure) -> Result<Failure, RegistryError> {
        self.failures += 1;
        let delay = BACKOFF.delay(self.failures, self.jitter);
        if Instant::now() + delay >= self.end {
            return Err(failure.into_error(self.action));
        }
        sleep(delay).await;
        Ok(failure)
    }

    /// An error of this call that is no request's.
    pub(super) fn error(&self, text: &'static str) -> RegistryError {
        Failure::new(FailureKind::Lasting, text).into_error(self.action)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::cell::Cell;
    use std::future::pending;

    use super::*;

    fn patience() -> Patience {
        Patience {
            jitter: Arc::new(Jitter::seeded(1)),
            ..Patience::new(Duration::from_secs(10))
        }
    }

    fn throttled() -> Failure {
        Failure::new(FailureKind::Throttled, "throttled")
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_are_repeated_until_one_succeeds() {
        let attempts = Cell::new(0);
        let answer = patience()
            .start("answer")
            .attempt(|| {
                attempts.set(attempts.get() + 1);
                let answer = if attempts.get() < 6 {
                    Err(throttled())
                } else {
                    Ok(42)
                };
                async move { answer }
            })
            .await;
        assert_eq!((answer.unwrap(), attempts.get()), (42, 6));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_that_lasts_is_not_repeated() {
        let attempts = Cell::new(0);
        let error = patience()
            .start("answer")
            .attempt(|| {
                attempts.set(attempts.get() + 1);
                async { Err::<(), _>(Failure::new(FailureKind::Lasting, "denied")) }
            })
            .await
            .unwrap_err();
        assert_eq!(attempts.get(), 1);
        assert!(!error.is_throttled());
        assert_eq!(error.to_string(), "the registry could not answer");
    }

    #[tokio::test(start_paused = true)]
    async fn throttling_ends_with_the_budget_and_is_told() {
        let began = Instant::now();
        let attempts = Cell::new(0);
        let error = patience()
            .start("answer")
            .attempt(|| {
                attempts.set(attempts.get() + 1);
                async { Err::<(), _>(throttled()) }
            })
            .await
            .unwrap_err();
        assert!(error.is_throttled());
        let elapsed = began.elapsed();
        assert!(
            elapsed <= Duration::from_secs(10) && elapsed > Duration::from_secs(8),
            "{elapsed:?}"
        );
        // Up to a second apart at the end: a few dozen attempts, and not a storm.
        assert!((15..60).contains(&attempts.get()), "{}", attempts.get());
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_without_an_answer_ends_with_the_deadline() {
        let began = Instant::now();
        let mut patience = patience();
        patience.deadline = Some(began + Duration::from_secs(2));
        let error = patience
            .start("answer")
            .attempt(pending::<Result<(), Failure>>)
            .await
            .unwrap_err();
        assert_eq!(began.elapsed(), Duration::from_secs(2));
        assert!(!error.is_throttled());
    }

    #[test]
    fn a_budget_without_end_is_no_overflow() {
        let ends = Patience::new(Duration::MAX).start("find").end;
        assert!(ends > Instant::now() + Duration::from_hours(1));
    }
}
