//! A frame to one connection, tried again as long as it makes sense.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::backoff::{Backoff, Jitter, in_time};
use crate::clock::unix_seconds;
use crate::id::ConnectionId;
use crate::registry::{BoxFuture, Member, RegistryError};
use crate::transport::{Transport, TransportError};

/// API Gateway answers 410 for a connection whose `$connect` it has not answered yet. The integration has 29 s
/// for that (API Gateway quota page): before, 410 is no proof that the connection is gone.
const HANDSHAKE_SECONDS: u64 = 30;

/// How long such a young connection is tried again: the answer is usually on its way.
const YOUNG_PATIENCE: Duration = Duration::from_secs(1);

/// How often an attempt without an answer is repeated. Each takes the whole timeout, and API Gateway may have taken
/// the frame: the time until the deadline is for throttling.
const SILENT_ATTEMPTS: u32 = 3;

/// How connections are tried.
#[derive(Clone, Debug)]
pub(super) struct Attempts {
    pub(super) timeout: Duration,
    /// From when on an attempt does not count as under way, so that those who wait get its place.
    pub(super) slow_after: Duration,
    backoff: Backoff,
    pub(super) jitter: Arc<Jitter>,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(3),
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
}

/// Why the registry gave no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    Failed(RegistryError),
    OutOfTime,
}

/// The frames that may be under way at once. Each holds a socket, of which a Lambda function has 1,024 at most
/// (Lambda quota page, file descriptors).
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub(super) quick: Arc<Semaphore>,
    /// Where slow attempts go, out of the way of the others.
    slow: Arc<Semaphore>,
}

impl Places {
    /// How many slow attempts are out of the way at once. Further ones keep their place.
    const SLOW: usize = 256;

    pub(super) fn new(concurrency: usize) -> Self {
        Self {
            quick: Arc::new(Semaphore::new(concurrency)),
            slow: Arc::new(Semaphore::new(Self::SLOW)),
        }
    }
}

impl Places {
    /// A place, as soon as there is one before `until`.
    pub(super) async fn take(&self, until: Instant) -> Option<Place> {
        let taken = timeout_at(until, self.quick.clone().acquire_owned()).await.ok()?;
        let (places, taken) = (self.clone(), taken.ok()?);
        Some(Place { places, taken })
    }
}

/// A place among them.
pub(super) struct Place {
    pub(super) places: Places,
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
        let (mut failures, mut silent) = (0, 0);
        loop {
            let place = places.as_ref().zip(taken.take());
            let error = match self.once(transport, member, frame, until, place).await {
                Ok(()) => return Outcome::Delivered,
                Err(error) => error,
            };
            let give_up_at = match &error {
                TransportError::Gone if is_young => young_until,
                TransportError::Gone => return Outcome::Gone,
                TransportError::Throttled => until,
                error if error.is_transient() && silent + 1 < SILENT_ATTEMPTS => {
                    silent += 1;
                    until
                }
                _ => return Outcome::Failed(error),
            };
            failures += 1;
            let next = Instant::now() + self.backoff.delay(failures, &self.jitter);
            if next >= give_up_at {
                return Outcome::Failed(error);
            }
            sleep_until(next).await;
            if let Some(places) = &places {
                match timeout_at(until, places.quick.clone().acquire_owned()).await {
                    Ok(Ok(place)) => taken = Some(place),
                    _ => return Outcome::Failed(error),
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
        place: Option<(&Places, OwnedSemaphorePermit)>,
    ) -> Result<(), TransportError> {
        let give_up_at = until.min(in_time(self.timeout));
        let mut posting = transport.post(&member.connection_id, frame);
        let slow_at = give_up_at.min(Instant::now() + self.slow_after);
        if let Ok(posted) = timeout_at(slow_at, &mut posting).await {
            return posted;
        }
        let _aside = match place {
            None => None,
            Some((places, taken)) => tokio::select! {
                biased;
                posted = &mut posting => return posted,
                aside = places.slow.acquire() => {
                    drop(taken);
                    aside.ok()
                }
                () = sleep_until(give_up_at) => return Err(TransportError::Timeout),
            },
        };
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
        let (mut failures, mut silent) = (0, 0);
        loop {
            let give_up_at = until.min(in_time(self.timeout));
            let closed = timeout_at(give_up_at, transport.close(id)).await;
            let error = match closed.unwrap_or(Err(TransportError::Timeout)) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            silent += u32::from(!matches!(error, TransportError::Throttled));
            if !error.is_transient() || silent >= SILENT_ATTEMPTS {
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

    /// Asks the registry, again while it has no capacity.
    pub(super) async fn ask<'r, T>(
        &self,
        until: Instant,
        ask: impl Fn() -> BoxFuture<'r, Result<T, RegistryError>>,
    ) -> Result<T, Unanswered> {
        let mut failures = 0;
        loop {
            match timeout_at(until, ask()).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) if error.is_throttled() => {
                    failures += 1;
                    let next = Instant::now() + self.backoff.delay(failures, &self.jitter);
                    if next >= until {
                        return Err(Unanswered::Failed(error));
                    }
                    sleep_until(next).await;
                }
                Ok(Err(error)) => return Err(Unanswered::Failed(error)),
                Err(_) => return Err(Unanswered::OutOfTime),
            }
        }
    }
}
