//! The events that functions get, member by member: what API Gateway sends, and nothing else.

#![allow(clippy::unwrap_used)]

mod common;

use common::{builder, connect, keys, send, try_connect};
use serde_json::{Value, json};

/// Members of `requestContext` in every event.
const CONTEXT: [&str; 13] = [
    "apiId",
    "connectedAt",
    "connectionId",
    "domainName",
    "eventType",
    "extendedRequestId",
    "identity",
    "messageDirection",
    "requestId",
    "requestTime",
    "requestTimeEpoch",
    "routeKey",
    "stage",
];

fn context_with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut all = [CONTEXT.as_slice(), more].concat();
    all.sort_unstable();
    all
}

#[tokio::test]
async fn a_connect_event_has_headers_and_the_context_and_no_body() {
    let (builder, mut log) = builder();
    let gateway = builder.start().await.unwrap();
    let _client = connect(&gateway).await;
    let event = log.event().await;

    assert_eq!(
        keys(&event),
        [
            "headers",
            "isBase64Encoded",
            "multiValueHeaders",
            "requestContext"
        ]
    );
    assert_eq!(event["isBase64Encoded"], false);
    assert_eq!(
        keys(&event["headers"]),
        [
            "Host",
            "Sec-WebSocket-Key",
            "Sec-WebSocket-Version",
            "X-Amzn-Trace-Id",
            "X-Forwarded-For",
            "X-Forwarded-Port",
            "X-Forwarded-Proto",
        ]
    );
    assert_eq!(event["headers"]["Host"], gateway.local_addr().to_string());
    assert_eq!(event["headers"]["Sec-WebSocket-Version"], "13");
    assert_eq!(event["headers"]["X-Forwarded-For"], "127.0.0.1");
    assert_eq!(
        event["headers"]["X-Forwarded-Port"],
        gateway.local_addr().port().to_string()
    );
    for (name, value) in event["headers"].as_object().unwrap() {
        assert_eq!(event["multiValueHeaders"][name], json!([value]), "{name}");
    }

    let context = &event["requestContext"];
    assert_eq!(keys(context), CONTEXT);
    assert_eq!(context["routeKey"], "$connect");
    assert_eq!(context["eventType"], "CONNECT");
    assert_eq!(context["messageDirection"], "IN");
    assert_eq!(context["stage"], "dev");
    assert_eq!(context["apiId"], "local");
    assert_eq!(context["domainName"], gateway.local_addr().to_string());
    assert_eq!(
        context["identity"],
        json!({"sourceIp": "127.0.0.1"}),
        "a client without a User-Agent"
    );
    assert_eq!(context["requestId"], context["extendedRequestId"]);
    assert_eq!(context["connectedAt"], context["requestTimeEpoch"]);
    let id = context["connectionId"].as_str().unwrap();
    assert!(id.len() == 16 && id.ends_with('='), "{id}");
    let epoch = context["requestTimeEpoch"].as_u64().unwrap();
    assert!(epoch > 1_700_000_000_000, "milliseconds: {epoch}");
    let time = context["requestTime"].as_str().unwrap();
    assert!(time.len() == 26 && time.ends_with(" +0000"), "{time}");
}

#[tokio::test]
async fn a_connect_event_shows_what_the_client_sent_as_it_sent_it() {
    let (builder, mut log) = builder();
    let gateway = builder.stage_variable("tier", "gold").start().await.unwrap();
    let headers = [
        ("user-agent", "tester/1"),
        ("x-twice", "one"),
        ("x-twice", "two"),
        ("x-forwarded-for", "203.0.113.9"),
        ("sec-websocket-extensions", "permessage-deflate"),
        ("sec-websocket-protocol", "room-auth, x"),
    ];
    let suffix = "?protocol=room-auth&token=a%20b&token=c%2Bd&e=f+g&empty=&alone";
    let _client = try_connect(&gateway, suffix, &headers).await.unwrap();
    let event = log.event().await;

    // tungstenite writes the names of its own headers as they are usual, and ours in lower case.
    assert_eq!(event["headers"]["user-agent"], "tester/1");
    assert_eq!(event["headers"]["x-twice"], "two");
    assert_eq!(event["multiValueHeaders"]["x-twice"], json!(["one", "two"]));
    assert_eq!(event["headers"]["X-Forwarded-For"], "203.0.113.9, 127.0.0.1");
    assert_eq!(event["headers"]["sec-websocket-extensions"], "permessage-deflate");
    assert_eq!(event["headers"]["x-forwarded-for"], Value::Null);
    assert_eq!(event["headers"]["Upgrade"], Value::Null);
    assert_eq!(event["headers"]["Connection"], Value::Null);

    assert_eq!(
        event["queryStringParameters"],
        json!({"protocol": "room-auth", "token": "c+d", "e": "f g", "empty": "", "alone": ""})
    );
    assert_eq!(
        event["multiValueQueryStringParameters"],
        json!({"protocol": ["room-auth"], "token": ["a b", "c+d"], "e": ["f g"], "empty": [""], "alone": [""]})
    );
    assert_eq!(event["stageVariables"], json!({"tier": "gold"}));
    assert_eq!(
        event["requestContext"]["identity"],
        json!({"sourceIp": "127.0.0.1", "userAgent": "tester/1"})
    );
}

