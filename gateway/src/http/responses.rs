//! The HTTP responses that the gateway makes itself, and the frames that look like them.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    header::{CONNECTION, CONTENT_TYPE, HeaderValue, SEC_WEBSOCKET_VERSION, UPGRADE},
};
use serde::Serialize;

/// The media type of every body that the gateway writes.
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A response with its whole body at hand.
pub(crate) type FullResponse = Response<Full<Bytes>>;

/// The gateway responses of WebSocket APIs, the same for a refused handshake and for a frame.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GatewayResponse<'a> {
    message: &'a str,
    connection_id: &'a str,
    request_id: &'a str,
}

/// Returns `{"message":…,"connectionId":…,"requestId":…}`.
pub(crate) fn body(message: &str, connection_id: &str, request_id: &str) -> Bytes {
    let response = GatewayResponse {
        message,
        connection_id,
        request_id,
    };
    serde_json::to_vec(&response).expect("texts serialize").into()
}

/// Returns a response with [`body`].
pub(crate) fn message(
    status: StatusCode,
    message: &str,
    connection_id: &str,
    request_id: &str,
) -> FullResponse {
    json(status, body(message, connection_id, request_id))
}

/// Returns a response whose body holds nothing but the name of the status.
pub(crate) fn status_only(status: StatusCode) -> FullResponse {
    let name = status.canonical_reason().unwrap_or_default();
    json(status, format!("{{\"message\":\"{name}\"}}"))
}

/// Returns a response with a body of JSON.
pub(crate) fn json(status: StatusCode, body: impl Into<Bytes>) -> FullResponse {
    let mut response = empty(status);
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    *response.body_mut() = Full::new(body.into());
    response
}

/// Returns a response without a body.
pub(crate) fn empty(status: StatusCode) -> FullResponse {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

/// Tells a client that this URL is for WebSockets only.
pub(crate) fn upgrade_required() -> FullResponse {
    let mut response = status_only(StatusCode::UPGRADE_REQUIRED);
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    response
}
