//! A frame to one connection, tried again as long as it makes sense.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::endpoint::ApiEndpoint;
use crate::id::ConnectionId;
use crate::registry::{Connection, RegistryError, RegistryErrorKind, RoomMember};
use crate::retry::{Backoff, Deadline, Retry};
use crate::transport::{ErasedTransport, TransportError};

/// How long after connecting API Gateway's 410 is no proof that a connection is gone: it answers so for a connection
/// whose `$connect` it has not answered yet, and the integration has 29 s for that (API Gateway quota page).
pub(crate) const CONNECT_GRACE: Duration = Duration::from_secs(30);

/// How long a frame to such a young connection is tried again: the answer is usually on its way.
const YOUNG_TIME: Duration = Duration::from_secs(1);

/// After how many attempts without an answer a connection is given up. Each takes the whole timeout, and API Gateway
/// may have taken the frame: the time until the deadline is for throttling.
const MAX_TIMEOUTS: u32 = 3;

const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(50),
    limit: Duration::from_secs(2),
};

/// For such a connection, so that the last attempt comes in the last quarter of that time, however the dice fall.
const YOUNG_BACKOFF: Backoff = Backoff {
    limit: Duration::from_millis(250),
    ..BACKOFF
};

/// Whom a frame is for, wherever its record comes from.
#[derive(Clone, Copy)]
pub(super) struct Peer<'a> {
    id: &'a ConnectionId,
    endpoint: &'a ApiEndpoint,
    connected_at: SystemTime,
}

impl<'a> From<&'a Connection> for Peer<'a> {
    fn from(connection: &'a Connection) -> Self {
        Self {
            id: &connection.id,
            endpoint: &connection.endpoint,
            connected_at: connection.connected_at,
        }
    }
}

impl<'a> From<&'a RoomMember> for Peer<'a> {
    fn from(member: &'a RoomMember) -> Self {
        Self {
            id: &member.id,
            endpoint: &member.endpoint,
            connected_at: member.connected_at,
        }
    }
}

impl Peer<'_> {
    /// Returns it as one that took a frame: whatever its age, it is open, or gone for good.
    pub(super) fn reached(self) -> Self {
        Self {
            connected_at: SystemTime::UNIX_EPOCH,
            ..self
        }
    }
}

/// Sends frames and closes connections.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    pub(super) transport: Arc<dyn ErasedTransport>,
    pub(super) attempt_timeout: Duration,
    /// After how long an attempt gives its slot to those who wait.
    pub(super) slow_after: Duration,
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

/// How often a frame is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    /// Again after throttling, silence and errors that may pass, until the deadline.
    Persistent,
    Once,
}

/// The sends that may be under way at once. Each holds a socket, of which a Lambda function has 1,024 at most
/// (Lambda quota page, file descriptors).
#[derive(Clone, Debug)]
pub(super) struct Slots {
    pub(super) fast: Arc<Semaphore>,
    /// Where slow attempts go, out of the way of the others.
    slow: Arc<Semaphore>,
}

impl Slots {
    /// How many slow attempts are out of the way at once. Further ones keep their slot.
    const SLOW: usize = 256;

    pub(super) fn new(concurrency: usize) -> Self {
        Self {
            fast: Arc::new(Semaphore::new(concurrency)),
            slow: Arc::new(Semaphore::new(Self::SLOW)),
        }
    }

    /// Returns a permit at once, if a slot is free.
    pub(super) fn try_acquire(&self) -> Option<Permit> {
        let held = self.fast.clone().try_acquire_owned().ok()?;
        Some(self.permit(held))
    }

    /// Returns a permit as soon as a slot is free before `deadline`.
    pub(super) async fn acquire(&self, deadline: Deadline) -> Option<Permit> {
        let held = timeout_at(deadline.instant(), self.fast.clone().acquire_owned()).await;
        Some(self.permit(held.ok()?.ok()?))
    }

    fn permit(&self, held: OwnedSemaphorePermit) -> Permit {
        Permit {
            slots: self.clone(),
            held,
        }
    }
}

/// A slot that is taken.
pub(super) struct Permit {
    pub(super) slots: Slots,
    held: OwnedSemaphorePermit,
}

impl Sender {
    pub(super) fn new(transport: Arc<dyn ErasedTransport>) -> Self {
        Self {
            transport,
            attempt_timeout: Duration::from_secs(3),
            slow_after: Duration::from_millis(200),
        }
    }

