//! `@connections`: sending to a connection, reading its state, closing it.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{Method, Request, StatusCode, body::Incoming, header::HeaderValue};
use serde_json::json;

use crate::{
    api::Api,
    connections::{Connection, SendError},
    event::RequestStamp,
    faults::CallFault,
    http::responses::{self, FullResponse},
    ids,
    observe::{ObservedEvent, Operation},
};

/// The exceptions of the API Gateway Management API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exception {
    BadRequest,
    Forbidden,
    Gone,
    PayloadTooLarge,
    LimitExceeded,
}

impl Exception {
    fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Gone => StatusCode::GONE,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::LimitExceeded => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "BadRequestException",
            Self::Forbidden => "ForbiddenException",
            Self::Gone => "GoneException",
            Self::PayloadTooLarge => "PayloadTooLargeException",
            Self::LimitExceeded => "LimitExceededException",
        }
    }
}

/// Answers a call for the connection with the id `encoded_id`, a segment of the URL's path.
pub(crate) async fn handle(api: &Arc<Api>, encoded_id: &str, request: Request<Incoming>) -> FullResponse {
    let id: Arc<str> = percent_encoding::percent_decode_str(encoded_id)
        .decode_utf8_lossy()
        .into();
    let operation = match *request.method() {
        Method::POST => Operation::Post,
        Method::GET => Operation::Get,
        Method::DELETE => Operation::Delete,
        _ => return refuse(Exception::Forbidden, "Missing Authentication Token", &id),
    };
    let result = perform(api, &id, operation, request).await;
    let response = result.unwrap_or_else(|(exception, message)| refuse(exception, &message, &id));
    api.observer.notify(&id, || ObservedEvent::ManagementCall {
        operation,
        status: response.status().as_u16(),
    });
    response
}

async fn perform(
    api: &Arc<Api>,
    id: &str,
    operation: Operation,
    request: Request<Incoming>,
) -> Result<FullResponse, (Exception, String)> {
    if api.signed_management_only && !is_signed(&request) {
        return Err((Exception::Forbidden, "Missing Authentication Token".to_owned()));
    }
    if !ids::is_connection_id(id) {
        return Err((Exception::BadRequest, format!("Invalid connectionId: {id}")));
    }
    let is_post = operation == Operation::Post;
    let payload = if is_post {
        read(request, api.limits.message_bytes).await?
    } else {
        Bytes::new()
    };
    let throttled = || (Exception::LimitExceeded, "Too Many Requests".to_owned());
    // As on AWS, a GoneException has a name and no body.
    let gone = || (Exception::Gone, String::new());
    if !api.allows_request() {
        return Err(throttled());
    }
    match api.faults.call(id, is_post) {
        Some(CallFault::Throttled) => return Err(throttled()),
        Some(CallFault::Gone) => return Err(gone()),
        None => {}
    }
    let connection = api.connections.get(id).ok_or_else(gone)?;
    match operation {
        Operation::Post => {
            let sent = connection.send(payload, api.limits.client_buffer_bytes);
            sent.map_err(|error| match error {
                SendError::Gone => gone(),
                SendError::BufferFull => throttled(),
            })?;
            api.faults.posted();
            Ok(responses::empty(StatusCode::OK))
        }
        Operation::Get => Ok(responses::json(StatusCode::OK, state(&connection))),
        Operation::Delete => {
            connection.close().map_err(|_| gone())?;
            Ok(responses::empty(StatusCode::NO_CONTENT))
        }
    }
}

/// Returns what `GET` tells about a connection, as JSON.
fn state(connection: &Connection) -> String {
    let info = &connection.info;
    let state = json!({
        "connectedAt": ids::iso8601(info.connected_at),
        "identity": {
            "sourceIp": info.source_ip.to_string(),
            "userAgent": info.user_agent.as_deref().unwrap_or_default(),
        },
        "lastActiveAt": ids::iso8601(connection.last_active()),
    });
    state.to_string()
}

async fn read(request: Request<Incoming>, limit: usize) -> Result<Bytes, (Exception, String)> {
    match Limited::new(request.into_body(), limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err((Exception::PayloadTooLarge, "Message too long".to_owned()))
        }
        Err(_) => Err((Exception::BadRequest, "Bad Request".to_owned())),
    }
}

/// Returns whether the call has a signature. It is not verified.
fn is_signed(request: &Request<Incoming>) -> bool {
    let header = request
        .headers()
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    header.is_some_and(|value| value.starts_with("AWS4-"))
        || request
            .uri()
            .query()
            .is_some_and(|query| query.contains("X-Amz-Signature="))
}

fn refuse(exception: Exception, message: &str, id: &str) -> FullResponse {
    let mut response = if message.is_empty() {
        responses::empty(exception.status())
    } else {
        responses::message(exception.status(), message, id, &RequestStamp::now().request_id)
    };
    let name = HeaderValue::from_static(exception.name());
    response.headers_mut().insert("x-amzn-ErrorType", name);
    response
}
