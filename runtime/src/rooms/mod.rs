//! Sending to rooms: a [`Registry`] says who is there, a [`Transport`] reaches them.
//!
//! | file | job |
//! | --- | --- |
//! | `mod.rs` | [`Rooms`]: what is configured; one connection at a time |
//! | `broadcast.rs` | a frame to everybody in a room |
//! | `attempt.rs` | a frame to one connection, tried again as long as it makes sense |
//! | `delivery.rs` | what became of a frame |
//! | `frame.rs` | the size of a frame, and ids by which clients drop repeats |

mod attempt;
mod broadcast;
mod delivery;
mod frame;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::stream::{self, Stream, TryStreamExt as _};
use tokio::time::Instant;

use self::attempt::{Attempts, Outcome};
use crate::claims::RoomId;
use crate::clock::{Clock, SystemClock, unix_seconds};
use crate::connection::ConnectionId;
use crate::registry::{Member, Registry, RegistryError};
use crate::transport::{ApiEndpoint, Transport, TransportError};

pub use broadcast::Broadcast;
pub use delivery::{Delivery, Undelivered, UndeliveredReason};
pub use frame::{FrameId, FrameTooLarge};

/// Sends to connections and to rooms. Cloning is cheap.
///
/// ```no_run
/// use room_auth::rooms::{Broadcast, Rooms};
/// use room_auth::{Registry, RoomClaims, Transport};
///
/// async fn tell(rooms: &Rooms, claims: &RoomClaims, text: &str) -> Result<(), room_auth::Error> {
///     let delivery = rooms.broadcast(Broadcast::new(claims.room_id(), text)).await?;
///     tracing::info!(delivered = delivery.delivered(), undelivered = delivery.undelivered_count());
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Rooms {
    registry: Arc<dyn Registry>,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    leeway: Duration,
    concurrency: usize,
    budget: Duration,
    attempts: Attempts,
}

impl Rooms {
    /// How many frames are under way at once unless [`with_concurrency`](Self::with_concurrency) says otherwise.
    ///
    /// A post takes API Gateway some 10 ms, so that 64 at once send about 6,000 frames a second: over half of
    /// an account's default 10,000 requests a second (API Gateway quota page), and as many sockets as a
    /// function of 128 MB holds with ease.
    pub const DEFAULT_CONCURRENCY: usize = 64;

    /// How long a call may take unless a deadline is given: below the 29 s that API Gateway waits for an
    /// integration (API Gateway quota page).
    pub const DEFAULT_BUDGET: Duration = Duration::from_secs(20);

    /// Rooms whose members are in `registry` and reached by `transport`.
    pub fn new(registry: impl Registry, transport: impl Transport) -> Self {
        Self {
            registry: Arc::new(registry),
            transport: Arc::new(transport),
            clock: Arc::new(SystemClock),
            leeway: Duration::ZERO,
            concurrency: Self::DEFAULT_CONCURRENCY,
            budget: Self::DEFAULT_BUDGET,
            attempts: Attempts::default(),
        }
    }

    /// The same rooms, reached through the API that an event came from.
    #[must_use]
    pub fn at(&self, endpoint: &ApiEndpoint) -> Self {
        let transport = self
            .transport
            .at(endpoint)
            .unwrap_or_else(|| self.transport.clone());
        Self {
            transport,
            ..self.clone()
        }
    }

