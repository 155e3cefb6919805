//! What every transport must do.

use crate::endpoint::ApiEndpoint;
use crate::id::ConnectionId;
use crate::transport::{MAX_MESSAGE_BYTES, Transport, TransportError};

/// The API behind a transport under test, and its clients.
///
/// Implementations write plain `async fn`.
pub trait TestApi {
    /// Connects a new client; returns the endpoint and id by which the transport reaches it.
    fn connect(&self) -> impl Future<Output = (ApiEndpoint, ConnectionId)>;

    /// Returns the frames that a client has received so far, in order.
    fn received(&self, at: &ApiEndpoint, by: &ConnectionId) -> impl Future<Output = Vec<String>>;
}

/// Checks that a transport does what [`Transport`] says; every implementation runs this in its tests.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// use room_auth::testing::{RecordingTransport, TestApi, transport_conformance};
/// use room_auth::{ApiEndpoint, ConnectionId};
///
/// #[derive(Default)]
/// struct Clients {
///     transport: RecordingTransport,
///     count: AtomicU32,
/// }
///
/// impl TestApi for Clients {
///     async fn connect(&self) -> (ApiEndpoint, ConnectionId) {
///         let number = self.count.fetch_add(1, Ordering::Relaxed);
///         ("a1b2c3d4e5/prod".parse().unwrap(), format!("client{number}=").parse().unwrap())
///     }
///
///     async fn received(&self, _: &ApiEndpoint, by: &ConnectionId) -> Vec<String> {
///         self.transport.frames_to(by)
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let clients = Clients::default();
/// transport_conformance(clients.transport.clone(), clients).await;
/// # });
/// # Ok::<_, std::io::Error>(())
/// ```
///
/// # Panics
///
/// The transport does otherwise; the message says what was expected.
pub async fn transport_conformance(transport: impl Transport, api: impl TestApi) {
    let suite = Suite { transport, api };
    Box::pin(suite.run()).await;
}

struct Suite<X, A> {
    transport: X,
    api: A,
}

impl<X: Transport, A: TestApi> Suite<X, A> {
    async fn run(&self) {
        self.frames_arrive_unchanged_and_in_order().await;
        self.a_frame_reaches_nobody_else().await;
        self.a_frame_of_128_kb_is_taken_and_a_larger_one_is_not().await;
        self.a_closed_connection_is_gone().await;
        self.many_posts_at_once_arrive().await;
    }

    async fn post(&self, (at, to): &(ApiEndpoint, ConnectionId), frame: &str) {
        let posted = self.transport.post(at, to, frame.as_bytes()).await;
        posted.expect("a frame can be posted to an open connection");
    }

    async fn received(&self, (at, by): &(ApiEndpoint, ConnectionId)) -> Vec<String> {
        self.api.received(at, by).await
    }

    async fn frames_arrive_unchanged_and_in_order(&self) {
        let client = self.api.connect().await;
        let frames = ["{}", r#"{ "text" : "zoë 😀\n" }"#, "{}", "not JSON", "\u{7f}\t"];
        for frame in frames {
            self.post(&client, frame).await;
        }
        assert_eq!(
            self.received(&client).await,
            frames,
            "frames arrive unchanged and in order"
        );
    }

    async fn a_frame_reaches_nobody_else(&self) {
        let (one, other) = (self.api.connect().await, self.api.connect().await);
        self.post(&one, "for one").await;
        assert_eq!(self.received(&one).await, ["for one"], "sent to this one");
        assert!(self.received(&other).await.is_empty(), "sent to another one");
    }

    async fn a_frame_of_128_kb_is_taken_and_a_larger_one_is_not(&self) {
        let client = self.api.connect().await;
        let largest = "x".repeat(MAX_MESSAGE_BYTES);
        self.post(&client, &largest).await;
        let larger = "x".repeat(MAX_MESSAGE_BYTES + 1);
        let (at, to) = &client;
        let posted = self.transport.post(at, to, larger.as_bytes()).await;
        assert!(
            matches!(posted, Err(TransportError::TooLarge)),
            "too large: {posted:?}"
        );
        let received = self.received(&client).await;
        assert!(received == [largest], "the largest frame arrives in one piece");
    }

    async fn a_closed_connection_is_gone(&self) {
        let (client, other) = (self.api.connect().await, self.api.connect().await);
        self.post(&client, "{}").await;
        let (at, id) = &client;
        let closed = self.transport.close(at, id).await;
        closed.expect("an open connection can be closed");
        let posted = self.transport.post(at, id, b"{}").await;
        assert!(
            matches!(posted, Err(TransportError::Gone)),
            "post after close: {posted:?}"
        );
        let closed = self.transport.close(at, id).await;
        assert!(
            matches!(closed, Err(TransportError::Gone)),
            "close after close: {closed:?}"
        );
        assert_eq!(
            self.received(&client).await,
            ["{}"],
            "nothing arrives after the close"
        );
        self.post(&other, "still open").await;
    }

    async fn many_posts_at_once_arrive(&self) {
        let mut clients = Vec::new();
        for _ in 0..16 {
            clients.push(self.api.connect().await);
        }
        futures_util::future::join_all(clients.iter().map(|client| self.post(client, "at once"))).await;
        for client in &clients {
            assert_eq!(self.received(client).await, ["at once"], "each of many at once");
        }
    }
}
