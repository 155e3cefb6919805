//! From an HTTP request to a WebSocket: the authorizer, the `$connect` route, and the answer.

use std::{net::SocketAddr, sync::Arc, time::SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::Incoming,
    header::{CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE},
    upgrade::OnUpgrade,
};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::{
    answer,
    api::{Api, IntegrationError},
    connections::{Connection, ConnectionInfo, Outgoing},
    event::{self, Moment},
    header_case::Spelling,
    ids,
    observe::{Decision, ObservedEvent},
    proxy::ProxyResponse,
    socket,
};

/// What a client sent with its handshake, as it is told to functions.
pub(crate) struct Upgrade {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) query: Vec<(String, String)>,
}

/// Answers a request for a WebSocket.
///
/// The work is done in a task of its own: a client that goes away while `$connect` runs must not stop it, as
/// the function has perhaps recorded the connection already, and will be told of its end.
pub(crate) async fn handle(
    api: Arc<Api>,
    mut request: Request<Incoming>,
    peer: SocketAddr,
) -> Response<Full<Bytes>> {
    let on_upgrade = hyper::upgrade::on(&mut request);
    let tasks = api.tasks.clone();
    let answer = tasks.spawn(async move {
        let id: Arc<str> = ids::api_gateway_id().into();
        api.observer.tell(&id, || ObservedEvent::Handshake {
            source_ip: peer.ip(),
            source_port: peer.port(),
        });
        let answer = answer(&api, &id, request, on_upgrade, peer).await;
        api.observer.tell(&id, || ObservedEvent::HandshakeAnswered {
            status: answer.status().as_u16(),
        });
        answer
    });
    answer
        .await
        .unwrap_or_else(|_| answer::plain(StatusCode::INTERNAL_SERVER_ERROR))
}