    /// Sends at most this many frames at once (at least 1).
    #[must_use]
    pub fn with_concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency.max(1);
        self
    }

    /// Lets members receive this long after their token expired: the same leeway as the
    /// [`Verifier`](crate::Verifier)'s.
    #[must_use]
    pub fn with_leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// How long a call may take when no deadline is given.
    #[must_use]
    pub fn with_budget(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }

    /// Takes an attempt for lost when API Gateway has not answered for this long. 5 s unless set.
    #[must_use]
    pub fn with_attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempts.timeout = timeout;
        self
    }

    /// Takes the time from `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The members of a room whose token has not expired, as they are listed page by page.
    pub fn members<'a>(
        &'a self,
        room: &'a RoomId,
    ) -> impl Stream<Item = Result<Member, RegistryError>> + Send + 'a {
        let pages = stream::try_unfold(Some(None), move |from| async move {
            let Some(from) = from else { return Ok(None) };
            let page = self.registry.members(room, from.as_ref()).await?;
            Ok::<_, RegistryError>(Some((page.members, page.next.map(Some))))
        });
        pages
            .map_ok(|members| stream::iter(members.into_iter().map(Ok)))
            .try_flatten()
            .try_filter(|member| std::future::ready(!self.has_expired(member.expires_at)))
    }

    /// Sends a frame to one connection. It is tried again while API Gateway throttles or does not answer.
    ///
    /// # Errors
    ///
    /// See [`SendError`].
    pub async fn send(&self, to: &ConnectionId, frame: impl AsRef<[u8]>) -> Result<(), SendError> {
        let frame = frame.as_ref();
        frame::check(frame)?;
        let connection = self
            .registry
            .find(to)
            .await?
            .ok_or(SendError::UnknownConnection)?;
        let member = Member::new(connection.id, connection.connected_at, connection.expires_at);
        if self.has_expired(member.expires_at) {
            self.end(&connection.room, &member).await?;
            return Err(SendError::Expired);
        }
        let until = Instant::now() + self.budget;
        match self
            .attempts
            .deliver(&*self.transport, &member, frame, self.clock.now(), until, None)
            .await
        {
            Outcome::Delivered => Ok(()),
            Outcome::Gone => {
                self.forget(&connection.room, &member).await?;
                Err(SendError::UnknownConnection)
            }
            Outcome::Failed(error) => Err(SendError::Undelivered(error)),
            Outcome::OutOfTime => Err(SendError::Undelivered(TransportError::Timeout)),
        }
    }

    /// Ends a connection now: it is forgotten, so that none of its messages is taken any more, then closed.
    ///
    /// # Errors
    ///
    /// The registry failed, or the connection was forgotten but could not be closed. A connection that is
    /// not there is no error.
    pub async fn disconnect(&self, id: &ConnectionId) -> Result<(), SendError> {
        if let Some(connection) = self.registry.find(id).await? {
            self.registry
                .forget(id, &connection.room, connection.connected_at)
                .await?;
        }
        match self
            .attempts
            .close(&*self.transport, id, Instant::now() + self.budget)
            .await
        {
            Ok(()) | Err(TransportError::Gone) => Ok(()),
            Err(error) => Err(SendError::Undelivered(error)),
        }
    }

    fn has_expired(&self, expires_at: u64) -> bool {
        unix_seconds(self.clock.now()) >= expires_at.saturating_add(self.leeway.as_secs())
    }

    async fn forget(&self, room: &RoomId, member: &Member) -> Result<(), RegistryError> {
        self.registry
            .forget(&member.connection_id, room, member.connected_at)
            .await
    }

    /// Closes and forgets a member whose token has expired. What could not be closed stays recorded, for the next
    /// one who finds it.
    async fn end(&self, room: &RoomId, member: &Member) -> Result<(), SendError> {
        let until = Instant::now() + self.budget;
        match self
            .attempts
            .close(&*self.transport, &member.connection_id, until)
            .await
        {
            Ok(()) | Err(TransportError::Gone) => Ok(self.forget(room, member).await?),
            Err(error) => {
                let connection_id = member.connection_id.as_str();
                tracing::warn!(target: "room_auth", %error, connection_id, "an expired connection was not closed");
                Err(SendError::Undelivered(error))
            }
        }
    }

    /// Until when a call may go on: `deadline`, or the budget where none is given.
    fn until(&self, deadline: Option<SystemTime>) -> Instant {
        let left = deadline.map_or(self.budget, |deadline| {
            deadline.duration_since(SystemTime::now()).unwrap_or_default()
        });
        Instant::now() + left
    }
}

impl fmt::Debug for Rooms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rooms")
            .field("registry", &self.registry)
            .field("transport", &self.transport)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}

/// Why a frame did not reach one connection, or a connection was not ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The frame is too large; nothing was sent.
    #[error(transparent)]
    TooLarge(#[from] FrameTooLarge),
    /// There is no such connection (any more).
    #[error("there is no such connection")]
    UnknownConnection,
    /// Its token has expired; it was closed instead.
    #[error("the connection's token has expired")]
    Expired,
    /// API Gateway did not take the request, in all attempts that there was time for.
    #[error("the connection was not reached")]
    Undelivered(#[source] TransportError),
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}
