//! Every field of a realistic event, deleted, null, and of every other type.

use aws_lambda_events::apigw::ApiGatewayWebsocketProxyRequest;
use room_auth_forge::fixture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::harness::{Behind, Outcome, authenticator, good};

/// What an event is recognized by: nothing is let through without each of these.
const DECIDING: [&str; 5] = [
    "",
    "/requestContext",
    "/requestContext/eventType",
    "/requestContext/routeKey",
    "/requestContext/connectionId",
];

/// Which may be absent, but not of another type.
const MAPS: [&str; 4] = [
    "/headers",
    "/multiValueHeaders",
    "/queryStringParameters",
    "/multiValueQueryStringParameters",
];

struct Change {
    name: String,
    pointer: String,
    kind: &'static str,
    event: Value,
}

/// Deletes and replaces each value of `event`, one at a time.
fn changes(event: &Value) -> Vec<Change> {
    let mut pointers = Vec::new();
    collect(event, String::new(), &mut pointers);
    let mut changes = Vec::new();
    for pointer in pointers {
        if let Some(event) = without(event, &pointer) {
            changes.push(change("deleted", &pointer, event));
        }
        let found = event.pointer(&pointer).unwrap();
        for (kind, other) in [
            ("null", Value::Null),
            ("bool", json!(true)),
            ("number", json!(7)),
            ("string", json!("a text")),
            ("array", json!([])),
            ("array of one", json!(["a text"])),
            ("object", json!({})),
        ] {
            if std::mem::discriminant(found) == std::mem::discriminant(&other) {
                continue;
            }
            let mut event = event.clone();
            *event.pointer_mut(&pointer).unwrap() = other;
            changes.push(change(kind, &pointer, event));
        }
    }
    changes
}

fn change(kind: &'static str, pointer: &str, event: Value) -> Change {
    Change {
        name: format!("{pointer:?} {kind}"),
        pointer: pointer.to_owned(),
        kind,
        event,
    }
}

fn collect(value: &Value, pointer: String, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                collect(value, format!("{pointer}/{name}"), into);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                collect(value, format!("{pointer}/{index}"), into);
            }
        }
        _ => {}
    }
    into.push(pointer);
}

fn without(event: &Value, pointer: &str) -> Option<Value> {
    let (parent, name) = pointer.rsplit_once('/')?;
    let mut event = event.clone();
    match event.pointer_mut(parent)? {
        Value::Object(members) => members.remove(name)?,
        Value::Array(items) => items.remove(name.parse().ok()?),
        _ => return None,
    };
    Some(event)
}

/// `None`: accepted.
fn reason_to_refuse(change: &Change) -> Option<&'static str> {
    let absent = ["deleted", "null"].contains(&change.kind);
    let tolerated = match change.pointer.as_str() {
        pointer if DECIDING.contains(&pointer) => false,
        pointer if MAPS.contains(&pointer) => absent,
        // The other map holds the token too; a list without a value contradicts it.
        "/headers/Authorization" | "/multiValueHeaders/Authorization" => change.kind == "deleted",
        "/multiValueHeaders/Authorization/0" => false,
        _ => true,
    };
    (!tolerated).then_some("event")
}

async fn outcomes<E: DeserializeOwned + Serialize + 'static>(mut judge: impl FnMut(&Change, &Outcome)) {
    let mut behind = Behind::<E>::new(&authenticator());
    let changes = changes(&good());
    assert!(changes.len() > 350, "only {} changes", changes.len());
    for change in &changes {
        let outcome = behind.send(&change.event.to_string()).await.unwrap();
        judge(change, &outcome);
        behind.assert_still_serves(&change.name).await;
    }
}

#[tokio::test]
async fn what_decides_must_be_there_and_of_its_type_and_nothing_else_matters() {
    outcomes::<Value>(|change, outcome| match reason_to_refuse(change) {
        Some(reason) => outcome.assert_refused(&change.name, reason),
        None => outcome.assert_accepted(&change.name),
    })
    .await;
}

#[tokio::test]
async fn a_strict_type_of_the_handler_fails_closed() {
    let mut failed = 0;
    outcomes::<ApiGatewayWebsocketProxyRequest>(|change, outcome| match reason_to_refuse(change) {
        Some(reason) => outcome.assert_refused(&change.name, reason),
        None if outcome.status() == 500 => {
            outcome.assert_failed(&change.name, "payload");
            failed += 1;
        }
        None => outcome.assert_accepted(&change.name),
    })
    .await;
    assert!(failed > 50, "the type is not strict: {failed} failures");
}

#[tokio::test]
async fn later_routes_fail_while_no_source_of_claims_is_configured() {
    let mut behind = Behind::<Value>::new(&authenticator());
    for name in ["message", "disconnect"] {
        let mut event: Value = serde_json::from_str(&fixture::text(&format!("events/{name}.json"))).unwrap();
        let outcome = behind.send(&event.to_string()).await.unwrap();
        outcome.assert_failed(name, "no_claims_source");
        // A token does not help: it is looked for at CONNECT only.
        event["headers"] = good()["headers"].clone();
        let outcome = behind.send(&event.to_string()).await.unwrap();
        outcome.assert_failed(name, "no_claims_source");
        behind.assert_still_serves(name).await;
    }
}

#[tokio::test]
async fn an_event_type_belongs_to_its_route() {
    let mut behind = Behind::<Value>::new(&authenticator());
    let rows = [
        ("CONNECT", "$default"),
        ("CONNECT", "$disconnect"),
        ("CONNECT", "$Connect"),
        ("CONNECT", ""),
        ("MESSAGE", "$connect"),
        ("MESSAGE", "$disconnect"),
        ("DISCONNECT", "$connect"),
        ("DISCONNECT", "send"),
        ("connect", "$connect"),
        ("CONNECTED", "$connect"),
        ("CONNECT ", "$connect"),
        ("CONNECT\0", "$connect"),
        ("", "$connect"),
        ("MESSAGE", "with\na line end"),
        ("MESSAGE", &"x".repeat(129)),
    ];
    for (event_type, route) in rows {
        let mut event = good();
        event["requestContext"]["eventType"] = json!(event_type);
        event["requestContext"]["routeKey"] = json!(route);
        let name = format!("{event_type:?} on {route:?}");
        let outcome = behind.send(&event.to_string()).await.unwrap();
        outcome.assert_refused(&name, "event");
        behind.assert_still_serves(&name).await;
    }
}

#[tokio::test]
async fn a_connection_id_has_the_alphabet_of_base64() {
    let mut behind = Behind::<Value>::new(&authenticator());
    for id in [
        "",
        " ",
        "a b",
        "a/../b",
        "a#b",
        "a\nb",
        "ä",
        "a\0",
        "<script>",
        &"x".repeat(129),
    ] {
        let mut event = good();
        event["requestContext"]["connectionId"] = json!(id);
        let outcome = behind.send(&event.to_string()).await.unwrap();
        // Slashes are of the alphabet, dots are not.
        outcome.assert_refused(&format!("{id:?}"), "event");
        behind.assert_still_serves(id).await;
    }
}
