//! A frame to one connection, tried again as long as it makes sense.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::backoff::{Backoff, Jitter};
use crate::clock::unix_seconds;
use crate::connection::ConnectionId;
use crate::registry::Member;
use crate::transport::{Transport, TransportError};

/// API Gateway answers 410 for a connection whose `$connect` it has not answered yet. The integration has 29 s
/// for that (API Gateway quota page): before, 410 is no proof that the connection is gone.
const HANDSHAKE_SECONDS: u64 = 30;

/// How long such a young connection is tried again: the answer is usually on its way.
const YOUNG_PATIENCE: Duration = Duration::from_secs(1);

/// How connections are tried.
#[derive(Clone, Debug)]
pub(super) struct Attempts {
    pub(super) timeout: Duration,
    /// From when on an attempt does not count as under way, so that those who wait get its place.
    pub(super) slow_after: Duration,
    backoff: Backoff,
    jitter: Arc<Jitter>,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            slow_after: Duration::from_millis(200),
            backoff: Backoff {
                first: Duration::from_millis(50),
                limit: Duration::from_secs(2),
            },
            jitter: Arc::new(Jitter::random()),
        }
    }
}

/// What became of a frame to one connection.
#[derive(Debug)]
pub(super) enum Outcome {
    Delivered,
    /// There is no such connection any more.
    Gone,
    /// The last error. [`TransportError::Gone`]: of a connection that is too young to be sure.
    Failed(TransportError),
    OutOfTime,
}

/// A place among the frames that are under way at once.
pub(super) struct Place {
    pub(super) places: Arc<Semaphore>,
    pub(super) taken: OwnedSemaphorePermit,
}

impl Attempts {
    /// Sends `frame`, again after throttling, silence and errors that may pass, until `until`.
    ///
    /// A `place` is given up while waiting and by a slow attempt, so that one slow member costs the others nothing.
    pub(super) async fn deliver(
        &self,
        transport: &dyn Transport,
        member: &Member,
        frame: &[u8],
        now: SystemTime,
        until: Instant,
        place: Option<Place>,
    ) -> Outcome {
        let is_young = unix_seconds(now) < member.connected_at / 1000 + HANDSHAKE_SECONDS;
        let young_until = until.min(Instant::now() + YOUNG_PATIENCE);
        let (places, mut taken) = place.map_or((None, None), |place| (Some(place.places), Some(place.taken)));
        let mut failures = 0;
        loop {
            let error = match self.once(transport, member, frame, until, taken.take()).await {
                Ok(()) => return Outcome::Delivered,
                Err(error) => error,
            };
            let give_up_at = match &error {
                TransportError::Gone if is_young => young_until,
                TransportError::Gone => return Outcome::Gone,
                TransportError::Throttled | TransportError::Timeout | TransportError::Other(_) => until,
                _ => return Outcome::Failed(error),
            };
            failures += 1;
            let next = Instant::now() + self.backoff.delay(failures, &self.jitter);
            if next >= give_up_at {
                return Outcome::Failed(error);
            }
            sleep_until(next).await;
            if let Some(places) = &places {
                match timeout_at(until, places.clone().acquire_owned()).await {
                    Ok(Ok(place)) => taken = Some(place),
                    _ => return Outcome::OutOfTime,
                }
            }
        }
    }

    async fn once(
        &self,
        transport: &dyn Transport,
        member: &Member,
        frame: &[u8],
        until: Instant,
        taken: Option<OwnedSemaphorePermit>,
    ) -> Result<(), TransportError> {
        let give_up_at = until.min(Instant::now() + self.timeout);
        let mut posting = transport.post(&member.connection_id, frame);
        if let Ok(posted) = timeout(self.slow_after, &mut posting).await {
            return posted;
        }
        drop(taken);
        timeout_at(give_up_at, posting)
            .await
            .unwrap_or(Err(TransportError::Timeout))
    }

    /// Closes a connection, again after throttling and silence.
    pub(super) async fn close(
        &self,
        transport: &dyn Transport,
        id: &ConnectionId,
        until: Instant,
    ) -> Result<(), TransportError> {
        let mut failures = 0;
        loop {
            let give_up_at = until.min(Instant::now() + self.timeout);
            let error = match timeout_at(give_up_at, transport.close(id)).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => error,
                Err(_) => TransportError::Timeout,
            };
            if !matches!(
                error,
                TransportError::Throttled | TransportError::Timeout | TransportError::Other(_)
            ) {
                return Err(error);
            }
            failures += 1;
            let next = Instant::now() + self.backoff.delay(failures, &self.jitter);
            if next >= until {
                return Err(error);
            }
            sleep_until(next).await;
        }
    }
}
