//! The events that functions get, in the form of API Gateway. Members that are absent there are absent here.

use std::time::SystemTime;

use serde_json::{Map, Value, json};

use crate::{client_request::ClientRequest, connections::ConnectionInfo, ids, stage::Stage};

/// The time and the request id of an event.
pub(crate) struct RequestStamp {
    pub(crate) at: SystemTime,
    pub(crate) request_id: String,
}

impl RequestStamp {
    pub(crate) fn new(at: SystemTime) -> Self {
        Self {
            at,
            request_id: ids::api_gateway_id(),
        }
    }
}

/// Returns the event of the type `CONNECT`.
pub(crate) fn connect(
    stage: &Stage,
    connection: &ConnectionInfo,
    stamp: &RequestStamp,
    request: &ClientRequest,
) -> Vec<u8> {
    let mut event = Map::new();
    let (headers, multi) = maps(request.headers.iter().filter(|(name, _)| !is_hop_by_hop(name)));
    event.insert("headers".into(), headers);
    event.insert("multiValueHeaders".into(), multi);
    if !request.query.is_empty() {
        let (query, multi) = maps(&request.query);
        event.insert("queryStringParameters".into(), query);
        event.insert("multiValueQueryStringParameters".into(), multi);
    }
    stage_variables(stage, &mut event);
    event.insert(
        "requestContext".into(),
        context(stage, connection, stamp, "CONNECT", "$connect").into(),
    );
    event.insert("isBase64Encoded".into(), false.into());
    to_vec(event)
}

/// Returns the event of the type `MESSAGE`.
pub(crate) fn message(
    stage: &Stage,
    connection: &ConnectionInfo,
    stamp: &RequestStamp,
    route: &str,
    body: &str,
) -> Vec<u8> {
    let mut context = context(stage, connection, stamp, "MESSAGE", route);
    context.insert("messageId".into(), ids::api_gateway_id().into());
    let mut event = Map::new();
    stage_variables(stage, &mut event);
    event.insert("requestContext".into(), context.into());
    event.insert("body".into(), body.into());
    event.insert("isBase64Encoded".into(), false.into());
    to_vec(event)
}

/// Returns the event of the type `DISCONNECT`.
pub(crate) fn disconnect(
    stage: &Stage,
    connection: &ConnectionInfo,
    stamp: &RequestStamp,
    code: u16,
    reason: &str,
) -> Vec<u8> {
    let mut context = context(stage, connection, stamp, "DISCONNECT", "$disconnect");
    context.insert("disconnectStatusCode".into(), code.into());
    context.insert("disconnectReason".into(), reason.into());
    let mut event = Map::new();
    // API Gateway sends these with every DISCONNECT, empty values included.
    let headers = [
        ("Host", connection.host.as_str()),
        ("X-Forwarded-For", ""),
        ("x-api-key", ""),
        ("x-restapi", ""),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let (headers, multi) = maps(&headers);
    event.insert("headers".into(), headers);
    event.insert("multiValueHeaders".into(), multi);
    stage_variables(stage, &mut event);
    event.insert("requestContext".into(), context.into());
    event.insert("isBase64Encoded".into(), false.into());
    to_vec(event)
}

/// Returns the event of a REQUEST authorizer. Unlike the other events it has empty maps for what is absent, and the
/// hop-by-hop headers.
pub(crate) fn authorize(
    stage: &Stage,
    connection: &ConnectionInfo,
    stamp: &RequestStamp,
    request: &ClientRequest,
) -> Vec<u8> {
    let content_length = ("content-length".to_owned(), "0".to_owned());
    let headers = request
        .headers
        .iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
    let (headers, multi_headers) = maps(headers.chain([&content_length]));
    let (query, multi_query) = maps(&request.query);
    to_vec(json!({
        "type": "REQUEST",
        "methodArn": stage.method_arn(),
        "headers": headers,
        "multiValueHeaders": multi_headers,
        "queryStringParameters": query,
        "multiValueQueryStringParameters": multi_query,
        "stageVariables": stage.variables,
        "requestContext": context(stage, connection, stamp, "CONNECT", "$connect"),
    }))
}

fn context(
    stage: &Stage,
    connection: &ConnectionInfo,
    stamp: &RequestStamp,
    event_type: &str,
    route: &str,
) -> Map<String, Value> {
    let mut identity = Map::new();
    identity.insert("sourceIp".into(), connection.source_ip.to_string().into());
    if let Some(user_agent) = &connection.user_agent {
        identity.insert("userAgent".into(), user_agent.as_str().into());
    }
    let context = json!({
        "routeKey": route,
        "eventType": event_type,
        "extendedRequestId": stamp.request_id,
        "requestTime": ids::request_time(stamp.at),
        "messageDirection": "IN",
        "stage": stage.name,
        "connectedAt": ids::millis(connection.connected_at),
        "requestTimeEpoch": ids::millis(stamp.at),
        "identity": identity,
        "requestId": stamp.request_id,
        "domainName": stage.domain_name,
        "connectionId": &*connection.id,
        "apiId": stage.api_id,
    });
    let Value::Object(mut context) = context else {
        unreachable!("the literal above is an object")
    };
    if let Some(authorizer) = &connection.authorizer {
        context.insert("authorizer".into(), authorizer.clone().into());
    }
    context
}

/// Returns each name with its last value, and each name with all its values.
fn maps<'a>(pairs: impl IntoIterator<Item = &'a (String, String)>) -> (Value, Value) {
    let (mut single, mut multi) = (Map::new(), Map::new());
    for (name, value) in pairs {
        single.insert(name.clone(), value.as_str().into());
        if let Value::Array(values) = multi
            .entry(name.clone())
            .or_insert_with(|| Value::Array(Vec::new()))
        {
            values.push(value.as_str().into());
        }
    }
    (single.into(), multi.into())
}

fn stage_variables(stage: &Stage, event: &mut Map<String, Value>) {
    if !stage.variables.is_empty() {
        event.insert("stageVariables".into(), json!(stage.variables));
    }
}

/// Returns whether a header is absent from CONNECT events. The events of authorizers have all of them.
fn is_hop_by_hop(name: &str) -> bool {
    ["connection", "upgrade", "content-length"]
        .iter()
        .any(|hop| name.eq_ignore_ascii_case(hop))
}

fn to_vec(event: impl Into<Value>) -> Vec<u8> {
    // `to_string` goes through formatting, and was a tenth of what a message costs.
    serde_json::to_vec(&event.into()).expect("a JSON value has texts for keys")
}
