//! `@connections`: sending to a connection, reading its state, closing it.

use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{
    Method, Request, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde_json::{Value, json};

use crate::{
    api::Api,
    connections::{Connection, SendError},
    faults::CallFault,
    http::responses::{self, FullResponse},
    ids,
    journal::Content,
    observe::{ObservedEvent, Operation},
    stage::Stage,
};

/// What AWS says to a call without a signature, and to one for which there is no operation.
const NO_SIGNATURE: &str = "Missing Authentication Token";

/// The exceptions of the API Gateway Management API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exception {
    BadRequest,
    AccessDenied,
    MissingAuthenticationToken,
    Gone,
    PayloadTooLarge,
    LimitExceeded,
}

impl Exception {
    fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::AccessDenied | Self::MissingAuthenticationToken => StatusCode::FORBIDDEN,
            Self::Gone => StatusCode::GONE,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::LimitExceeded => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "BadRequestException",
            Self::AccessDenied => "AccessDeniedException",
            Self::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            Self::Gone => "GoneException",
            Self::PayloadTooLarge => "PayloadTooLargeException",
            Self::LimitExceeded => "LimitExceededException",
        }
    }
}

/// Answers a call for the connection with the id `encoded_id`, a segment of the URL's path.
pub(crate) async fn handle(api: &Arc<Api>, encoded_id: &str, request: Request<Incoming>) -> FullResponse {
    if let Err(refusal) = api.hosts.check(request.headers()) {
        return *refusal;
    }
    let id: Arc<str> = percent_encoding::percent_decode_str(encoded_id)
        .decode_utf8_lossy()
        .into();
    let operation = match *request.method() {
        Method::POST => Operation::Post,
        Method::GET => Operation::Get,
        Method::DELETE => Operation::Delete,
        _ => return refuse(Exception::MissingAuthenticationToken, NO_SIGNATURE, &id),
    };
    let mut posted = Bytes::new();
    let result = perform(api, &id, operation, request, &mut posted).await;
    let response = result.unwrap_or_else(|(exception, message)| refuse(exception, &message, &id));
    let response = with_ids(response, api.clock.now());
    api.observer.notify(&id, || ObservedEvent::ManagementCall {
        operation,
        status: response.status().as_u16(),
    });
    api.journal.note(&id, || Content::ManagementCall {
        operation,
        posted,
        status: response.status().as_u16(),
        answer: responses::body_of(&response),
    });
    if operation == Operation::Post {
        // Lets the socket's task write the message before this one answers: the client has waited longer.
        tokio::task::yield_now().await;
    }
    response
}

/// Performs a call. What is posted is left in `posted`.
async fn perform(
    api: &Arc<Api>,
    id: &str,
    operation: Operation,
    request: Request<Incoming>,
    posted: &mut Bytes,
) -> Result<FullResponse, (Exception, String)> {
    if api.signed_management_only && !is_signed(&request) {
        return Err((Exception::MissingAuthenticationToken, NO_SIGNATURE.to_owned()));
    }
    if !ids::is_connection_id(id) {
        return Err((Exception::BadRequest, format!("Invalid connectionId: {id}")));
    }
    let is_post = operation == Operation::Post;
    if is_post {
        *posted = read(request, api.limits.message_bytes).await?;
    }
    let throttled = || (Exception::LimitExceeded, "Too Many Requests".to_owned());
    // As on AWS, a GoneException has a name and no body.
    let gone = || (Exception::Gone, String::new());
    if !api.allows_request() {
        return Err(throttled());
    }
    match api.faults.call(id, is_post) {
        Some(CallFault::Denied) => return Err((Exception::AccessDenied, access_denied(&api.stage, id))),
        Some(CallFault::Throttled) => return Err(throttled()),
        Some(CallFault::Gone) => return Err(gone()),
        None => {}
    }
    let connection = api.connections.get(id).ok_or_else(gone)?;
    match operation {
        Operation::Post => {
            let sent = connection.send(posted.clone(), api.limits.client_buffer_bytes);
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

/// Returns what `GET` tells about a connection, in the order and with the spaces of API Gateway.
fn state(connection: &Connection) -> String {
    let info = &connection.info;
    let [source_ip, user_agent, connected_at, last_active_at] = [
        info.source_ip.to_string(),
        info.user_agent.clone().unwrap_or_default(),
        ids::iso8601(info.connected_at),
        ids::iso8601(connection.last_active()),
    ]
    .map(|text| Value::from(text).to_string());
    format!(
        "{{\n  \"identity\" : {{\n    \"sourceIp\" : {source_ip},\n    \"userAgent\" : {user_agent}\n  }},\n  \
         \"connectedAt\" : {connected_at},\n  \"lastActiveAt\" : {last_active_at}\n}}"
    )
}

/// Returns what AWS says to a function whose role must not call `@connections`.
fn access_denied(stage: &Stage, id: &str) -> String {
    let Stage {
        region,
        account_id,
        api_id,
        name,
        ..
    } = stage;
    format!(
        "User: arn:aws:sts::{account_id}:assumed-role/local/local is not authorized to perform: \
         execute-api:ManageConnections on resource: \
         arn:aws:execute-api:{region}:{account_id}:{api_id}/{name}/POST/@connections/{id}"
    )
}

/// Adds the headers by which AWS identifies a response, and the content type that empty ones have, too.
fn with_ids(mut response: FullResponse, now: SystemTime) -> FullResponse {
    let is_bad_request = response.status() == StatusCode::BAD_REQUEST;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, responses::JSON);
    let value = |text: String| HeaderValue::try_from(text).expect("an id is a header value");
    headers.insert("x-amz-apigw-id", value(ids::api_gateway_id()));
    if !is_bad_request {
        headers.insert("x-amzn-trace-id", value(ids::trace_root(now)));
    }
    response
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
    let status = exception.status();
    let mut response = match exception {
        _ if message.is_empty() => responses::empty(status),
        Exception::AccessDenied => responses::json(status, json!({ "Message": message }).to_string()),
        Exception::BadRequest | Exception::MissingAuthenticationToken => {
            responses::json(status, json!({ "message": message }).to_string())
        }
        _ => responses::message(status, message, id, &ids::api_gateway_id()),
    };
    responses::set_error_type(&mut response, exception.name());
    response
}
