//! The responses of the inspector, all of them with the headers that keep other sites away.

use std::convert::Infallible;

use futures_util::Stream;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Response, StatusCode,
    body::{Bytes, Frame},
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
        X_CONTENT_TYPE_OPTIONS,
    },
};
use serde_json::Value;

use super::files::File;
use crate::http::responses::{self, FullResponse};

/// The status and the text for a request that cannot be answered.
pub(super) type Refusal = (StatusCode, String);

pub(super) type PageResponse = Response<UnsyncBoxBody<Bytes, Infallible>>;

const HEADERS: [(HeaderName, &str); 5] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
    ),
    (CACHE_CONTROL, "no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

pub(super) fn json(status: StatusCode, body: &Value) -> PageResponse {
    full(responses::json(status, body.to_string()))
}

pub(super) fn file(file: &File) -> PageResponse {
    let mut response = responses::json(StatusCode::OK, file.text);
    let kind = HeaderValue::from_static(file.kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    full(response)
}

pub(super) fn full(response: FullResponse) -> PageResponse {
    with_headers(response.map(Full::boxed_unsync))
}

pub(super) fn events(
    frames: impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send + 'static,
) -> PageResponse {
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    with_headers(response)
}

pub(super) fn not_allowed() -> Refusal {
    let text = "this path has another method".to_owned();
    (StatusCode::METHOD_NOT_ALLOWED, text)
}

fn with_headers(mut response: PageResponse) -> PageResponse {
    for (name, value) in HEADERS {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}
