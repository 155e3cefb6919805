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
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::stream::{self, Stream, TryStreamExt as _};
use tokio::time::Instant;

use self::attempt::{Attempts, Outcome, Unanswered};
use crate::backoff::Jitter;
use crate::backoff::in_time;
use crate::clock::{Clock, SystemClock};
use crate::id::ConnectionId;
use crate::id::RoomId;
use crate::registry::{Connection, Member, Registry, RegistryError};
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

    /// The most that [`with_concurrency`](Self::with_concurrency) takes: each frame under way may hold a socket,
    /// 256 more are held by slow ones, and a function has 1,024 file descriptors (Lambda quota page).
    pub const MAX_CONCURRENCY: usize = 512;

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

    /// Sends at most this many frames at once: at least 1, at most [`MAX_CONCURRENCY`](Self::MAX_CONCURRENCY).
    ///
    /// It holds for each broadcast by itself. A frame that API Gateway has not taken after 200 ms counts no more,
    /// up to 256 of them, so that slow connections cost the others nothing.
    #[must_use]
    pub fn with_concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency.clamp(1, Self::MAX_CONCURRENCY);
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

    /// Takes an attempt for lost when API Gateway has not answered for this long. 3 s unless set; three such
    /// attempts are made.
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

    /// Draws the delays between attempts from a sequence that can be repeated: for tests.
    #[must_use]
    pub fn with_jitter_seed(mut self, seed: u64) -> Self {
        self.attempts.jitter = Arc::new(Jitter::seeded(seed));
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
        let until = self.until(None);
        let connection = self.attempts.ask(until, || self.registry.find(to)).await?;
        let connection = connection.ok_or(SendError::UnknownConnection)?;
        let member = Member::new(connection.id, connection.connected_at, connection.expires_at);
        let room = &connection.room;
        if self.has_expired(member.expires_at) {
            self.end(room, &member, until).await?;
            return Err(SendError::Expired);
        }
        let now = self.clock.now();
        let until_expiry = until.min(in_time(self.left(member.expires_at, now)));
        let delivering = self
            .attempts
            .deliver(&*self.transport, &member, frame, now, until_expiry, None);
        match delivering.await {
            Outcome::Delivered => Ok(()),
            Outcome::Gone => {
                self.forget(room, &member, until).await?;
                Err(SendError::UnknownConnection)
            }
            Outcome::Failed(error) => Err(SendError::Undelivered(error)),
        }
    }

    /// Ends a connection now: it is forgotten, so that none of its messages is taken any more, then closed.
    ///
    /// # Errors
    ///
    /// The registry failed, or the connection was forgotten but could not be closed. A connection that is
    /// not there is no error.
    pub async fn disconnect(&self, id: &ConnectionId) -> Result<(), SendError> {
        let until = self.until(None);
        let connection = self.attempts.ask(until, || self.registry.find(id)).await?;
        if let Some(Connection {
            room, connected_at, ..
        }) = connection
        {
            let forget = || self.registry.forget(id, &room, connected_at);
            self.attempts.ask(until, forget).await?;
        }
        match self.attempts.close(&*self.transport, id, until).await {
            Ok(()) | Err(TransportError::Gone) => Ok(()),
            Err(error) => Err(SendError::Undelivered(error)),
        }
    }

    /// How long a connection may still receive.
    fn left(&self, expires_at: u64, now: SystemTime) -> Duration {
        let end = Duration::from_secs(expires_at).saturating_add(self.leeway);
        end.saturating_sub(now.duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    fn has_expired(&self, expires_at: u64) -> bool {
        self.left(expires_at, self.clock.now()).is_zero()
    }

    /// The expiry of a member who was listed as expired and has been renewed since.
    async fn renewed(
        &self,
        room: &RoomId,
        member: &Member,
        until: Instant,
    ) -> Result<Option<u64>, Unanswered> {
        let find = || self.registry.find(&member.connection_id);
        let found = self.attempts.ask(until, find).await?;
        Ok(found
            .filter(|found| found.room == *room && found.connected_at == member.connected_at)
            .map(|found| found.expires_at)
            .filter(|expires_at| !self.has_expired(*expires_at)))
    }

    async fn forget(&self, room: &RoomId, member: &Member, until: Instant) -> Result<(), Unanswered> {
        let forget = || {
            self.registry
                .forget(&member.connection_id, room, member.connected_at)
        };
        self.attempts.ask(until, forget).await
    }

    /// Closes and forgets a member whose token has expired. What could not be closed stays recorded, for the next
    /// one who finds it.
    async fn end(&self, room: &RoomId, member: &Member, until: Instant) -> Result<(), SendError> {
        let closing = self
            .attempts
            .close(&*self.transport, &member.connection_id, until);
        match closing.await {
            Ok(()) | Err(TransportError::Gone) => Ok(self.forget(room, member, until).await?),
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
        in_time(left)
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

impl From<Unanswered> for SendError {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Failed(error) => error.into(),
            Unanswered::OutOfTime => RegistryError::throttled("answer in time").into(),
        }
    }
}
