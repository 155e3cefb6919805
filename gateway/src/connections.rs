//! The open connections.

use std::{
    collections::HashMap,
    fmt,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use crate::ids;

/// What is known of a connection since its handshake.
pub(crate) struct ConnectionInfo {
    pub(crate) id: Arc<str>,
    pub(crate) connected_at: SystemTime,
    pub(crate) source_ip: IpAddr,
    pub(crate) user_agent: Option<String>,
    pub(crate) host: String,
    /// The context from the authorizer, part of every event.
    pub(crate) authorizer: Option<Map<String, Value>>,
}

pub(crate) struct Connection {
    pub(crate) info: ConnectionInfo,
    outbox: mpsc::UnboundedSender<Outgoing>,
    queued_bytes: AtomicUsize,
    last_active_ms: AtomicU64,
}

/// What a socket's task shall do.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Message(Bytes),
    /// Closes the connection with 1000.
    Close,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SendError {
    Gone,
    BufferFull,
}

impl Connection {
    pub(crate) fn new(info: ConnectionInfo) -> (Arc<Self>, mpsc::UnboundedReceiver<Outgoing>) {
        let (outbox, inbox) = mpsc::unbounded_channel();
        let last_active_ms = AtomicU64::new(ids::millis(info.connected_at));
        (
            Arc::new(Self {
                info,
                outbox,
                queued_bytes: AtomicUsize::new(0),
                last_active_ms,
            }),
            inbox,
        )
    }

    /// Queues a message for the client, unless the client has left `limit` bytes unread.
    pub(crate) fn send(&self, message: Bytes, limit: usize) -> Result<(), SendError> {
        let size = message.len();
        let queued = self.queued_bytes.fetch_add(size, Ordering::AcqRel);
        // An empty queue takes any message, because the limit is for what piles up.
        if queued > 0 && queued + size > limit {
            self.queued_bytes.fetch_sub(size, Ordering::AcqRel);
            return Err(SendError::BufferFull);
        }
        self.outbox
            .send(Outgoing::Message(message))
            .map_err(|_| SendError::Gone)
    }

    /// Asks the socket's task to close the connection.
    pub(crate) fn close(&self) -> Result<(), SendError> {
        self.outbox.send(Outgoing::Close).map_err(|_| SendError::Gone)
    }

    /// Notes that the socket has taken a queued message of `size` bytes.
    pub(crate) fn sent(&self, size: usize) {
        self.queued_bytes.fetch_sub(size, Ordering::AcqRel);
    }

    /// Notes that the connection is active now.
    pub(crate) fn touch(&self) {
        self.last_active_ms
            .store(ids::millis(SystemTime::now()), Ordering::Release);
    }

    pub(crate) fn last_active(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(self.last_active_ms.load(Ordering::Acquire))
    }
}

/// Shows the id only, because the rest may hold what a client sent.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("id", &self.info.id)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Connections(Mutex<HashMap<Arc<str>, Arc<Connection>>>);

impl Connections {
    pub(crate) fn insert(&self, connection: &Arc<Connection>) {
        self.0
            .lock()
            .insert(connection.info.id.clone(), connection.clone());
    }

    pub(crate) fn remove(&self, connection: &Arc<Connection>) {
        self.0.lock().remove(&connection.info.id);
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<Connection>> {
        self.0.lock().get(id).cloned()
    }

    pub(crate) fn ids(&self) -> Vec<Arc<str>> {
        self.0.lock().keys().cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().len()
    }
}
