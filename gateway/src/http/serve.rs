//! Serving HTTP/1.1 on a listener: one task per connection, all of them ended by one token.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{header_case::RecordingStream, responses::FullResponse};

/// Serves `listener` until `stopped` is cancelled, which also ends the connections.
pub(crate) async fn serve<H, F>(listener: TcpListener, stopped: CancellationToken, handler: H)
where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + 'static,
    F: Future<Output = FullResponse> + Send + 'static,
{
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped.cancelled() => return,
        };
        let Ok((stream, peer)) = accepted else {
            // Usually there are no file descriptors left: some connection must end before another can begin.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        // A frame or an event that waits for a TCP acknowledgement would be 40 ms late.
        let _ = stream.set_nodelay(true);
        let (stopped, handler) = (stopped.clone(), handler.clone());
        tokio::spawn(async move {
            let (stream, first_head) = RecordingStream::new(stream);
            let service = service_fn(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(first_head.take());
                let response = handler(request, peer);
                async { Ok::<_, Infallible>(response.await) }
            });
            let connection = http1::Builder::new()
                // Functions and their SDKs keep connections for later. Closing one as it is used again would be an
                // error that AWS does not have.
                .header_read_timeout(None)
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            tokio::select! {
                // The peer notices its own faults.
                _ = connection => {}
                () = stopped.cancelled() => {}
            }
        });
    }
}
