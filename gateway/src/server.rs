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
        self, Tls,
        responses::{self, FullResponse},
    },
    ids, management,
};

/// Serves the API on `listener` until it is closed.
pub(crate) async fn serve(listener: TcpListener, tls: Option<Tls>, api: Arc<Api>) {
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
    http::serve_secure(listener, closed, tls, handler).await;
}

async fn route(api: Arc<Api>, request: Request<Incoming>, peer: SocketAddr) -> FullResponse {
    let path = request.uri().path().to_owned();
    let below = path.strip_prefix(&*api.stage.path());
    let Some(below) = below.filter(|below| below.is_empty() || below.starts_with('/')) else {
        return responses::forbidden();
    };
    let mut segments = below.strip_prefix('/').unwrap_or(below).splitn(2, '/');
    match (segments.next(), segments.next()) {
        (None | Some(""), None) if api.closing.is_cancelled() => {
            responses::status_only(StatusCode::SERVICE_UNAVAILABLE)
        }
        (None | Some(""), None) => handshake::handle(api, request, peer).await,
        (Some("@connections" | "%40connections"), Some(id)) => management::handle(&api, id, request).await,
        _ => responses::forbidden(),
    }
}

/// Returns the host of the URL of a listener, with its port unless clients leave it out.
pub(crate) fn domain_name(address: SocketAddr, is_secure: bool) -> String {
    let default_port = if is_secure { 443 } else { 80 };
    match address.ip() {
        _ if address.port() != default_port => address.to_string(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_left_out_where_clients_leave_it_out() {
        let table = [
            ("127.0.0.1:443", true, "127.0.0.1"),
            ("127.0.0.1:443", false, "127.0.0.1:443"),
            ("127.0.0.1:80", false, "127.0.0.1"),
            ("127.0.0.1:3001", true, "127.0.0.1:3001"),
            ("[::1]:443", true, "[::1]"),
            ("[::1]:3001", true, "[::1]:3001"),
        ];
        for (address, is_secure, expected) in table {
            let address = address.parse().unwrap();
            assert_eq!(domain_name(address, is_secure), expected, "{address} {is_secure}");
        }
    }
}