#[tokio::test]
async fn a_message_event_has_a_body_and_neither_headers_nor_a_query() {
    let (builder, mut log) = builder();
    let gateway = builder
        .api_id("abc123")
        .domain_name("abc123.example")
        .start()
        .await
        .unwrap();
    let (mut client, _) = try_connect(&gateway, "?token=x", &[("user-agent", "tester/1")])
        .await
        .unwrap();
    let connected = log.event().await;
    send(&mut client, "hé \"quoted\" \u{1F600}").await;
    let event = log.event().await;

    assert_eq!(keys(&event), ["body", "isBase64Encoded", "requestContext"]);
    assert_eq!(event["body"], "hé \"quoted\" \u{1F600}");
    assert_eq!(event["isBase64Encoded"], false);
    let (context, before) = (&event["requestContext"], &connected["requestContext"]);
    assert_eq!(keys(context), context_with(&["messageId"]));
    assert_eq!(context["routeKey"], "$default");
    assert_eq!(context["eventType"], "MESSAGE");
    assert_eq!(context["apiId"], "abc123");
    assert_eq!(context["domainName"], "abc123.example");
    for same in [
        "connectionId",
        "connectedAt",
        "identity",
        "stage",
        "apiId",
        "domainName",
    ] {
        assert_eq!(context[same], before[same], "{same}");
    }
    assert_ne!(context["requestId"], before["requestId"]);
    assert_ne!(context["messageId"], context["requestId"]);
    assert_eq!(context["messageId"].as_str().unwrap().len(), 16);
}

#[tokio::test]
async fn a_disconnect_event_says_how_the_connection_ended() {
    let (builder, mut log) = builder();
    let gateway = builder.start().await.unwrap();
    let mut client = connect(&gateway).await;
    let connected = log.event().await;
    client.close(None).await.unwrap();
    let event = log.event().await;

    assert_eq!(
        keys(&event),
        [
            "headers",
            "isBase64Encoded",
            "multiValueHeaders",
            "requestContext"
        ]
    );
    let host = gateway.local_addr().to_string();
    assert_eq!(
        event["headers"],
        json!({"Host": host, "X-Forwarded-For": "", "x-api-key": "", "x-restapi": ""})
    );
    assert_eq!(event["multiValueHeaders"]["Host"], json!([host]));
    let context = &event["requestContext"];
    assert_eq!(
        keys(context),
        context_with(&["disconnectReason", "disconnectStatusCode"])
    );
    assert_eq!(context["routeKey"], "$disconnect");
    assert_eq!(context["eventType"], "DISCONNECT");
    assert_eq!(context["disconnectStatusCode"], 1005);
    assert_eq!(
        context["disconnectReason"],
        "Client-side close frame status not set"
    );
    assert_eq!(
        context["connectionId"],
        connected["requestContext"]["connectionId"]
    );
    assert_eq!(context["connectedAt"], connected["requestContext"]["connectedAt"]);
}

#[tokio::test]
async fn a_connection_that_breaks_ends_with_1006() {
    let (builder, mut log) = builder();
    let gateway = builder.start().await.unwrap();
    let client = connect(&gateway).await;
    log.event().await;
    drop(client);
    let context = &log.event().await["requestContext"];
    assert_eq!(context["eventType"], "DISCONNECT");
    assert_eq!(context["disconnectStatusCode"], 1006);
}
