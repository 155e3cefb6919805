//! The HTTP responses that the gateway makes itself, and the frames that look like them.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    header::{CONNECTION, CONTENT_TYPE, HeaderValue, SEC_WEBSOCKET_VERSION, UPGRADE},
};
use serde_json::Value;

/// The media type of every body that the gateway writes.
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A response with its whole body at hand.
pub(crate) type FullResponse = Response<Full<Bytes>>;

/// Returns the body of a gateway response, the same for a refused handshake and for a frame, with the spaces that API
/// Gateway puts into it: `{"message": "…", "connectionId":"…", "requestId":"…"}`.
pub(crate) fn body(message: &str, connection_id: &str, request_id: &str) -> Bytes {
    let [message, connection_id, request_id] =
        [message, connection_id, request_id].map(|text| Value::from(text).to_string());
    format!("{{\"message\": {message}, \"connectionId\":{connection_id}, \"requestId\":{request_id}}}").into()
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

/// Names the exception that a response is, for the AWS SDKs.
pub(crate) fn set_error_type(response: &mut FullResponse, name: &'static str) {
    let name = HeaderValue::from_static(name);
    response.headers_mut().insert("x-amzn-ErrorType", name);
}

/// Returns the response to a path that leads nowhere.
pub(crate) fn forbidden() -> FullResponse {
    let mut response = status_only(StatusCode::FORBIDDEN);
    set_error_type(&mut response, "ForbiddenException");
    response
}

/// Returns a response without a body.
pub(crate) fn empty(status: StatusCode) -> FullResponse {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

/// Returns the headers of a response.
pub(crate) fn headers_of(response: &FullResponse) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect()
}

/// Returns the body of a response.
pub(crate) fn body_of(response: &FullResponse) -> Bytes {
    response.body().clone().into_inner().unwrap_or_default()
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
