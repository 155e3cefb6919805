//! The retries of one call of the registry.

use std::time::Duration;

use tokio::time::timeout_at;

use super::error::{Failure, FailureKind};
use crate::registry::RegistryError;
use crate::retry::{Backoff, Deadline, Retry};

/// The first delay is about what a write of a few milliseconds and its neighbours need to finish.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(25),
    limit: Duration::from_secs(1),
};

/// How long an operation may take, all its attempts together.
#[derive(Clone, Copy, Debug)]
pub(super) struct RetryPolicy {
    pub(super) budget: Duration,
}

impl RetryPolicy {
    /// Starts the time of one operation; `action` says in errors what was attempted.
    pub(super) fn start(self, action: &'static str) -> Operation {
        Operation {
            action,
            deadline: Deadline::after(self.budget),
            retry: Retry::new(BACKOFF),
        }
    }
}

/// One call of the registry: a few requests, each tried until it succeeds or the time is over.
#[derive(Debug)]
pub(super) struct Operation {
    action: &'static str,
    deadline: Deadline,
    retry: Retry,
}

impl Operation {
    /// Repeats the request until it succeeds, fails permanently, or the time is over.
    pub(super) async fn attempt<T, F>(&mut self, mut request: impl FnMut() -> F) -> Result<T, RegistryError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut last = Failure::timeout();
        loop {
            match timeout_at(self.deadline.instant(), request()).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(failure)) if failure.is_permanent() => return Err(failure.into_error(self.action)),
                Ok(Err(failure)) => last = self.wait_after(failure).await?,
                Err(_) => return Err(last.into_error(self.action)),
            }
        }
    }

    /// Waits before another attempt and returns the failure. Fails with it at once if the time would be over by then.
    pub(super) async fn wait_after(&mut self, failure: Failure) -> Result<Failure, RegistryError> {
        if self.retry.wait(self.deadline).await {
            Ok(failure)
        } else {
            Err(failure.into_error(self.action))
        }
    }

    /// Returns an error of this operation that no request caused.
    pub(super) fn error(&self, text: &'static str) -> RegistryError {
        Failure::new(FailureKind::Permanent, text).into_error(self.action)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::cell::Cell;
    use std::future::pending;

    use tokio::time::Instant;

    use super::*;
    use crate::registry::RegistryErrorKind;

    const POLICY: RetryPolicy = RetryPolicy {
        budget: Duration::from_secs(10),
    };

    fn throttled() -> Failure {
        Failure::new(FailureKind::Throttled, "throttled")
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_are_repeated_until_one_succeeds() {
        let attempts = Cell::new(0);
        let answer = POLICY
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
    async fn a_permanent_failure_is_not_repeated() {
        let attempts = Cell::new(0);
        let error = POLICY
            .start("answer")
            .attempt(|| {
                attempts.set(attempts.get() + 1);
                async { Err::<(), _>(Failure::new(FailureKind::Permanent, "denied")) }
            })
            .await
            .unwrap_err();
        assert_eq!(attempts.get(), 1);
        assert_eq!(error.kind(), RegistryErrorKind::Failed);
        assert_eq!(error.to_string(), "the registry could not answer");
    }

    #[tokio::test(start_paused = true)]
    async fn throttling_ends_with_the_budget_and_is_told() {
        let began = Instant::now();
        let attempts = Cell::new(0);
        let error = POLICY
            .start("answer")
            .attempt(|| {
                attempts.set(attempts.get() + 1);
                async { Err::<(), _>(throttled()) }
            })
            .await
            .unwrap_err();
        assert_eq!(error.kind(), RegistryErrorKind::Throttled);
        let elapsed = began.elapsed();
        assert!(
            elapsed <= Duration::from_secs(10) && elapsed > Duration::from_secs(8),
            "{elapsed:?}"
        );
        // Up to a second apart at the end: a few dozen attempts, and not a storm.
        assert!((15..60).contains(&attempts.get()), "{}", attempts.get());
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_without_an_answer_ends_with_the_budget_and_is_a_timeout() {
        let began = Instant::now();
        let error = POLICY
            .start("answer")
            .attempt(pending::<Result<(), Failure>>)
            .await
            .unwrap_err();
        assert_eq!(began.elapsed(), Duration::from_secs(10));
        assert_eq!(error.kind(), RegistryErrorKind::Timeout);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_answered_last_is_told_rather_than_the_silence_after_it() {
        let attempts = Cell::new(0);
        let error = POLICY
            .start("answer")
            .attempt(|| {
                attempts.set(attempts.get() + 1);
                let is_first = attempts.get() == 1;
                async move {
                    if is_first {
                        Err::<(), _>(throttled())
                    } else {
                        pending().await
                    }
                }
            })
            .await
            .unwrap_err();
        assert_eq!(error.kind(), RegistryErrorKind::Throttled);
    }

    #[tokio::test]
    async fn a_budget_without_end_is_no_overflow() {
        let policy = RetryPolicy {
            budget: Duration::MAX,
        };
        assert!(policy.start("find").deadline > Deadline::after(Duration::from_hours(1)));
    }
}