async fn answer(
    api: &Arc<Api>,
    id: &Arc<str>,
    request: Request<Incoming>,
    on_upgrade: OnUpgrade,
    peer: SocketAddr,
) -> Response<Full<Bytes>> {
    let key = match websocket_key(&request) {
        Ok(key) => key,
        Err(refusal) => return *refusal,
    };
    let moment = Moment::now();
    let refuse = |status, message: &str| answer::message(status, message, id, &moment.request_id);
    if request.uri().to_string().len() > api.limits.url_chars {
        return refuse(StatusCode::URI_TOO_LONG, "URI Too Long");
    }
    if !api.new_connections.allows(std::time::Instant::now()) || !api.allows_request() {
        return refuse(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
    }
    let upgrade = Upgrade::read(&request, peer, api.port, moment.at);
    let mut info = ConnectionInfo {
        id: id.clone(),
        connected_at: moment.at,
        source_ip: peer.ip(),
        user_agent: text(request.headers(), "user-agent"),
        host: text(request.headers(), "host").unwrap_or_else(|| api.domain_name.clone()),
        authorizer: None,
    };
    if let Some(authorizer) = &api.authorizer {
        let (decision, context) = authorizer.decide(api, &info, &moment, &upgrade).await;
        match decision {
            Decision::Allow => info.authorizer = context,
            Decision::Deny => return refuse(StatusCode::FORBIDDEN, "Forbidden"),
            Decision::Unauthorized | Decision::NoIdentity => {
                return refuse(StatusCode::UNAUTHORIZED, "Unauthorized");
            }
            Decision::Failed => return refuse(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error"),
        }
    }
    let mut protocol = None;
    if let Some(route) = api.route("$connect") {
        let event = event::connect(api, &info, &moment, &upgrade);
        match api.integrate(route, id, event).await {
            Ok(response) if response.is_success() => {
                protocol = response.header("Sec-WebSocket-Protocol").map(str::to_owned);
            }
            Ok(response) => return refused_by_function(&response),
            Err(IntegrationError::Failed) => return refuse(StatusCode::BAD_GATEWAY, "Internal server error"),
            Err(IntegrationError::TimedOut) => {
                return refuse(StatusCode::GATEWAY_TIMEOUT, "Endpoint request timed out");
            }
        }
    }
    let (connection, inbox) = Connection::new(info);
    let Some(switching) =
        answer::switching_protocols(&derive_accept_key(key.as_bytes()), protocol.as_deref())
    else {
        // The function has accepted, with a subprotocol that is no header value.
        api.disconnected(&connection, 1006, "").await;
        return refuse(StatusCode::BAD_GATEWAY, "Internal server error");
    };
    // Before the client hears of it: its first message, or somebody else's to it, may be on its way.
    api.connections.insert(&connection);
    api.tasks
        .spawn(establish(api.clone(), connection, inbox, on_upgrade));
    switching
}

async fn establish(
    api: Arc<Api>,
    connection: Arc<Connection>,
    inbox: mpsc::UnboundedReceiver<Outgoing>,
    on_upgrade: OnUpgrade,
) {
    let upgraded = tokio::select! {
        upgraded = on_upgrade => upgraded.ok(),
        () = api.closing.cancelled() => None,
    };
    match upgraded {
        Some(upgraded) => socket::run(api, connection, inbox, upgraded).await,
        // The client did not wait for the answer.
        None => api.disconnected(&connection, 1006, socket::ABNORMAL).await,
    }
}

/// The key of a well-formed WebSocket handshake (RFC 6455 §4.2.1), or what to answer.
fn websocket_key(request: &Request<Incoming>) -> Result<String, Box<Response<Full<Bytes>>>> {
    let has = |name, token: &str| {
        let values = request
            .headers()
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok());
        values
            .flat_map(|value| value.split(','))
            .any(|value| value.trim().eq_ignore_ascii_case(token))
    };
    if request.method() != Method::GET || !has(UPGRADE, "websocket") || !has(CONNECTION, "upgrade") {
        return Err(Box::new(answer::upgrade_required()));
    }
    if !has(SEC_WEBSOCKET_VERSION, "13") {
        return Err(Box::new(answer::upgrade_required()));
    }
    let key = request
        .headers()
        .get(SEC_WEBSOCKET_KEY)
        .and_then(|key| key.to_str().ok());
    key.map(str::to_owned)
        .ok_or_else(|| Box::new(answer::plain(StatusCode::BAD_REQUEST)))
}

/// The function's own status and body. Its other headers stay here, but for the type of the body.
fn refused_by_function(response: &ProxyResponse) -> Response<Full<Bytes>> {
    let mut answer = Response::builder().status(response.status);
    if let Some(kind) = response.header("Content-Type") {
        answer = answer.header("Content-Type", kind);
    }
    let body = response.body.clone().unwrap_or_default();
    answer
        .body(Full::new(body))
        .unwrap_or_else(|_| answer::plain(StatusCode::BAD_GATEWAY))
}

impl Upgrade {
    fn read(request: &Request<Incoming>, peer: SocketAddr, port: u16, now: SystemTime) -> Self {
        let spelling = request
            .extensions()
            .get::<Spelling>()
            .cloned()
            .unwrap_or_default();
        let mut headers: Vec<(String, String)> = Vec::with_capacity(request.headers().len() + 4);
        for name in request.headers().keys() {
            if name.as_str().starts_with("x-forwarded-") || name == "x-amzn-trace-id" {
                continue;
            }
            for (position, value) in request.headers().get_all(name).iter().enumerate() {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                headers.push((spelling.get(name, position), value));
            }
        }
        let forwarded_for = text(request.headers(), "x-forwarded-for");
        let forwarded_for =
            forwarded_for.map_or_else(String::new, |before| before + ", ") + &peer.ip().to_string();
        headers.push(("X-Forwarded-For".into(), forwarded_for));
        headers.push(("X-Forwarded-Port".into(), port.to_string()));
        headers.push(("X-Forwarded-Proto".into(), "http".into()));
        let trace = text(request.headers(), "x-amzn-trace-id").unwrap_or_else(|| ids::trace_root(now));
        headers.push(("X-Amzn-Trace-Id".into(), trace));
        let query = request.uri().query().unwrap_or_default();
        let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Self { headers, query }
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get(name)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}
