//! A real client, the gateway, a real function: connections, messages and their ends.

#![allow(clippy::unwrap_used)]

mod common;

use common::{call_with, closed, connect, connect_known, gateway, receive_json, refused, send, try_connect};
use futures_util::SinkExt;
use room_auth_gateway::{Gateway, LogSink};
use serde_json::json;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

const UPGRADE: [(&str, &str); 4] = [
    ("connection", "keep-alive, Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

#[tokio::test]
async fn a_client_connects_speaks_and_leaves() {
    let (gateway, mut log) = gateway().await;
    let (mut client, id) = connect_known(&gateway, &mut log).await;
    assert_eq!(gateway.connection_ids(), [id.as_str().into()]);

    send(&mut client, r#"{"action":"echo","do":"echo"}"#).await;
    assert_eq!(
        receive_json(&mut client).await,
        json!({"action": "echo", "do": "echo"})
    );
    let event = log.event().await;
    assert_eq!(event["requestContext"]["routeKey"], "echo");
    assert_eq!(event["requestContext"]["connectionId"], id.as_str());

    let frame = CloseFrame {
        code: CloseCode::Normal,
        reason: "bye".into(),
    };
    client.close(Some(frame.clone())).await.unwrap();
    assert_eq!(closed(&mut client).await, frame, "the closing handshake");
    let context = &log.event().await["requestContext"];
    assert_eq!(context["eventType"], "DISCONNECT");
    assert_eq!(context["disconnectStatusCode"], 1000);
    assert_eq!(context["disconnectReason"], "bye");
    assert_eq!(gateway.connection_count(), 0);
    gateway.shutdown().await;
}

#[tokio::test]
async fn a_refused_handshake_has_the_status_of_the_function_and_no_body() {
    let (gateway, mut log) = gateway().await;
    for status in [400, 401, 403, 418, 500, 503, 302] {
        let suffix = format!("?do=refuse&status={status}&body=no{status}");
        // D, P: without a route response the function's answer stays where it is, but for its status.
        assert_eq!(refused(&gateway, &suffix, &[]).await, (status, String::new()));
        assert_eq!(log.event().await["requestContext"]["eventType"], "CONNECT");
    }
    assert_eq!(gateway.connection_count(), 0);
    connect(&gateway).await;
    let events =
        [log.event().await, log.event().await].map(|event| event["requestContext"]["eventType"].clone());
    // The refused ones were never connected, and so nobody hears that they have gone.
    assert_eq!(events, ["CONNECT", "DISCONNECT"]);
}

#[tokio::test]
async fn the_body_of_a_refused_handshake_is_passed_on_with_a_route_response_and_no_header_but_its_type() {
    let refusal = "/dev?do=refuse&status=401&body=no";
    let (plain, _log) = gateway().await;
    let answer = call_with(&plain, "GET", refusal, &UPGRADE, "").await;
    assert_eq!((answer.status, answer.body.as_str()), (401, ""));
    assert_eq!(
        (answer.header("content-type"), answer.header("x-other")),
        (None, None)
    );
    assert!(answer.header("x-amzn-requestid").is_some());

    let two_way = Gateway::builder()
        .function("scripted", common::function().logs(LogSink::discard()))
        .route_with_response("$connect", "scripted");
    let two_way = two_way.start().await.unwrap();
    let answer = call_with(&two_way, "GET", refusal, &UPGRADE, "").await;
    assert_eq!((answer.status, answer.body.as_str()), (401, "no"));
    assert_eq!(
        (answer.header("content-type"), answer.header("x-other")),
        (Some("text/plain"), None)
    );
    assert!(answer.header("x-amzn-requestid").is_some());
    let accepted = try_connect(&two_way, "", &[]).await;
    accepted.unwrap();
}

#[tokio::test]
async fn the_subprotocol_is_the_one_that_the_function_answers_and_none_otherwise() {
    let (gateway, _log) = gateway().await;
    let offer = [("sec-websocket-protocol", "room-auth, secret")];
    let (_client, response) = try_connect(&gateway, "?protocol=room-auth", &offer)
        .await
        .unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "room-auth");
    // By hand, as the client's library takes no answer without a subprotocol if it offered some.
    let headers = [offer.as_slice(), &UPGRADE].concat();
    let answer = call_with(&gateway, "GET", "/dev", &headers, "").await;
    assert_eq!(
        (answer.status, answer.header("sec-websocket-protocol")),
        (101, None)
    );
    let answer = call_with(&gateway, "GET", "/dev?protocol=other", &UPGRADE, "").await;
    assert_eq!(
        (answer.status, answer.header("sec-websocket-protocol")),
        (101, Some("other"))
    );
    let answer = call_with(&gateway, "GET", "/dev?protocol=a%0Ab", &UPGRADE, "").await;
    assert_eq!(answer.status, 502, "no header value");
}

#[tokio::test]
async fn binary_frames_close_the_connection_with_1003() {
    let (gateway, mut log) = gateway().await;
    let (mut client, _) = connect_known(&gateway, &mut log).await;
    client.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(u16::from(closed(&mut client).await.code), 1003);
    assert_eq!(log.event().await["requestContext"]["disconnectStatusCode"], 1003);
}
