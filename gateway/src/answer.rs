//! The HTTP answers that the gateway makes itself, and the frames that are like them.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode};
use serde::Serialize;

/// The gateway responses of WebSocket APIs, on a refused handshake and as a frame alike.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GatewayResponse<'a> {
    message: &'a str,
    connection_id: &'a str,
    request_id: &'a str,
}

/// `{"message":…,"connectionId":…,"requestId":…}`.
pub(crate) fn body(message: &str, connection_id: &str, request_id: &str) -> Bytes {
    let response = GatewayResponse {
        message,
        connection_id,
        request_id,
    };
    serde_json::to_vec(&response).expect("texts serialize").into()
}

pub(crate) fn message(
    status: StatusCode,
    message: &str,
    connection_id: &str,
    request_id: &str,
) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(body(message, connection_id, request_id)));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert("Content-Type", "application/json".parse().expect("a valid value"));
    answer
}

/// Only a status, and its name.
pub(crate) fn plain(status: StatusCode) -> Response<Full<Bytes>> {
    let body = format!(
        "{{\"message\":\"{}\"}}",
        status.canonical_reason().unwrap_or_default()
    );
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert("Content-Type", "application/json".parse().expect("a valid value"));
    answer
}

pub(crate) fn upgrade_required() -> Response<Full<Bytes>> {
    let mut answer = plain(StatusCode::UPGRADE_REQUIRED);
    let headers = answer.headers_mut();
    headers.insert("Upgrade", "websocket".parse().expect("a valid value"));
    headers.insert("Connection", "Upgrade".parse().expect("a valid value"));
    headers.insert("Sec-WebSocket-Version", "13".parse().expect("a valid value"));
    answer
}

/// `None` if `protocol` is no header value.
pub(crate) fn switching_protocols(accept: &str, protocol: Option<&str>) -> Option<Response<Full<Bytes>>> {
    let mut answer = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header("Upgrade", "websocket")
        .header("Connection", "Upgrade")
        .header("Sec-WebSocket-Accept", accept);
    if let Some(protocol) = protocol {
        answer = answer.header("Sec-WebSocket-Protocol", protocol);
    }
    answer.body(Full::default()).ok()
}
