//! The public listener: which path leads where.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use hyper::{Request, StatusCode, body::Incoming, header::HeaderValue};
use tokio::net::TcpListener;

use crate::{
    api::Api,
    handshake,
    http::{
        self,
        responses::{self, FullResponse},
    },
    ids, management,
};

/// Serves the API on `listener` until it is closed.
pub(crate) async fn serve(listener: TcpListener, api: Arc<Api>) {
    let closed = api.closed.clone();
    let handler = move |request, peer| {
        let api = api.clone();
        async move {
            let mut response = route(api, request, peer).await;
            if response.status() != StatusCode::SWITCHING_PROTOCOLS {
                let request_id = HeaderValue::from_str(&ids::lambda_request_id());
                let request_id = request_id.expect("a UUID is a header value");
                response.headers_mut().insert("x-amzn-RequestId", request_id);
            }
            response
        }
    };
    http::serve(listener, closed, handler).await;
}

async fn route(api: Arc<Api>, request: Request<Incoming>, peer: SocketAddr) -> FullResponse {
    let path = request.uri().path().to_owned();
    let mut segments = path.strip_prefix('/').unwrap_or(&path).splitn(3, '/');
    let (stage, second, third) = (segments.next(), segments.next(), segments.next());
    if stage != Some(api.stage.name.as_str()) {
        return responses::forbidden();
    }
    match (second, third) {
        (None | Some(""), None) if api.closing.is_cancelled() => {
            responses::status_only(StatusCode::SERVICE_UNAVAILABLE)
        }
        (None | Some(""), None) => handshake::handle(api, request, peer).await,
        (Some("@connections" | "%40connections"), Some(id)) => management::handle(&api, id, request).await,
        _ => responses::forbidden(),
    }
}

/// Returns the address at which a listener is reached from this machine, also if it listens on all addresses.
pub(crate) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, address.port())
}
