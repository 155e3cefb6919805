//! From an HTTP request to a WebSocket: the authorizer, the `$connect` route, and the response.

use std::{net::SocketAddr, sync::Arc};

use http_body_util::Full;
use hyper::{
    Request, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderValue, SEC_WEBSOCKET_PROTOCOL},
    upgrade::OnUpgrade,
};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{
    Error, error::ProtocolError, handshake::server::create_response_with_body,
};

use crate::{
    api::{Api, IntegrationError, Route},
    client_request::{self, ClientRequest},
    connections::{Connection, ConnectionInfo, Outgoing},
    event::{self, RequestStamp},
    http::responses::{self, FullResponse},
    ids,
    journal::{ClosedBy, Content},
    observe::{Decision, ObservedEvent},
    proxy_response::ProxyResponse,
    socket,
};

/// Answers a request for a WebSocket.
///
/// The work is done in a task of its own, so that a client that goes away while `$connect` runs does not stop it: the
/// function may have recorded the connection already, and `$disconnect` will be invoked for it.
pub(crate) async fn handle(api: Arc<Api>, mut request: Request<Incoming>, peer: SocketAddr) -> FullResponse {
    let on_upgrade = hyper::upgrade::on(&mut request);
    let tasks = api.tasks.clone();
    let response = tasks.spawn(async move {
        let id: Arc<str> = ids::api_gateway_id().into();
        api.observer.notify(&id, || ObservedEvent::Handshake {
            source_ip: peer.ip(),
            source_port: peer.port(),
        });
        api.journal.note(&id, || Content::Handshake {
            peer,
            uri: request.uri().to_string(),
            headers: client_request::spelled(&request, |_| true),
        });
        let response = respond(&api, &id, &request, on_upgrade, peer).await;
        api.observer.notify(&id, || ObservedEvent::HandshakeAnswered {
            status: response.status().as_u16(),
        });
        api.journal.note(&id, || Content::HandshakeAnswered {
            status: response.status().as_u16(),
            headers: responses::headers_of(&response),
            body: responses::body_of(&response),
        });
        response
    });
    response
        .await
        .unwrap_or_else(|_| responses::status_only(StatusCode::INTERNAL_SERVER_ERROR))
}

async fn respond(
    api: &Arc<Api>,
    id: &Arc<str>,
    request: &Request<Incoming>,
    on_upgrade: OnUpgrade,
    peer: SocketAddr,
) -> FullResponse {
    let mut switching = match create_response_with_body(request, Full::default) {
        Ok(switching) => switching,
        Err(error) => return not_a_handshake(&error),
    };
    let stamp = RequestStamp::new(api.clock.now());
    let refuse = |status, message: &str| responses::message(status, message, id, &stamp.request_id);
    if request.uri().to_string().len() > api.limits.url_chars {
        return refuse(StatusCode::URI_TOO_LONG, "URI Too Long");
    }
    if !api.new_connections.allows(stamp.at) || !api.allows_request() {
        return refuse(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
    }
    let request = ClientRequest::read(request, peer, &api.stage, stamp.at);
    let header = |name| request.header(name).map(str::to_owned);
    let mut info = ConnectionInfo {
        id: id.clone(),
        connected_at: stamp.at,
        source_ip: peer.ip(),
        user_agent: header("user-agent"),
        host: header("host").unwrap_or_else(|| api.stage.domain_name.clone()),
        authorizer: None,
    };
    if let Some(authorizer) = &api.authorizer {
        let (observer, journal) = (&api.observer, &api.journal);
        let decide = authorizer.decide(&api.stage, observer, journal, &info, &stamp, &request);
        let (decision, context) = decide.await;
        match decision {
            Decision::Allow => info.authorizer = context,
            refused => {
                let (status, message, exception) = refusal_of(refused);
                let mut refusal = refuse(status, message);
                responses::set_error_type(&mut refusal, exception);
                return refusal;
            }
        }
    }
    let mut protocol = None;
    if let Some(route) = api.route("$connect") {
        let event = event::connect(&api.stage, &info, &stamp, &request);
        match api.integrate(route, id, event).await {
            Ok(response) if response.is_success() => {
                protocol = response
                    .header("Sec-WebSocket-Protocol")
                    .map(HeaderValue::from_str);
            }
            Ok(response) => return refused_by_function(route, &response),
            Err(IntegrationError::Refused) => {
                return refuse(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error");
            }
            Err(IntegrationError::Failed) => return refuse(StatusCode::BAD_GATEWAY, "Internal server error"),
            Err(IntegrationError::TimedOut) => {
                return refuse(StatusCode::GATEWAY_TIMEOUT, "Endpoint request timed out");
            }
        }
    }
    let (connection, inbox) = Connection::new(info);
    match protocol {
        None => {}
        Some(Ok(protocol)) => drop(switching.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol)),
        Some(Err(_)) => {
            // The function has accepted, with a subprotocol that is not a header value.
            api.disconnected(&connection, ClosedBy::Nobody, 1006, "").await;
            return refuse(StatusCode::BAD_GATEWAY, "Internal server error");
        }
    }
    // Before the client gets its response, because its first message, or a post to it, may be on its way.
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
        // The client did not wait for the response.
        None => {
            api.disconnected(&connection, ClosedBy::Nobody, 1006, socket::ABNORMAL)
                .await;
        }
    }
}

/// Answers a request that is not a well-formed WebSocket handshake (RFC 6455 §4.2.1).
fn not_a_handshake(error: &Error) -> FullResponse {
    match error {
        Error::Protocol(ProtocolError::MissingSecWebSocketKey | ProtocolError::InvalidSecWebSocketKey) => {
            responses::status_only(StatusCode::BAD_REQUEST)
        }
        _ => responses::upgrade_required(),
    }
}

/// Returns what a client is told of a decision that does not allow its connection.
fn refusal_of(decision: Decision) -> (StatusCode, &'static str, &'static str) {
    match decision {
        Decision::Unauthorized | Decision::NoIdentity => {
            (StatusCode::UNAUTHORIZED, "Unauthorized", "UnauthorizedException")
        }
        Decision::Allow | Decision::Deny => (StatusCode::FORBIDDEN, "Forbidden", "ForbiddenException"),
        Decision::Failed => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "Internal server error",
            "AuthorizerConfigurationException",
        ),
    }
}

/// Passes on the status of the function. The body, and of the headers its type, are passed on only if the route has a
/// response.
fn refused_by_function(route: &Route, response: &ProxyResponse) -> FullResponse {
    let Ok(status) = StatusCode::from_u16(response.status) else {
        return responses::status_only(StatusCode::BAD_GATEWAY);
    };
    let mut refusal = responses::empty(status);
    if !route.has_response {
        return refusal;
    }
    if let Some(kind) = response.header("Content-Type") {
        let Ok(kind) = HeaderValue::from_str(kind) else {
            return responses::status_only(StatusCode::BAD_GATEWAY);
        };
        refusal.headers_mut().insert(CONTENT_TYPE, kind);
    }
    *refusal.body_mut() = Full::new(response.body.clone().unwrap_or_default());
    refusal
}
