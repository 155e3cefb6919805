//! What is configured.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use super::send::Sender;
use crate::endpoint::ApiEndpoint;
use crate::registry::{Connection, ErasedRegistry, Registry, RoomMember, time_left};
use crate::retry::Deadline;
use crate::token::{RoomSource, Verifier};
use crate::transport::{ErasedTransport, Transport};

/// Sends to connections and to rooms. Cloning is cheap.
///
/// ```no_run
/// use room_auth::RoomId;
/// use room_auth::rooms::{Broadcast, Rooms};
///
/// #[derive(serde::Serialize)]
/// struct Notice<'a> {
///     text: &'a str,
/// }
///
/// async fn tell(rooms: &Rooms, room: &RoomId, text: &str) -> Result<(), room_auth::Error> {
///     let report = rooms.broadcast(Broadcast::new(room, &Notice { text })).await?;
///     tracing::info!(delivered = report.delivered(), undelivered = report.undelivered_count());
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Rooms {
    pub(super) registry: Arc<dyn ErasedRegistry>,
    pub(super) sender: Sender,
    /// Shared by clones: a layer sets it in the clone that it is given.
    pub(super) verifier: Arc<OnceLock<Verifier>>,
    pub(super) concurrency: usize,
    /// How many rooms a connection may join.
    pub(super) membership_limit: usize,
    pub(super) reads_revocations: bool,
    pub(super) accepts_tokens_once: bool,
    budget: Duration,
}

impl Rooms {
    /// How many frames are under way at once unless [`with_concurrency`](Self::with_concurrency) says otherwise.
    ///
    /// A post takes API Gateway some 10 ms, so that 16 at once send about 1,600 frames a second: two thirds of the
    /// 2,500 requests a second that an account has in the smallest regions (API Gateway quota page; others have
    /// 10,000).
    pub const DEFAULT_CONCURRENCY: usize = 16;

    /// The most that [`with_concurrency`](Self::with_concurrency) takes: each frame under way may hold a socket,
    /// 256 more are held by slow ones, and a function has 1,024 file descriptors (Lambda quota page).
    pub const MAX_CONCURRENCY: usize = 512;

    /// How long a call may take unless a deadline is given: below the 29 s that API Gateway waits for an
    /// integration (API Gateway quota page).
    pub const DEFAULT_BUDGET: Duration = Duration::from_secs(20);

    /// How many rooms a connection may join unless [`with_max_rooms`](Self::with_max_rooms) says otherwise.
    pub const DEFAULT_MAX_ROOMS: usize = 32;

    /// The most that [`with_max_rooms`](Self::with_max_rooms) takes: a connection and all its rooms are written in one
    /// transaction, which has at most 100 items (DynamoDB quota page).
    pub const MAX_ROOMS: usize = 40;

    /// Creates rooms whose members are in `registry` and reached by `transport`.
    pub fn new(registry: impl Registry, transport: impl Transport) -> Self {
        Self {
            registry: Arc::new(registry),
            sender: Sender::new(Arc::new(transport)),
            verifier: Arc::default(),
            concurrency: Self::DEFAULT_CONCURRENCY,
            membership_limit: Self::DEFAULT_MAX_ROOMS,
            reads_revocations: false,
            accepts_tokens_once: false,
            budget: Self::DEFAULT_BUDGET,
        }
    }

