//! The inspector: what it shows, and what it does.

#![allow(clippy::unwrap_used)]

mod client;
#[path = "../common/mod.rs"]
mod common;
mod guard;

use client::{JSON, address_of, count, find, inspected, post, stream};
use common::{builder, call, call_at, connect_known, path_of, receive, refused, send, try_connect};
use room_auth_gateway::IdentitySources;
use serde_json::{Value, json};

#[tokio::test]
async fn a_gateway_without_an_inspector_has_none() {
    let (gateway, _log) = common::gateway().await;
    assert_eq!(gateway.inspector_url(), None);
    assert_eq!(call(&gateway, "GET", "/api/state", "").await.status, 403);
}

#[tokio::test]
async fn a_connection_is_shown_with_its_events_and_answers() {
    let (gateway, mut log, address) = inspected().await;
    let (mut client, id) = connect_known(&gateway, &mut log).await;
    send(&mut client, r#"{"action":"echo","do":"echo"}"#).await;
    receive(&mut client).await;
    call(&gateway, "POST", &path_of(&id), "posted").await;
    receive(&mut client).await;

    let state = call_at(address, "GET", "/api/state", &[], "").await.json();
    assert_eq!(
        (&state["url"], &state["open"]),
        (&json!(gateway.websocket_url()), &json!(1))
    );
    assert_eq!(state["connections"][0]["id"], *id);
    assert_eq!(state["functions"], json!(["scripted"]));

    let (_, entries) = stream(address, |entries| count(entries, "message_out") == 2).await;
    let answered = find(&entries, "handshake_answered").unwrap();
    assert_eq!(
        (&answered["connection"], &answered["status"]),
        (&json!(id), &json!(101))
    );
    let invoked = entries
        .iter()
        .find(|entry| entry["route"] == "echo" && entry["kind"] == "invoked")
        .unwrap();
    let event: Value = serde_json::from_str(invoked["event"]["text"].as_str().unwrap()).unwrap();
    assert_eq!(event["requestContext"]["connectionId"], *id);
    let answer = entries.iter().rfind(|entry| entry["kind"] == "answered").unwrap();
    assert_eq!(
        (&answer["status"], &answer["request_id"]),
        (&json!(200), &invoked["request_id"])
    );
    let posted = find(&entries, "management_call").unwrap();
    assert_eq!(
        (&posted["operation"], &posted["posted"]["text"]),
        (&json!("post"), &json!("posted"))
    );
    assert!(entries.is_sorted_by_key(|entry| entry["number"].as_u64()));
}

#[tokio::test]
async fn the_reason_of_a_refusal_is_shown() {
    let (builder, _log) = builder();
    let gateway = builder
        .function("gate", common::function())
        .authorizer("gate", IdentitySources::new().query("auth"))
        .inspect(0)
        .start()
        .await
        .unwrap();
    let address = address_of(&gateway);
    assert_eq!(refused(&gateway, "", &[]).await.0, 401);
    let unusable = "?auth=%7B%22do%22:%22answer%22,%22with%22:%22%7B%7D%22%7D";
    assert_eq!(refused(&gateway, unusable, &[]).await.0, 500);
    let (_, entries) = stream(address, |entries| count(entries, "handshake_answered") == 2).await;
    let decided: Vec<&Value> = entries
        .iter()
        .filter(|entry| entry["kind"] == "decided")
        .collect();
    assert_eq!(decided[0]["decision"], "no_identity");
    assert_eq!(decided[1]["decision"], "failed");
    let reason = decided[1]["reason"].as_str().unwrap();
    assert!(reason.ends_with("it has no `policyDocument`"), "{reason}");
}

#[tokio::test]
async fn an_event_is_given_to_its_function_again_exactly_as_it_was() {
    let (gateway, mut log, address) = inspected().await;
    let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";
    let (_client, _) = try_connect(&gateway, &format!("?token={token}"), &[])
        .await
        .unwrap();
    let event = log.event().await;
    assert_eq!(event["queryStringParameters"]["token"], token);
    let (_, entries) = stream(address, |entries| find(entries, "invoked").is_some()).await;
    let entry = &find(&entries, "invoked").unwrap()["number"];

    let answer = post(address, "/api/resend", &[JSON], &json!({ "entry": entry })).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert_eq!(log.event().await, event);
    let request_id = &answer.json()["request_id"];
    let (_, entries) = stream(address, |entries| count(entries, "answered") == 2).await;
    let again = entries.iter().rfind(|entry| entry["kind"] == "invoked").unwrap();
    assert_eq!(
        (&again["request_id"], &again["resent"]),
        (request_id, &json!(true))
    );
    let answered = entries.iter().rfind(|entry| entry["kind"] == "answered").unwrap();
    assert_eq!(
        (&answered["request_id"], &answered["status"]),
        (request_id, &json!(200))
    );
}

#[tokio::test]
async fn faults_are_injected_as_they_are_ordered() {
    let (gateway, mut log, address) = inspected().await;
    let (_client, id) = connect_known(&gateway, &mut log).await;
    let table = [
        (json!({ "fault": "throttle_posts", "times": 1 }), [429, 200]),
        (json!({ "fault": "deny_posts", "times": 1 }), [403, 200]),
        (
            json!({ "fault": "throttle_posts_to", "connection": id, "times": 2 }),
            [429, 429],
        ),
        (json!({ "fault": "gone", "connection": id }), [410, 410]),
    ];
    for (order, expected) in table {
        let answer = post(address, "/api/fault", &[JSON], &order).await;
        assert_eq!(answer.status, 200, "{order}: {}", answer.body);
        for status in expected {
            assert_eq!(
                call(&gateway, "POST", &path_of(&id), "x").await.status,
                status,
                "{order}"
            );
        }
    }
    let order = json!({ "fault": "error", "function": "scripted", "times": 1 });
    post(address, "/api/fault", &[JSON], &order).await;
    assert_eq!(refused(&gateway, "", &[]).await.0, 502);
    let (_, entries) = stream(address, |entries| count(entries, "fault") == 5).await;
    assert_eq!(
        find(&entries, "fault").unwrap()["order"]["fault"],
        "throttle_posts"
    );
}

#[tokio::test]
async fn an_order_that_makes_no_sense_is_refused_with_a_reason() {
    let (_gateway, _log, address) = inspected().await;
    let table = [
        ("/api/fault", json!({}), 400, "missing field `fault`"),
        ("/api/fault", json!({ "fault": "flood" }), 400, "unknown variant"),
        (
            "/api/fault",
            json!({ "fault": "gone" }),
            400,
            "needs the member connection",
        ),
        (
            "/api/fault",
            json!({ "fault": "throttle_posts" }),
            400,
            "needs the member times",
        ),
        (
            "/api/fault",
            json!({ "fault": "gone", "connection": "a" }),
            404,
            "no such open connection",
        ),
        (
            "/api/fault",
            json!({ "fault": "kill", "function": "a" }),
            404,
            "no such function",
        ),
        (
            "/api/fault",
            json!({ "fault": "gone", "x": 1 }),
            400,
            "unknown field",
        ),
        (
            "/api/fault",
            json!({ "fault": "x".repeat(20_000) }),
            413,
            "too large",
        ),
        ("/api/resend", json!({ "entry": 1 }), 404, "is not kept"),
        ("/api/resend", json!({ "entry": "1" }), 400, "invalid type"),
    ];
    for (path, order, status, reason) in table {
        let answer = post(address, path, &[JSON], &order).await;
        assert_eq!(answer.status, status, "{path} {order}");
        assert!(answer.body.contains(reason), "{path} {order}: {}", answer.body);
    }
    for (method, path) in [
        ("GET", "/api/resend"),
        ("PUT", "/api/fault"),
        ("POST", "/api/state"),
        ("POST", "/"),
    ] {
        assert_eq!(
            call_at(address, method, path, &[JSON], "{}").await.status,
            405,
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn the_page_ends_with_the_gateway() {
    let (gateway, _log, address) = inspected().await;
    stream(address, |_| true).await;
    gateway.shutdown().await;
    // Another test may get the port meanwhile, and gives it back.
    common::eventually(|| std::net::TcpStream::connect(address).is_err()).await;
}
