//! Serving HTTP/1.1 on a listener: one task a connection, all of them ended by one token.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::header_case::Recorded;

pub(crate) async fn serve<H, F>(listener: TcpListener, stopped: CancellationToken, handler: H)
where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<Full<Bytes>>, std::convert::Infallible>> + Send + 'static,
{
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped.cancelled() => return,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of file descriptors, as a rule: others must end before another can begin.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        // A frame or an event that waits for a TCP acknowledgement would be 40 ms late.
        let _ = stream.set_nodelay(true);
        let (stopped, handler) = (stopped.clone(), handler.clone());
        tokio::spawn(async move {
            let (stream, first_head) = Recorded::new(stream);
            let service = service_fn(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(first_head.take());
                handler(request, peer)
            });
            let connection = http1::Builder::new()
                // Both functions and their SDKs keep connections for later; one that is closed as it is used
                // again is an error that AWS would not have.
                .header_read_timeout(None)
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            tokio::select! {
                // The peer's faults are the peer's to notice.
                _ = connection => {}
                () = stopped.cancelled() => {}
            }
        });
    }
}