    /// Sends at most this many frames at once: at least 1, at most [`MAX_CONCURRENCY`](Self::MAX_CONCURRENCY).
    ///
    /// The limit applies to each broadcast separately. A send that takes longer than 200 ms gives up its slot (at most
    /// 256 at a time), so that slow connections do not hold up the others.
    ///
    /// ```
    /// # use room_auth::rooms::Rooms;
    /// # fn configure(rooms: Rooms) -> Rooms {
    /// rooms.with_concurrency(64) // about 6,000 frames a second
    /// # }
    /// ```
    #[must_use]
    pub fn with_concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency.clamp(1, Self::MAX_CONCURRENCY);
        self
    }

    /// Sets how long a call may take when no deadline is given (default: 20 s).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use room_auth::rooms::Rooms;
    /// # fn configure(rooms: Rooms) -> Rooms {
    /// rooms.with_budget(Duration::from_secs(5))
    /// # }
    /// ```
    #[must_use]
    pub fn with_budget(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }

    /// Sets the timeout of a single send attempt (default: 3 s). After three timeouts the connection is reported as
    /// undelivered.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use room_auth::rooms::Rooms;
    /// # fn configure(rooms: Rooms) -> Rooms {
    /// rooms.with_attempt_timeout(Duration::from_secs(1))
    /// # }
    /// ```
    #[must_use]
    pub fn with_attempt_timeout(mut self, timeout: Duration) -> Self {
        self.sender.attempt_timeout = timeout;
        self
    }

    /// Sets how many rooms a connection may join beside that of its `$connect` (default: 32; at most
    /// [`MAX_ROOMS`](Self::MAX_ROOMS)).
    ///
    /// ```
    /// # use room_auth::rooms::Rooms;
    /// # fn configure(rooms: Rooms) -> Rooms {
    /// rooms.with_max_rooms(8)
    /// # }
    /// ```
    #[must_use]
    pub fn with_max_rooms(mut self, rooms: usize) -> Self {
        self.membership_limit = rooms.min(Self::MAX_ROOMS);
        self
    }

    /// Asks the registry, at `$connect` and for each token in a live connection, whether the token or its user was
    /// revoked (default: not). What cannot be read is refused.
    ///
    /// Costs one read each time, and none for a message.
    ///
    /// ```
    /// # use room_auth::rooms::Rooms;
    /// # fn configure(rooms: Rooms) -> Rooms {
    /// rooms.with_revocation()
    /// # }
    /// ```
    #[must_use]
    pub fn with_revocation(mut self) -> Self {
        self.reads_revocations = true;
        self
    }

    /// Accepts each token once, by its `jti`: one connection, one renewal or one room (default: until it expires). A
    /// token without a `jti` is refused.
    ///
    /// ```
    /// # use room_auth::rooms::Rooms;
    /// # fn configure(rooms: Rooms) -> Rooms {
    /// rooms.with_single_use()
    /// # }
    /// ```
    #[must_use]
    pub fn with_single_use(mut self) -> Self {
        self.accepts_tokens_once = true;
        self
    }

    /// Takes clock, leeway and [`RoomSource`] from `verifier`, and verifies renewals and joins with it. All clones share
    /// it, and the first one given stays.
    ///
    /// [`RoomAuthLayer::with_rooms`](crate::RoomAuthLayer::with_rooms) does this by itself. Rooms without one, as
    /// in a backend that only sends, use the system's clock, no leeway, and list members whose `sub` is the room.
    ///
    /// ```no_run
    /// # use room_auth::{Verifier, rooms::Rooms};
    /// # fn configure(rooms: Rooms) -> Result<Rooms, room_auth::Error> {
    /// Ok(rooms.with_verifier(Verifier::from_env()?))
    /// # }
    /// ```
    #[must_use]
    pub fn with_verifier(self, verifier: Verifier) -> Self {
        let _ = self.verifier.set(verifier);
        self
    }

    /// Whether a connection can be reached by a sender who is at `home`: a transport with a fixed endpoint reaches only
    /// the API that the sender's own event came from.
    pub(super) fn reaches(&self, endpoint: &ApiEndpoint, home: Option<&ApiEndpoint>) -> bool {
        !self.sender.transport.has_fixed_endpoint() || home.is_none_or(|home| endpoint == home)
    }

    pub(super) fn now(&self) -> SystemTime {
        self.verifier.get().map_or_else(SystemTime::now, Verifier::now)
    }

    fn leeway(&self) -> Duration {
        self.verifier.get().map_or(Duration::ZERO, Verifier::leeway)
    }

    /// Whose room recorded claims speak of.
    pub(super) fn room_source(&self) -> &RoomSource {
        self.verifier
            .get()
            .map_or(&RoomSource::SUBJECT, Verifier::room_source)
    }

    pub(super) fn has_ended(&self, connection: &Connection) -> bool {
        connection.has_expired(self.now(), self.leeway())
    }

    pub(super) fn has_expired(&self, member: &RoomMember) -> bool {
        self.time_left(member.connected_at, member.expires_at).is_zero()
    }

    /// Returns how long something that expires at `expires_at` still lasts.
    pub(super) fn time_left(&self, connected_at: SystemTime, expires_at: SystemTime) -> Duration {
        time_left(connected_at, expires_at, self.now(), self.leeway())
    }

    /// When a member expires, as a deadline.
    pub(super) fn expiry(&self, member: &RoomMember) -> Deadline {
        Deadline::after(self.time_left(member.connected_at, member.expires_at))
    }

    pub(super) fn deadline(&self, given: Option<Deadline>) -> Deadline {
        given.unwrap_or_else(|| Deadline::after(self.budget))
    }

    pub(crate) fn registry(&self) -> &Arc<dyn ErasedRegistry> {
        &self.registry
    }

    pub(crate) fn transport(&self) -> &Arc<dyn ErasedTransport> {
        &self.sender.transport
    }
}

impl fmt::Debug for Rooms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rooms")
            .field("registry", &self.registry)
            .field("transport", &self.sender.transport)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}
