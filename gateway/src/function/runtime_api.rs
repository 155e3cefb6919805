//! The Lambda Runtime API (version 2018-06-01), one listener per process, so that it is known who asks.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, http::response::Builder};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{InvokeError, process::Process};
use crate::http;

/// An answer has at most 6 MB (Lambda quotas, "Invocation payload").
const ANSWER_LIMIT: usize = 6 * 1024 * 1024;

type Answer = Response<Full<Bytes>>;

pub(super) async fn serve(listener: TcpListener, process: Arc<Process>, stopped: CancellationToken) {
    let handler = move |request, _peer| {
        let process = process.clone();
        async move { Ok::<_, Infallible>(route(request, process).await) }
    };
    http::serve(listener, stopped, handler).await;
}

async fn route(request: Request<Incoming>, process: Arc<Process>) -> Answer {
    let path = request.uri().path().to_owned();
    let Some(path) = path.strip_prefix("/2018-06-01/runtime/") else {
        return not_found();
    };
    let steps: Vec<&str> = path.split('/').collect();
    match (request.method(), steps.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => next(&process).await,
        (&Method::POST, ["invocation", id, "response"]) => {
            let (status, answer) = match read(request).await {
                Ok(answer) => (StatusCode::ACCEPTED, Ok(answer)),
                Err(Unread::TooLarge) => (
                    StatusCode::PAYLOAD_TOO_LARGE,
                    Err(InvokeError::AnswerTooLarge { limit: ANSWER_LIMIT }),
                ),
                // The process went away while it answered: its end will tell.
                Err(Unread::Broken) => return invalid_request(),
            };
            accept(status, process.answer(id, answer))
        }
        (&Method::POST, ["invocation", id, "error"]) => {
            let kind = error_type(&request);
            let Ok(document) = read(request).await else {
                return invalid_request();
            };
            let error = InvokeError::from_payload(document, kind.as_deref());
            accept(StatusCode::ACCEPTED, process.answer(id, Err(error)))
        }
        (&Method::POST, ["init", "error"]) => {
            let kind = error_type(&request);
            let Ok(document) = read(request).await else {
                return invalid_request();
            };
            process.init_failed(InvokeError::from_payload(document, kind.as_deref()));
            accept(StatusCode::ACCEPTED, true)
        }
        _ => not_found(),
    }
}

async fn next(process: &Arc<Process>) -> Answer {
    let Some(delivery) = process.next().await else {
        return error(StatusCode::GONE, "Stopped", "the function is being shut down");
    };
    Response::builder()
        .header("Content-Type", "application/json")
        .header("Lambda-Runtime-Aws-Request-Id", delivery.request_id)
        .header("Lambda-Runtime-Deadline-Ms", delivery.deadline_ms)
        .header("Lambda-Runtime-Invoked-Function-Arn", delivery.function_arn)
        .header("Lambda-Runtime-Trace-Id", delivery.trace_id)
        .body(Full::new(delivery.event))
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

fn accept(status: StatusCode, known: bool) -> Answer {
    if !known {
        return error(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID");
    }
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return error(status, "RequestEntityTooLarge", "the answer has more than 6 MB");
    }
    json_answer(Response::builder().status(status), &json!({"status": "OK"}))
}

fn invalid_request() -> Answer {
    error(
        StatusCode::BAD_REQUEST,
        "InvalidRequest",
        "the body could not be read",
    )
}

fn not_found() -> Answer {
    error(
        StatusCode::NOT_FOUND,
        "NotFound",
        "not a path of the Lambda Runtime API 2018-06-01",
    )
}

fn error(status: StatusCode, kind: &str, message: &str) -> Answer {
    json_answer(
        Response::builder().status(status),
        &json!({"errorType": kind, "errorMessage": message}),
    )
}

fn json_answer(builder: Builder, body: &serde_json::Value) -> Answer {
    builder
        .header("Content-Type", "application/json")
        .body(Full::new(body.to_string().into()))
        .expect("a fixed header is valid")
}
