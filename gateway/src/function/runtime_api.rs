//! The Lambda Runtime API (version 2018-06-01). Each process has a listener of its own, so it is known who asks.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, header::CONTENT_TYPE};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{error::InvokeError, worker::Worker};
use crate::http::{
    self, Hosts,
    responses::{self, FullResponse},
};

/// The largest answer, in bytes: 6 MB (Lambda quotas, "Invocation payload"), and 100 bytes, which the Runtime Interface
/// Emulator of AWS also allows.
const ANSWER_LIMIT: usize = 6 * 1024 * 1024 + 100;

/// Serves the Runtime API to the process of `worker`, until `stopped` is cancelled.
pub(super) async fn serve(listener: TcpListener, worker: Arc<Worker>, stopped: CancellationToken) {
    let handler = move |request, _peer| route(request, worker.clone());
    http::serve(listener, stopped, handler).await;
}

async fn route(request: Request<Incoming>, worker: Arc<Worker>) -> FullResponse {
    if let Err(refusal) = Hosts::default().check(request.headers()) {
        return *refusal;
    }
    let path = request.uri().path().to_owned();
    let Some(path) = path.strip_prefix("/2018-06-01/runtime/") else {
        return not_found();
    };
    let steps: Vec<&str> = path.split('/').collect();
    match (request.method(), steps.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => next(&worker).await,
        (&Method::POST, ["invocation", id, "response"]) => {
            let (status, answer) = match read(request).await {
                Ok(answer) => (StatusCode::ACCEPTED, Ok(answer)),
                Err(Unread::TooLarge) => (
                    StatusCode::PAYLOAD_TOO_LARGE,
                    Err(InvokeError::AnswerTooLarge { limit: ANSWER_LIMIT }),
                ),
                // The process went away while it answered; its end is reported elsewhere.
                Err(Unread::Broken) => return invalid_request(),
            };
            accept(status, worker.answer(id, answer))
        }
        (&Method::POST, ["invocation", id, "error"]) => {
            let kind = error_type(&request);
            let Ok(document) = read(request).await else {
                return invalid_request();
            };
            let error = InvokeError::from_payload(document, kind.as_deref());
            accept(StatusCode::ACCEPTED, worker.answer(id, Err(error)))
        }
        (&Method::POST, ["init", "error"]) => {
            let kind = error_type(&request);
            let Ok(document) = read(request).await else {
                return invalid_request();
            };
            worker.init_failed(InvokeError::from_payload(document, kind.as_deref()));
            accept(StatusCode::ACCEPTED, true)
        }
        _ => not_found(),
    }
}

async fn next(worker: &Arc<Worker>) -> FullResponse {
    let Some(next) = worker.next().await else {
        return error(StatusCode::GONE, "Stopped", "the function is being shut down");
    };
    Response::builder()
        .header(CONTENT_TYPE, responses::JSON)
        .header("Lambda-Runtime-Aws-Request-Id", next.request_id)
        .header("Lambda-Runtime-Deadline-Ms", next.deadline_ms)
        .header("Lambda-Runtime-Invoked-Function-Arn", next.function_arn)
        .header("Lambda-Runtime-Trace-Id", next.trace_id)
        .body(Full::new(next.event))
        .unwrap_or_else(|_| {
            error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "InvalidName",
                "not a header value",
            )
        })
}

enum Unread {
    TooLarge,
    Broken,
}

async fn read(request: Request<Incoming>) -> Result<Bytes, Unread> {
    match Limited::new(request.into_body(), ANSWER_LIMIT).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Unread::TooLarge),
        Err(_) => Err(Unread::Broken),
    }
}

fn error_type(request: &Request<Incoming>) -> Option<String> {
    let value = request.headers().get("Lambda-Runtime-Function-Error-Type")?;
    value.to_str().ok().map(str::to_owned)
}

fn accept(status: StatusCode, known: bool) -> FullResponse {
    if !known {
        return error(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID");
    }
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return error(status, "RequestEntityTooLarge", "the answer is larger than 6 MB");
    }
    responses::json(status, json!({"status": "OK"}).to_string())
}

fn invalid_request() -> FullResponse {
    error(
        StatusCode::BAD_REQUEST,
        "InvalidRequest",
        "the body could not be read",
    )
}

fn not_found() -> FullResponse {
    error(
        StatusCode::NOT_FOUND,
        "NotFound",
        "not a path of the Lambda Runtime API 2018-06-01",
    )
}

fn error(status: StatusCode, kind: &str, message: &str) -> FullResponse {
    let document = json!({"errorType": kind, "errorMessage": message});
    responses::json(status, document.to_string())
}
