//! Stands between the functions and the services they call. Observes which operation is called for which request, and how
//! long it takes. Does not read bodies, and refuses browsers.

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
    http::{Method, StatusCode, Uri, header::HOST},
    middleware,
    response::{IntoResponse as _, Response},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use percent_encoding::percent_decode_str;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    database::Database,
    events::{Events, Operation, OutgoingCall},
    loopback::{self, Callers, Listener},
};

/// The service behind a relay.
#[derive(Debug)]
pub(crate) enum Upstream {
    /// The embedded database.
    DynamoDb(Database),
    /// The gateway's @connections.
    Management,
}

/// An HTTP server that passes on what programs ask for, until it is dropped.
#[derive(Debug)]
pub(crate) struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    _server: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Shared {
    upstream: Upstream,
    gateway: OnceLock<SocketAddr>,
    client: Client<HttpConnector, Body>,
    events: Events,
}

impl Relay {
    pub(crate) async fn start(upstream: Upstream, events: Events) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let client = Client::builder(TokioExecutor::new()).build_http();
        let shared = Arc::new(Shared {
            upstream,
            gateway: OnceLock::new(),
            client,
            events,
        });
        let for_programs = Listener {
            port: address.port(),
            callers: Callers::Programs,
        };
        let router = Router::new()
            .fallback(relay)
            .with_state(shared.clone())
            .layer(middleware::from_fn_with_state(for_programs, loopback::guard));
        let server = tokio::spawn(async move {
            // It never fails: accepting is tried again.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            address,
            shared,
            _server: AbortOnDropHandle::new(server),
        })
    }

    /// Sets the address of the gateway. Until then calls of @connections are answered with 503.
    pub(crate) fn set_gateway(&self, address: SocketAddr) {
        // After a restart it is the same address.
        let _ = self.shared.gateway.set(address);
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn relay(State(relay): State<Arc<Shared>>, request: Request) -> Response {
    let called = read(&relay.upstream, &request);
    relay.events.calling(&called);
    let started = Instant::now();
    let response = match &relay.upstream {
        Upstream::DynamoDb(database) => database.answer(request).await,
        Upstream::Management => relay.forward(request).await,
    };
    relay
        .events
        .called(called, started.elapsed(), response.status().as_u16());
    response
}

impl Shared {
    async fn forward(&self, mut request: Request) -> Response {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let target = self
            .gateway
            .get()
            .and_then(|gateway| format!("http://{gateway}{path}").parse::<Uri>().ok());
        let Some(target) = target else {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        };
        *request.uri_mut() = target;
        // The gateway is called by its own name, not by the relay's.
        request.headers_mut().remove(HOST);
        match self.client.request(request).await {
            Ok(response) => response.map(Body::new),
            Err(_) => StatusCode::BAD_GATEWAY.into_response(),
        }
    }
}

/// Reads from the headers which operation is called.
fn read(upstream: &Upstream, request: &Request) -> OutgoingCall {
    let header = |name| Some(request.headers().get(name)?.to_str().ok()?.to_owned());
    let operation = match upstream {
        // `DynamoDB_20120810.GetItem`
        Upstream::DynamoDb(_) => Operation::DynamoDb(
            header("x-amz-target").and_then(|target| Some(target.split_once('.')?.1.to_owned())),
        ),
        Upstream::Management => {
            let id = request.uri().path().rsplit('/').next().unwrap_or_default();
            Operation::Management {
                connection: percent_decode_str(id).decode_utf8_lossy().into(),
                posts: request.method() == Method::POST,
            }
        }
    };
    OutgoingCall {
        trace: header("x-amzn-trace-id").unwrap_or_default(),
        operation,
    }
}