    /// Sends `frame` to `peer`.
    ///
    /// A `permit` is given up while waiting and by a slow attempt, so that one slow member does not hold up the others.
    pub(super) async fn deliver(
        &self,
        peer: Peer<'_>,
        frame: &[u8],
        now: SystemTime,
        deadline: Deadline,
        effort: Effort,
        mut permit: Option<Permit>,
    ) -> Outcome {
        let slots = permit.as_ref().map(|permit| permit.slots.clone());
        let young_until = deadline.min(Deadline::after(YOUNG_TIME));
        let (mut retry, mut young_retry, mut timeouts) = (Retry::new(BACKOFF), Retry::new(YOUNG_BACKOFF), 0);
        loop {
            let error = match self.try_send(peer, frame, deadline, permit.take()).await {
                Ok(()) => return Outcome::Delivered,
                Err(error) => error,
            };
            let is_worth_another = match &error {
                TransportError::Gone if !is_young(peer, now) => return Outcome::Gone,
                _ if effort == Effort::Once => false,
                TransportError::Gone => young_retry.wait(young_until).await,
                TransportError::Throttled => retry.wait(deadline).await,
                error if error.is_transient() && timeouts + 1 < MAX_TIMEOUTS => {
                    timeouts += 1;
                    retry.wait(deadline).await
                }
                _ => false,
            };
            if !is_worth_another {
                return Outcome::Failed(error);
            }
            if let Some(slots) = &slots {
                permit = slots.acquire(deadline).await;
                if permit.is_none() {
                    return Outcome::Failed(error);
                }
            }
        }
    }

    /// Sends `frame` to `peer` by one attempt.
    pub(super) async fn try_once(
        &self,
        peer: Peer<'_>,
        frame: &[u8],
        deadline: Deadline,
    ) -> Result<(), TransportError> {
        self.try_send(peer, frame, deadline, None).await
    }

    async fn try_send(
        &self,
        peer: Peer<'_>,
        frame: &[u8],
        deadline: Deadline,
        permit: Option<Permit>,
    ) -> Result<(), TransportError> {
        let give_up_at = deadline.min(Deadline::after(self.attempt_timeout)).instant();
        let mut posting = self.transport.post(peer.endpoint, peer.id, frame);
        let slow_at = give_up_at.min(Instant::now() + self.slow_after);
        if let Ok(posted) = timeout_at(slow_at, &mut posting).await {
            return posted;
        }
        let _slow = match &permit {
            None => None,
            Some(Permit { slots, .. }) => tokio::select! {
                biased;
                posted = &mut posting => return posted,
                slow = slots.slow.clone().acquire_owned() => slow.ok(),
                () = sleep_until(give_up_at) => return Err(TransportError::Timeout),
            },
        };
        drop(permit.map(|permit| permit.held));
        timeout_at(give_up_at, posting)
            .await
            .unwrap_or(Err(TransportError::Timeout))
    }

    /// Closes a connection, again after throttling and silence. That API Gateway does not know it counts as closed,
    /// but not while its `$connect` may still be answered.
    pub(super) async fn close(
        &self,
        peer: Peer<'_>,
        now: SystemTime,
        deadline: Deadline,
    ) -> Result<(), TransportError> {
        // Until 410 is proof.
        let young_for = (peer.connected_at + CONNECT_GRACE)
            .duration_since(now)
            .unwrap_or_default();
        let young_until = Deadline::after(young_for);
        let (mut retry, mut timeouts) = (Retry::new(BACKOFF), 0);
        loop {
            let give_up_at = deadline.min(Deadline::after(self.attempt_timeout)).instant();
            let closing = self.transport.close(peer.endpoint, peer.id);
            let error = match timeout_at(give_up_at, closing).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(TransportError::Gone)) if young_until.has_passed() => return Ok(()),
                Ok(Err(error)) => error,
                Err(_) => TransportError::Timeout,
            };
            match &error {
                TransportError::Gone | TransportError::Throttled => {}
                error if error.is_transient() && timeouts + 1 < MAX_TIMEOUTS => timeouts += 1,
                _ => return Err(error),
            }
            if !retry.wait(deadline).await {
                return Err(error);
            }
        }
    }
}

fn is_young(peer: Peer<'_>, now: SystemTime) -> bool {
    now < peer.connected_at + CONNECT_GRACE
}

/// Asks the registry, again while it has no capacity.
pub(super) async fn ask<'r, V>(
    deadline: Deadline,
    ask: impl Fn() -> BoxFuture<'r, Result<V, RegistryError>>,
) -> Result<V, RegistryError> {
    let mut retry = Retry::new(BACKOFF);
    loop {
        match timeout_at(deadline.instant(), ask()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) if error.kind() == RegistryErrorKind::Throttled => {
                if !retry.wait(deadline).await {
                    return Err(error);
                }
            }
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(RegistryError::timeout("answer in time")),
        }
    }
}
