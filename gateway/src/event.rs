//! The events that functions get, in the shapes of API Gateway: what is absent there is absent here.

use std::time::SystemTime;

use serde_json::{Map, Value, json};

use crate::{api::Api, connections::ConnectionInfo, handshake::Upgrade, ids};

/// When an event happened, and its own ids.
pub(crate) struct Moment {
    pub(crate) at: SystemTime,
    pub(crate) request_id: String,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self {
            at: SystemTime::now(),
            request_id: ids::api_gateway_id(),
        }
    }
}

pub(crate) fn connect(api: &Api, connection: &ConnectionInfo, moment: &Moment, upgrade: &Upgrade) -> Vec<u8> {
    let mut event = Map::new();
    let (headers, multi) = maps(upgrade.headers.iter().filter(|(name, _)| !is_hop_by_hop(name)));
    event.insert("headers".into(), headers);
    event.insert("multiValueHeaders".into(), multi);
    if !upgrade.query.is_empty() {
        let (query, multi) = maps(&upgrade.query);
        event.insert("queryStringParameters".into(), query);
        event.insert("multiValueQueryStringParameters".into(), multi);
    }
    stage_variables(api, &mut event);
    event.insert(
        "requestContext".into(),
        context(api, connection, moment, "CONNECT", "$connect").into(),
    );
    event.insert("isBase64Encoded".into(), false.into());
    to_vec(event)
}

pub(crate) fn message(
    api: &Api,
    connection: &ConnectionInfo,
    moment: &Moment,
    route: &str,
    body: &str,
) -> Vec<u8> {
    let mut context = context(api, connection, moment, "MESSAGE", route);
    context.insert("messageId".into(), ids::api_gateway_id().into());
    let mut event = Map::new();
    stage_variables(api, &mut event);
    event.insert("requestContext".into(), context.into());
    event.insert("body".into(), body.into());
    event.insert("isBase64Encoded".into(), false.into());
    to_vec(event)
}

pub(crate) fn disconnect(
    api: &Api,
    connection: &ConnectionInfo,
    moment: &Moment,
    code: u16,
    reason: &str,
) -> Vec<u8> {
    let mut context = context(api, connection, moment, "DISCONNECT", "$disconnect");
    context.insert("disconnectStatusCode".into(), code.into());
    context.insert("disconnectReason".into(), reason.into());
    let mut event = Map::new();
    // What API Gateway sends with every DISCONNECT, empty values included.
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
    stage_variables(api, &mut event);
    event.insert("requestContext".into(), context.into());
    event.insert("isBase64Encoded".into(), false.into());
    to_vec(event)
}

/// What a REQUEST authorizer gets. Unlike the other events it has empty maps for what is absent, and the
/// hop-by-hop headers.
pub(crate) fn authorize(
    api: &Api,
    connection: &ConnectionInfo,
    moment: &Moment,
    upgrade: &Upgrade,
) -> Vec<u8> {
    let (headers, multi_headers) = maps(&upgrade.headers);
    let (query, multi_query) = maps(&upgrade.query);
    to_vec(json!({
        "type": "REQUEST",
        "methodArn": api.method_arn(),
        "headers": headers,
        "multiValueHeaders": multi_headers,
        "queryStringParameters": query,
        "multiValueQueryStringParameters": multi_query,
        "stageVariables": api.stage_variables,
        "requestContext": context(api, connection, moment, "CONNECT", "$connect"),
    }))
}

fn context(
    api: &Api,
    connection: &ConnectionInfo,
    moment: &Moment,
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
        "extendedRequestId": moment.request_id,
        "requestTime": ids::request_time(moment.at),
        "messageDirection": "IN",
        "stage": api.stage,
        "connectedAt": ids::millis(connection.connected_at),
        "requestTimeEpoch": ids::millis(moment.at),
        "identity": identity,
        "requestId": moment.request_id,
        "domainName": api.domain_name,
        "connectionId": &*connection.id,
        "apiId": api.id,
    });
    let Value::Object(mut context) = context else {
        unreachable!("the literal above is an object")
    };
    if let Some(authorizer) = &connection.authorizer {
        context.insert("authorizer".into(), authorizer.clone().into());
    }
    context
}

/// Each name with its last value, and each name with all its values.
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

fn stage_variables(api: &Api, event: &mut Map<String, Value>) {
    if !api.stage_variables.is_empty() {
        event.insert("stageVariables".into(), json!(api.stage_variables));
    }
}

/// CONNECT events lack them; the events of authorizers have them.
fn is_hop_by_hop(name: &str) -> bool {
    ["connection", "upgrade", "content-length"]
        .iter()
        .any(|hop| name.eq_ignore_ascii_case(hop))
}

fn to_vec(event: impl Into<Value>) -> Vec<u8> {
    event.into().to_string().into_bytes()
}
