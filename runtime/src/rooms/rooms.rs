//! What is configured, and one connection at a time.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::SendError;
use super::frame;
use super::send::{Effort, Outcome, Sender, ask};
use crate::claims::RoomClaims;
use crate::endpoint::ApiEndpoint;
use crate::id::ConnectionId;
use crate::registry::{Connection, ErasedRegistry, Registry, RegistryError};
use crate::retry::Deadline;
use crate::token::{RoomSource, Verifier};
use crate::transport::{ErasedTransport, Transport, TransportError};

/// The last frame of a connection whose token has expired.
pub(crate) const EXPIRED_FRAME: &[u8] = br#"{"message":"token expired"}"#;

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

    /// Creates rooms whose members are in `registry` and reached by `transport`.
    pub fn new(registry: impl Registry, transport: impl Transport) -> Self {
        Self {
            registry: Arc::new(registry),
            sender: Sender::new(Arc::new(transport)),
            verifier: Arc::default(),
            concurrency: Self::DEFAULT_CONCURRENCY,
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

    /// Takes clock, leeway and [`RoomSource`] from `verifier`, and verifies renewals with it. All clones share it, and
    /// the first one given stays.
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

    /// Sends a frame, serialized as JSON, to one connection. It is tried again while API Gateway throttles or does
    /// not answer.
    ///
    /// # Errors
    ///
    /// See [`SendError`].
    pub async fn send<F: Serialize + ?Sized>(&self, to: &ConnectionId, frame: &F) -> Result<(), SendError> {
        let frame = frame::serialize(frame)?;
        let deadline = self.deadline(None);
        let connection = ask(deadline, || self.registry.find(to)).await?;
        let connection = connection.ok_or(SendError::UnknownConnection)?;
        match self.refresh_or_end(connection, deadline).await? {
            Some(connection) => self.deliver(&connection, &frame, deadline).await,
            None => Err(SendError::Expired),
        }
    }

    /// Ends a connection now: it is forgotten, so that none of its messages is handled any more, then closed.
    ///
    /// # Errors
    ///
    /// The registry failed, or the connection was forgotten but could not be closed: in its first 30 seconds API
    /// Gateway may not let it be closed yet ([`TransportError::Gone`]). Open or not, no message of it is handled. A
    /// connection that is not recorded is no error.
    pub async fn disconnect(&self, id: &ConnectionId) -> Result<(), SendError> {
        let deadline = self.deadline(None);
        let mut seen = None;
        while let Some(connection) = ask(deadline, || self.registry.find(id)).await? {
            // Not forgotten: it was renewed in between, or the answer to an earlier attempt was lost.
            let is_forgotten = ask(deadline, || self.registry.forget(&connection)).await?;
            seen = Some(connection);
            if is_forgotten {
                break;
            }
        }
        match seen {
            Some(connection) => {
                let closing = self.sender.close(&connection, self.now(), deadline);
                closing.await.map_err(SendError::Undelivered)
            }
            None => Ok(()),
        }
    }

    /// Sends to a live connection until it expires.
    pub(super) async fn deliver(
        &self,
        to: &Connection,
        frame: &[u8],
        deadline: Deadline,
    ) -> Result<(), SendError> {
        let deadline = deadline.min(self.expiry(to));
        let delivering = self
            .sender
            .deliver(to, frame, self.now(), deadline, Effort::Persistent, None);
        match delivering.await {
            Outcome::Delivered => Ok(()),
            Outcome::Gone => {
                ask(deadline, || self.registry.forget(to)).await?;
                Err(SendError::UnknownConnection)
            }
            Outcome::Failed(TransportError::Gone) => Err(SendError::NotYetConnected),
            Outcome::Failed(error) => Err(SendError::Undelivered(error)),
        }
    }

    /// Returns a live connection as it is; one that was renewed since it was seen as it is now; and ends one that has
    /// expired: forgets it, then closes it.
    ///
    /// What could not be closed is mute: it gets no frame, and its next message closes it.
    pub(super) async fn refresh_or_end(
        &self,
        mut connection: Connection,
        deadline: Deadline,
    ) -> Result<Option<Connection>, RegistryError> {
        let mut was_recorded = false;
        while self.has_expired(&connection) {
            let found = ask(deadline, || self.registry.find(&connection.id)).await?;
            let found = match found {
                Some(found) if found.is_same_connection(&connection) => found,
                // The answer to an earlier attempt to forget it was lost.
                None if was_recorded => {
                    self.close_expired(&connection, deadline).await;
                    return Ok(None);
                }
                // A trace in the room, whose id may be another connection's by now.
                _ => {
                    ask(deadline, || self.registry.forget(&connection)).await?;
                    return Ok(None);
                }
            };
            if self.has_expired(&found) && ask(deadline, || self.registry.forget(&found)).await? {
                self.close_expired(&found, deadline).await;
                return Ok(None);
            }
            was_recorded = true;
            connection = found;
            if deadline.has_passed() {
                return Err(RegistryError::timeout("end the connection"));
            }
        }
        Ok(Some(connection))
    }

    async fn close_expired(&self, connection: &Connection, deadline: Deadline) {
        if let Err(error) = self.sender.close(connection, self.now(), deadline).await {
            let connection_id = connection.id.as_str();
            tracing::warn!(target: "room_auth", %error, connection_id, "an expired connection was not closed");
        }
    }

    /// Whether a connection can be reached by a sender who is at `home`: a transport with a fixed endpoint reaches only
    /// the API that the sender's own event came from.
    pub(super) fn reaches(&self, connection: &Connection, home: Option<&ApiEndpoint>) -> bool {
        !self.sender.transport.has_fixed_endpoint() || home.is_none_or(|home| connection.endpoint == *home)
    }

    pub(super) fn now(&self) -> SystemTime {
        self.verifier.get().map_or_else(SystemTime::now, Verifier::now)
    }

    fn leeway(&self) -> Duration {
        self.verifier.get().map_or(Duration::ZERO, Verifier::leeway)
    }

    /// The claims that were recorded with `connection`.
    pub(super) fn room_claims<T: DeserializeOwned>(&self, connection: &Connection) -> Option<RoomClaims<T>> {
        match self.verifier.get() {
            Some(verifier) => connection.room_claims(verifier.room_source()),
            None => connection.room_claims(&RoomSource::default()),
        }
    }

    pub(super) fn has_expired(&self, connection: &Connection) -> bool {
        connection.has_expired(self.now(), self.leeway())
    }

    /// When a connection expires, as a deadline.
    pub(super) fn expiry(&self, connection: &Connection) -> Deadline {
        Deadline::after(connection.time_left(self.now(), self.leeway()))
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
