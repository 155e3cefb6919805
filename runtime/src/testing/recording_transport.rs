//! A transport that sends nothing.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::endpoint::ApiEndpoint;
use crate::id::ConnectionId;
use crate::transport::{MAX_MESSAGE_BYTES, Transport, TransportError};

/// A [`Transport`] that records what would be sent, and fails when a test says so.
///
/// Every connection is there until it is closed. Clones share what is recorded.
///
/// ```
/// use room_auth::testing::{RecordingTransport, Sent};
/// use room_auth::{Transport, TransportError};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let transport = RecordingTransport::new();
/// let (at, alice) = ("a1b2c3d4e5/prod".parse().unwrap(), "alice=".parse().unwrap());
///
/// transport.fail_next(&alice, TransportError::Throttled);
/// assert!(transport.post(&at, &alice, b"hello").await.is_err());
/// transport.post(&at, &alice, b"hello").await.unwrap();
/// transport.close(&at, &alice).await.unwrap();
/// assert_eq!(transport.frames_to(&alice), ["hello"]);
/// assert!(transport.is_closed(&alice));
/// assert_eq!(transport.sent().len(), 2);
/// # });
/// # Ok::<_, std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct RecordingTransport {
    state: Arc<Mutex<State>>,
    has_fixed_endpoint: bool,
}

#[derive(Debug, Default)]
struct State {
    sent: Vec<Sent>,
    failures: HashMap<ConnectionId, VecDeque<TransportError>>,
    /// Those who are gone and those who never answer.
    gone: BTreeSet<ConnectionId>,
    silent: BTreeSet<ConnectionId>,
}

/// What a [`RecordingTransport`] has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// The endpoint that the call named.
    pub at: ApiEndpoint,
    /// The connection.
    pub to: ConnectionId,
    /// The frame; `None` if the connection was closed.
    pub frame: Option<String>,
}

impl RecordingTransport {
    /// Creates a transport that has recorded nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets that every connection is reached at one place ([`Transport::has_fixed_endpoint`]; default: not).
    #[must_use]
    pub fn with_fixed_endpoint(mut self) -> Self {
        self.has_fixed_endpoint = true;
        self
    }

    /// Lets the next call for this connection fail with `error` and do nothing. Repeated, it lets as many calls fail,
    /// in this order.
    pub fn fail_next(&self, to: &ConnectionId, error: TransportError) {
        self.state()
            .failures
            .entry(to.clone())
            .or_default()
            .push_back(error);
    }

    /// Lets every call for this connection fail with [`TransportError::Gone`], as if the client had left.
    pub fn disconnect(&self, connection: &ConnectionId) {
        self.state().gone.insert(connection.clone());
    }

    /// Lets every call for this connection wait for ever.
    pub fn silence(&self, connection: &ConnectionId) {
        self.state().silent.insert(connection.clone());
    }

    /// Returns all that was taken, in order.
    pub fn sent(&self) -> Vec<Sent> {
        self.state().sent.clone()
    }

    /// Returns the frames that a connection was sent, in order.
    pub fn frames_to(&self, connection: &ConnectionId) -> Vec<String> {
        let state = self.state();
        let sent = state.sent.iter().filter(|sent| sent.to == *connection);
        sent.filter_map(|sent| sent.frame.clone()).collect()
    }

    /// Returns whether a connection was closed through this transport.
    pub fn is_closed(&self, connection: &ConnectionId) -> bool {
        let state = self.state();
        let mut sent = state.sent.iter();
        sent.any(|sent| sent.to == *connection && sent.frame.is_none())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take(&self, sent: Sent) -> Result<(), TransportError> {
        if self.state().silent.contains(&sent.to) {
            return std::future::pending().await;
        }
        let mut state = self.state();
        let failures = state.failures.get_mut(&sent.to);
        if let Some(error) = failures.and_then(VecDeque::pop_front) {
            return Err(error);
        }
        if state.gone.contains(&sent.to) {
            return Err(TransportError::Gone);
        }
        if sent.frame.is_none() {
            state.gone.insert(sent.to.clone());
        }
        state.sent.push(sent);
        Ok(())
    }
}

impl Transport for RecordingTransport {
    /// Records the frame.
    ///
    /// # Panics
    ///
    /// The frame is not UTF-8: API Gateway sends text frames only.
    async fn post(&self, at: &ApiEndpoint, to: &ConnectionId, frame: &[u8]) -> Result<(), TransportError> {
        if frame.len() > MAX_MESSAGE_BYTES {
            return Err(TransportError::TooLarge);
        }
        let frame = std::str::from_utf8(frame).expect("a frame is UTF-8");
        self.take(Sent {
            at: at.clone(),
            to: to.clone(),
            frame: Some(frame.to_owned()),
        })
        .await
    }

    async fn close(&self, at: &ApiEndpoint, connection: &ConnectionId) -> Result<(), TransportError> {
        self.take(Sent {
            at: at.clone(),
            to: connection.clone(),
            frame: None,
        })
        .await
    }

    fn has_fixed_endpoint(&self) -> bool {
        self.has_fixed_endpoint
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::testing::{TestApi, transport_conformance};

    struct Recorded(RecordingTransport, AtomicUsize);

    impl TestApi for Recorded {
        async fn connect(&self) -> (ApiEndpoint, ConnectionId) {
            let number = self.1.fetch_add(1, Ordering::Relaxed);
            ("a1/dev".parse().unwrap(), format!("c{number}=").parse().unwrap())
        }

        async fn received(&self, _: &ApiEndpoint, by: &ConnectionId) -> Vec<String> {
            self.0.frames_to(by)
        }
    }

    #[tokio::test]
    async fn it_conforms() {
        let transport = RecordingTransport::new();
        transport_conformance(transport.clone(), Recorded(transport, AtomicUsize::new(0))).await;
    }

    #[tokio::test(start_paused = true)]
    async fn each_connection_fails_as_it_is_told_to() {
        let transport = RecordingTransport::new();
        let at = "a1/dev".parse().unwrap();
        let [alice, bob, carol, dave] = ["alice=", "bob=", "carol=", "dave="].map(|id| id.parse().unwrap());
        transport.fail_next(&alice, TransportError::Throttled);
        transport.fail_next(&alice, TransportError::Timeout);
        transport.disconnect(&bob);
        transport.silence(&carol);
        let post = async |to| transport.post(&at, to, b"{}").await;
        assert!(matches!(post(&alice).await, Err(TransportError::Throttled)));
        assert!(matches!(post(&alice).await, Err(TransportError::Timeout)));
        assert!(matches!(post(&bob).await, Err(TransportError::Gone)));
        assert!(timeout(Duration::from_hours(1), post(&carol)).await.is_err());
        assert_eq!(transport.sent(), []);
        post(&alice).await.unwrap();
        post(&dave).await.unwrap();
        assert_eq!(
            (transport.frames_to(&alice).len(), transport.sent().len()),
            (1, 2)
        );
        assert_eq!(transport.sent()[1].at, at);
    }
}
