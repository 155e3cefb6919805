//! The inspector: a page on a port of its own that shows what passes through the gateway, sends events again, and orders
//! faults.
//!
//! What it answers is masked and cut. Events as they were stay in memory, to be sent again, and never leave the process.

mod files;
mod history;
mod orders;
mod responses;
mod shown;

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc};

use futures_util::stream;
use http_body_util::{BodyExt, Limited};
use hyper::{
    HeaderMap, Method, Request, StatusCode,
    body::{Bytes, Frame, Incoming},
    header::{CONTENT_TYPE, HeaderName},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(crate) use self::history::History;
use self::responses::{PageResponse, Refusal};
use crate::{
    api::Api,
    http::{self, Hosts},
    ids,
};

/// The largest order, in bytes.
const MAX_ORDER: usize = 16 * 1024;

/// How many connections are listed.
const MAX_LISTED: usize = 500;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

pub(crate) struct Inspector {
    pub(crate) api: Arc<Api>,
    pub(crate) history: Arc<History>,
    /// The URL for clients.
    pub(crate) websocket_url: String,
}

/// Serves the page on `listener` until the API is closed.
pub(crate) async fn serve(listener: TcpListener, inspector: Inspector) {
    let closed = inspector.api.closed.clone();
    let inspector = Arc::new(inspector);
    let handler = move |request, _: SocketAddr| {
        let inspector = inspector.clone();
        async move {
            let answer = inspector.answer(request).await;
            answer.unwrap_or_else(|(status, message)| responses::json(status, &json!({ "message": message })))
        }
    };
    http::serve(listener, closed, handler).await;
}

impl Inspector {
    async fn answer(&self, request: Request<Incoming>) -> Result<PageResponse, Refusal> {
        // Names lead to this listener only by DNS rebinding, so none but `localhost` is known.
        let hosts = Hosts::default();
        let headers = request.headers();
        let path = request.uri().path().to_owned();
        if let Some(file) = files::find(&path) {
            // A link of another page may lead here.
            return match hosts.check_host(headers) {
                Err(refusal) => Ok(responses::full(*refusal)),
                Ok(()) if request.method() == Method::GET => Ok(responses::file(file)),
                Ok(()) => Err(responses::not_allowed()),
            };
        }
        if let Err(refusal) = hosts.check_same_origin(headers) {
            return Ok(responses::full(*refusal));
        }
        match (request.method(), path.as_str()) {
            (&Method::GET, "/api/state") => Ok(responses::json(StatusCode::OK, &self.state())),
            (&Method::GET, "/api/events") => Ok(self.events(headers)),
            (&Method::POST, "/api/resend") => {
                let order: orders::Resend = self.read(request).await?;
                let answer = orders::resend(&self.api, &self.history, &order)?;
                Ok(responses::json(StatusCode::ACCEPTED, &answer))
            }
            (&Method::POST, "/api/fault") => {
                let order: orders::Order = self.read(request).await?;
                orders::inject(&self.api, &self.history, &order)?;
                Ok(responses::json(StatusCode::OK, &json!({})))
            }
            (_, "/api/state" | "/api/events" | "/api/resend" | "/api/fault") => Err(responses::not_allowed()),
            _ => Err((StatusCode::NOT_FOUND, "there is nothing at this path".to_owned())),
        }
    }

    /// Returns the open connections, the newest first, and the functions.
    fn state(&self) -> Value {
        let mut open = self.api.connections.all();
        open.sort_by_key(|connection| std::cmp::Reverse(connection.info.connected_at));
        let masks = self.history.masks();
        let connections = open.iter().take(MAX_LISTED).map(|connection| {
            let info = &connection.info;
            json!({
                "id": &*info.id,
                "connected_at": ids::millis(info.connected_at),
                "user_agent": info.user_agent.as_deref().map(|text| masks.text(text)),
            })
        });
        let functions = self.api.faults.functions().values();
        let functions: BTreeSet<_> = functions.map(|function| function.shared_name()).collect();
        json!({
            "url": self.websocket_url,
            "open": open.len(),
            "connections": connections.collect::<Vec<_>>(),
            "functions": functions,
        })
    }

    /// Streams what has happened and what happens, as server-sent events, after the one that the page has seen last.
    fn events(&self, headers: &HeaderMap) -> PageResponse {
        let last = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok());
        let seen = last.map_or(0, |id| self.history.number_of(id));
        let start = (self.history.clone(), self.history.changes(), seen);
        responses::events(stream::unfold(start, |(history, mut changes, seen)| async move {
            loop {
                let (text, newest) = history.events_after(seen);
                if newest > seen {
                    return Some((Ok(Frame::data(Bytes::from(text))), (history, changes, newest)));
                }
                // The sender lives as long as the history.
                changes.changed().await.ok()?;
            }
        }))
    }

    /// Reads an order. A page of another site cannot send this type without asking first, which is refused.
    async fn read<T: DeserializeOwned>(&self, request: Request<Incoming>) -> Result<T, Refusal> {
        let kind = request.headers().get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()?.split(';').next());
        if !kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
            let text = "send it with Content-Type: application/json";
            return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, text.to_owned()));
        }
        let body = Limited::new(request.into_body(), MAX_ORDER).collect().await;
        let body = body.map_err(|_| (StatusCode::PAYLOAD_TOO_LARGE, "the order is too large".to_owned()))?;
        serde_json::from_slice(&body.to_bytes()).map_err(|error| {
            let text = format!("the order is not understood: {error}");
            (StatusCode::BAD_REQUEST, self.history.masks().text(&text))
        })
    }
}
