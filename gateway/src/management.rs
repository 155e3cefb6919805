//! `@connections`: sending to a connection, asking about it, closing it.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{Method, Request, Response, StatusCode, body::Incoming};
use serde_json::json;

use crate::{
    answer,
    api::Api,
    connections::SendError,
    event::Moment,
    faults::CallFault,
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

type Answer = Response<Full<Bytes>>;

/// Answers a call for the connection that `encoded_id`, a step of the URL's path, names.
pub(crate) async fn handle(api: &Arc<Api>, encoded_id: &str, request: Request<Incoming>) -> Answer {
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
    let answer = result.unwrap_or_else(|(exception, message)| refuse(exception, &message, &id));
    api.observer.tell(&id, || ObservedEvent::ManagementCall {
        operation,
        status: answer.status().as_u16(),
    });
    answer
}

async fn perform(
    api: &Arc<Api>,
    id: &str,
    operation: Operation,
    request: Request<Incoming>,
) -> Result<Answer, (Exception, String)> {
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
    // As on AWS, there is nothing to read in a GoneException but its name.
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
            Ok(Response::new(Full::default()))
        }
        Operation::Get => {
            let info = &connection.info;
            let body = json!({
                "connectedAt": ids::iso8601(info.connected_at),
                "identity": {
                    "sourceIp": info.source_ip.to_string(),
                    "userAgent": info.user_agent.as_deref().unwrap_or_default(),
                },
                "lastActiveAt": ids::iso8601(connection.last_active()),
            });
            let mut answer = Response::new(Full::new(body.to_string().into()));
            answer
                .headers_mut()
                .insert("Content-Type", "application/json".parse().expect("a valid value"));
            Ok(answer)
        }
        Operation::Delete => {
            connection.close().map_err(|_| gone())?;
            let mut answer = Response::new(Full::default());
            *answer.status_mut() = StatusCode::NO_CONTENT;
            Ok(answer)
        }
    }
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

/// Whether the call claims a signature. Whose, and whether it is right, nobody can say here.
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

fn refuse(exception: Exception, message: &str, id: &str) -> Answer {
    let mut answer = if message.is_empty() {
        let mut empty = Response::new(Full::default());
        *empty.status_mut() = exception.status();
        empty
    } else {
        answer::message(exception.status(), message, id, &Moment::now().request_id)
    };
    answer.headers_mut().insert(
        "x-amzn-ErrorType",
        exception.name().parse().expect("a valid value"),
    );
    answer
}
