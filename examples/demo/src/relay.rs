//! Stands between the functions and what they call, and sees what is called, for which request, and how long it
//! takes. Bodies pass unread.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Instant,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{Method, StatusCode, Uri},
    response::{IntoResponse as _, Response},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use percent_encoding::percent_decode_str;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::events::{Called, Events, What};

/// What is behind a relay.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Behind {
    DynamoDb,
    Management,
}

/// An HTTP server that passes everything on, until it is dropped.
#[derive(Debug)]
pub(crate) struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    _server: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Shared {
    behind: Behind,
    upstream: OnceLock<SocketAddr>,
    client: Client<HttpConnector, Body>,
    events: Events,
}

impl Relay {
    pub(crate) async fn start(behind: Behind, events: Events) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let client = Client::builder(TokioExecutor::new()).build_http();
        let shared = Arc::new(Shared {
            behind,
            upstream: OnceLock::new(),
            client,
            events,
        });
        let router = Router::new().fallback(pass_on).with_state(shared.clone());
        let server = tokio::spawn(async move {
            // It never fails: a connection that cannot be accepted is tried again.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            address,
            shared,
            _server: AbortOnDropHandle::new(server),
        })
    }

    /// Where the calls go. Said once; until then they are answered with 503.
    pub(crate) fn lead_to(&self, upstream: SocketAddr) {
        // It is the same gateway after a restart.
        let _ = self.shared.upstream.set(upstream);
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn pass_on(State(relay): State<Arc<Shared>>, mut request: Request) -> Response {
    let called = read(relay.behind, &request);
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let target = relay
        .upstream
        .get()
        .and_then(|upstream| format!("http://{upstream}{path}").parse::<Uri>().ok());
    let Some(target) = target else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    *request.uri_mut() = target;
    relay.events.calling(&called);
    let started = Instant::now();
    let answer = relay.client.request(request).await;
    let status = answer.as_ref().map_or(StatusCode::BAD_GATEWAY, Response::status);
    relay.events.called(called, started.elapsed(), status.as_u16());
    match answer {
        Ok(answer) => answer.map(Body::new),
        Err(_) => status.into_response(),
    }
}

/// What a call is, as far as it is looked at: its headers.
fn read(behind: Behind, request: &Request) -> Called {
    let header = |name| Some(request.headers().get(name)?.to_str().ok()?.to_owned());
    let what = match behind {
        // `DynamoDB_20120810.GetItem`
        Behind::DynamoDb => What::DynamoDb(
            header("x-amz-target").and_then(|target| Some(target.split_once('.')?.1.to_owned())),
        ),
        Behind::Management => {
            let id = request.uri().path().rsplit('/').next().unwrap_or_default();
            What::Management {
                connection: percent_decode_str(id).decode_utf8_lossy().into(),
                posts: request.method() == Method::POST,
            }
        }
    };
    Called {
        trace: header("x-amzn-trace-id").unwrap_or_default(),
        what,
    }
}
