//! Keys that are kept elsewhere: read now and then, so that a rotation is noticed.

#[cfg(feature = "kms")]
mod kms;
#[cfg(feature = "secrets-manager")]
mod secrets_manager;

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::error::IssuerError;

#[cfg(feature = "kms")]
pub(crate) use kms::KmsKeys;
#[cfg(feature = "secrets-manager")]
pub(crate) use secrets_manager::SecretKeys;

/// Region, credentials and endpoints as the SDK finds them.
pub(super) async fn config_from_env() -> Result<aws_config::SdkConfig, IssuerError> {
    crate::aws::config_from_env()
        .await
        .map_err(|error| IssuerError::KeySource(error.to_string()))
}

/// How long a key is used before it is looked up again. A rotation keeps both public keys for longer than this.
const REFRESH: Duration = Duration::from_mins(5);

/// The last value that was read, and when.
#[derive(Debug)]
struct Cached<V>(Mutex<Option<(V, SystemTime)>>);

impl<V> Default for Cached<V> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<V: Clone> Cached<V> {
    /// The value, read by `read` if it is older than [`REFRESH`]. If it cannot be read again, the old one goes on,
    /// and reading is tried again at the next call.
    async fn current<F>(&self, now: SystemTime, read: impl FnOnce() -> F) -> Result<V, IssuerError>
    where
        F: Future<Output = Result<V, IssuerError>>,
    {
        let last = self.last();
        if let Some((value, read_at)) = &last
            && now.duration_since(*read_at).is_ok_and(|age| age < REFRESH)
        {
            return Ok(value.clone());
        }
        match (read().await, last) {
            (Ok(value), _) => {
                *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((value.clone(), now));
                Ok(value)
            }
            (Err(error), Some((value, _))) => {
                tracing::warn!(target: "room_auth", %error, "the signing key was not read again; the last one is used");
                Ok(value)
            }
            (Err(error), None) => Err(error),
        }
    }

    fn last(&self) -> Option<(V, SystemTime)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A service's refusal as a line for the operator: its error code, and what to do about the usual ones.
///
/// The service's own message is left out: it may quote what was sent.
fn refused(what: &str, code: Option<&str>, advice: &[(&str, &str)]) -> IssuerError {
    let code = code.unwrap_or("no answer");
    let advice = advice
        .iter()
        .find(|(known, _)| *known == code)
        .map_or("", |(_, advice)| advice);
    let separator = if advice.is_empty() { "" } else { "; " };
    IssuerError::KeySource(format!("{what}: {code}{separator}{advice}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[tokio::test]
    async fn a_value_is_read_again_when_it_is_old_and_kept_when_it_cannot_be_read() {
        let cached = Cached::default();
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let fail = || async { Err(IssuerError::Sign) };
        assert_eq!(cached.current(at(0), fail).await, Err(IssuerError::Sign));
        assert_eq!(cached.current(at(0), || async { Ok("old") }).await, Ok("old"));
        assert_eq!(cached.current(at(299), || async { Ok("new") }).await, Ok("old"));
        assert_eq!(cached.current(at(300), fail).await, Ok("old"));
        assert_eq!(cached.current(at(301), || async { Ok("new") }).await, Ok("new"));
    }
}
