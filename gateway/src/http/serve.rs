//! Serving HTTP/1.1 on a listener: one task per connection, all of them ended by one token.

use std::{convert::Infallible, error::Error, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use hyper::{
    Request, Response,
    body::{Body, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::header_case::{FirstHead, RecordingStream};
#[cfg(feature = "tls")]
pub(crate) use super::tls::Tls;

type BoxError = Box<dyn Error + Send + Sync>;

/// Without the feature `tls` there is none.
#[cfg(not(feature = "tls"))]
pub(crate) type Tls = Infallible;

/// How a request has come, for the handler: one of its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    #[cfg_attr(not(feature = "tls"), expect(dead_code))]
    Https,
}

/// How long a connection may take until its first request has arrived.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How many connections a listener serves at once. Further ones wait to be accepted. Open WebSockets do not count.
const MAX_CONNECTIONS: usize = 4096;

/// Serves `listener` until `stopped` is cancelled, which also ends the connections.
pub(crate) async fn serve<H, F, B>(listener: TcpListener, stopped: CancellationToken, handler: H)
where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    serve_at_most(MAX_CONNECTIONS, listener, stopped, None, handler).await;
}

/// As [`serve`], and with TLS for the clients that begin with it.
pub(crate) async fn serve_secure<H, F, B>(
    listener: TcpListener,
    stopped: CancellationToken,
    tls: Option<Tls>,
    handler: H,
) where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    serve_at_most(MAX_CONNECTIONS, listener, stopped, tls, handler).await;
}

async fn serve_at_most<H, F, B>(
    connections: usize,
    listener: TcpListener,
    stopped: CancellationToken,
    tls: Option<Tls>,
    handler: H,
) where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(connections));
    loop {
        let accepted = async {
            let permit = permits.clone().acquire_owned().await;
            let permit = permit.expect("the semaphore is never closed");
            listener.accept().await.map(|accepted| (accepted, permit))
        };
        let accepted = tokio::select! {
            accepted = accepted => accepted,
            () = stopped.cancelled() => return,
        };
        let Ok(((stream, peer), permit)) = accepted else {
            // Usually there are no file descriptors left: some connection must end before another can begin.
            sleep(Duration::from_millis(20)).await;
            continue;
        };
        // A frame or an event that waits for a TCP acknowledgement would be 40 ms late.
        let _ = stream.set_nodelay(true);
        let (stopped, tls, handler) = (stopped.clone(), tls.clone(), handler.clone());
        tokio::spawn(async move {
            let _permit = permit;
            tokio::select! {
                () = serve_connection(stream, peer, tls, handler) => {}
                () = stopped.cancelled() => {}
            }
        });
    }
}

/// Serves one connection, with TLS if that is offered and the client begins with it.
async fn serve_connection<H, F, B>(stream: TcpStream, peer: SocketAddr, tls: Option<Tls>, handler: H)
where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let head = FirstHead::default();
    let overdue = async {
        sleep(HEAD_TIMEOUT).await;
        if head.is_over() {
            std::future::pending::<()>().await;
        }
    };
    let served = async {
        #[cfg(feature = "tls")]
        if let Some(tls) = tls
            && Tls::is_wanted(&stream).await
        {
            // A client that does not trust the certificate has said so.
            if let Ok(stream) = tls.accept(stream).await {
                serve_http(stream, peer, Scheme::Https, &head, handler).await;
            }
            return;
        }
        #[cfg(not(feature = "tls"))]
        let _: Option<Tls> = tls;
        serve_http(stream, peer, Scheme::Http, &head, handler).await;
    };
    tokio::select! {
        () = served => {}
        () = overdue => {}
    }
}

async fn serve_http<S, H, F, B>(stream: S, peer: SocketAddr, scheme: Scheme, head: &FirstHead, handler: H)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    H: Fn(Request<Incoming>, SocketAddr) -> F + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let stream = RecordingStream::new(stream, head.clone());
    let head = head.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(head.take());
        request.extensions_mut().insert(scheme);
        let response = handler(request, peer);
        async { Ok::<_, Infallible>(response.await) }
    });
    let connection = http1::Builder::new()
        // Functions and their SDKs keep connections for later. hyper's timeout would also close those, and one that is
        // closed as it is used again is an error that AWS does not have.
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // The peer notices its own faults.
    let _ = connection.await;
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        time::Instant,
    };

    use super::{super::responses, *};

    async fn start(connections: usize) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let handler = |_, _| async { responses::empty(StatusCode::NO_CONTENT) };
        tokio::spawn(serve_at_most(
            connections,
            listener,
            CancellationToken::new(),
            None,
            handler,
        ));
        address
    }

    async fn connect() -> TcpStream {
        TcpStream::connect(start(10).await).await.unwrap()
    }

    /// Sends a request and reads the head of the response.
    async fn call(stream: &mut TcpStream) {
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 204"));
    }

    #[tokio::test]
    async fn a_connection_beyond_the_most_waits_until_another_one_ends() {
        let address = start(1).await;
        let mut first = TcpStream::connect(address).await.unwrap();
        call(&mut first).await;
        let mut second = TcpStream::connect(address).await.unwrap();
        let waiting = tokio::time::timeout(Duration::from_millis(200), call(&mut second)).await;
        assert!(waiting.is_err());
        drop(first);
        second.read_u8().await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_sends_no_whole_head_is_closed_after_a_while() {
        for sent in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: a\r\n"] {
            let mut stream = connect().await;
            let started = Instant::now();
            stream.write_all(sent.as_bytes()).await.unwrap();
            let mut rest = Vec::new();
            // Closing a socket with unread bytes resets it.
            let reading = tokio::time::timeout(2 * HEAD_TIMEOUT, stream.read_to_end(&mut rest));
            let _ = reading.await.expect("it is closed in time");
            assert!(rest.is_empty(), "{sent:?}");
            assert!(started.elapsed() >= HEAD_TIMEOUT, "{sent:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_between_requests_stays_open() {
        let mut stream = connect().await;
        for _ in 0..2 {
            call(&mut stream).await;
            sleep(10 * HEAD_TIMEOUT).await;
        }
    }
}
