//! The open connections.

use std::{
    collections::HashMap,
    fmt,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use crate::ids;

/// What a queued message costs in any case, in bytes: empty ones are not free.
const MIN_COST: usize = 64;

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
    is_closing: AtomicBool,
}

fn cost(size: usize) -> usize {
    size.max(MIN_COST)
}

/// A command for a socket's task.
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
                is_closing: AtomicBool::new(false),
            }),
            inbox,
        )
    }

    /// Queues a message for the client, unless the client has left `limit` bytes unread.
    pub(crate) fn send(&self, message: Bytes, limit: usize) -> Result<(), SendError> {
        let cost = cost(message.len());
        let queued = self.queued_bytes.fetch_add(cost, Ordering::AcqRel);
        // An empty queue takes any message, because the limit is for what piles up.
        if queued > 0 && queued + cost > limit {
            self.queued_bytes.fetch_sub(cost, Ordering::AcqRel);
            return Err(SendError::BufferFull);
        }
        self.outbox
            .send(Outgoing::Message(message))
            .map_err(|_| SendError::Gone)
    }

    /// Asks the socket's task, once, to close the connection.
    pub(crate) fn close(&self) -> Result<(), SendError> {
        if self.is_closing.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.outbox.send(Outgoing::Close).map_err(|_| SendError::Gone)
    }

    /// Notes that the socket has taken a queued message of `size` bytes.
    pub(crate) fn sent(&self, size: usize) {
        self.queued_bytes.fetch_sub(cost(size), Ordering::AcqRel);
    }

    /// Notes that the connection is active `now`.
    pub(crate) fn touch(&self, now: SystemTime) {
        self.last_active_ms.store(ids::millis(now), Ordering::Release);
    }

    pub(crate) fn last_active(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.last_active_ms.load(Ordering::Acquire))
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

    pub(crate) fn all(&self) -> Vec<Arc<Connection>> {
        self.0.lock().values().cloned().collect()
    }

    /// Returns since when each connection is open.
    pub(crate) fn connected_at(&self) -> Vec<SystemTime> {
        self.0
            .lock()
            .values()
            .map(|connection| connection.info.connected_at)
            .collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> (Arc<Connection>, mpsc::UnboundedReceiver<Outgoing>) {
        Connection::new(ConnectionInfo {
            id: "id".into(),
            connected_at: SystemTime::now(),
            source_ip: [127, 0, 0, 1].into(),
            user_agent: None,
            host: String::new(),
            authorizer: None,
        })
    }

    #[test]
    fn empty_messages_fill_the_outbox_too() {
        let (connection, mut inbox) = connection();
        let limit = 10 * MIN_COST;
        let accepted = std::iter::from_fn(|| connection.send(Bytes::new(), limit).ok());
        assert_eq!(accepted.take(100).count(), 10);
        assert_eq!(connection.send(Bytes::new(), limit), Err(SendError::BufferFull));
        for _ in 0..10 {
            assert!(matches!(inbox.try_recv(), Ok(Outgoing::Message(_))));
            connection.sent(0);
        }
        assert_eq!(
            connection.send(Bytes::new(), limit),
            Ok(()),
            "the client has read"
        );
    }

    #[test]
    fn closing_again_queues_nothing() {
        let (connection, mut inbox) = connection();
        assert_eq!([connection.close(), connection.close()], [Ok(()), Ok(())]);
        assert!(matches!(inbox.try_recv(), Ok(Outgoing::Close)));
        assert!(inbox.try_recv().is_err());
    }
}
