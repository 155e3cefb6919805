//! The inspector: what it shows, what it does, and for whom.

#![allow(clippy::unwrap_used)]

mod common;

use std::net::SocketAddr;

use common::{
    Answer, Log, PATIENCE, builder, call, call_at, connect_known, path_of, receive, refused, send,
    try_connect,
};
use http_body_util::{BodyExt, Empty};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use room_auth_gateway::{Gateway, IdentitySources};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};

/// Who asks, with which headers, and the status of the refusal.
type Stranger<'a> = (&'a str, &'a [(&'a str, &'a str)], u16);

const JSON: (&str, &str) = ("content-type", "application/json");
const FILES: [&str; 7] = [
    "/",
    "/style.css",
    "/inspector.js",
    "/model.js",
    "/details.js",
    "/faults.js",
    "/dom.js",
];

async fn inspected() -> (Gateway, Log, SocketAddr) {
    let (builder, log) = builder();
    let gateway = builder.inspect(0).start().await.unwrap();
    let address = address_of(&gateway);
    (gateway, log, address)
}

fn address_of(gateway: &Gateway) -> SocketAddr {
    let url = gateway.inspector_url().unwrap();
    let address = url.strip_prefix("http://").unwrap().trim_end_matches('/');
    address.parse().unwrap()
}

async fn post(address: SocketAddr, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    call_at(address, "POST", path, headers, body.to_string()).await
}

/// Reads the event stream from its beginning until `is_enough`: its text, and its entries.
async fn stream(address: SocketAddr, is_enough: impl Fn(&[Value]) -> bool) -> (String, Vec<Value>) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("/api/events").header("Host", address.to_string());
    let response = sender
        .send_request(request.body(Empty::<Bytes>::new()).unwrap())
        .await
        .unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let mut text = String::new();
    let reading = async {
        loop {
            let entries: Vec<Value> = text
                .lines()
                .filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok())
                .collect();
            if is_enough(&entries) {
                return entries;
            }
            let frame = body.frame().await.expect("more events").unwrap();
            text.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
        }
    };
    let entries = timeout(PATIENCE, reading)
        .await
        .expect("what is waited for happens");
    (text, entries)
}

/// The first entry of this kind.
fn find<'a>(entries: &'a [Value], kind: &str) -> Option<&'a Value> {
    entries.iter().find(|entry| entry["kind"] == kind)
}

fn count(entries: &[Value], kind: &str) -> usize {
    entries.iter().filter(|entry| entry["kind"] == kind).count()
}

#[tokio::test]
async fn everything_comes_with_a_strict_policy_and_from_loopback() {
    let (_gateway, _log, address) = inspected().await;
    assert!(address.ip().is_loopback());
    for path in FILES.iter().chain(&["/api/state", "/nothing"]) {
        let answer = call_at(address, "GET", path, &[], "").await;
        assert_eq!(
            answer.status,
            if *path == "/nothing" { 404 } else { 200 },
            "{path}"
        );
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy
                .starts_with("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; ")
                && policy.ends_with("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
    }
    let page = call_at(address, "GET", "/", &[], "").await.body;
    assert!(!page.contains("<style") && !page.contains("style="), "{page}");
    let scripts = [
        page.matches("<script").count(),
        page.matches("<script type=\"module\" src=\"/").count(),
    ];
    assert_eq!(scripts, [1, 1], "{page}");
}

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
async fn what_does_not_come_from_the_own_page_resends_nothing_orders_nothing_and_learns_nothing() {
    let (gateway, mut log, address) = inspected().await;
    let (_client, id) = connect_known(&gateway, &mut log).await;
    let (_, entries) = stream(address, |entries| find(entries, "invoked").is_some()).await;
    let resend = json!({ "entry": find(&entries, "invoked").unwrap()["number"] });
    let fault = json!({ "fault": "gone", "connection": id });
    let own = address.to_string();
    let strangers: [Stranger<'_>; 8] = [
        ("DNS rebinding", &[("host", "evil.example"), JSON], 403),
        (
            "rebinding with its port",
            &[("host", "evil.example:3002"), JSON],
            403,
        ),
        ("another site", &[("origin", "https://evil.example"), JSON], 403),
        ("another port", &[("origin", "http://127.0.0.1:1"), JSON], 403),
        ("a sandbox", &[("origin", "null"), JSON], 403),
        ("no origin", &[("sec-fetch-site", "cross-site"), JSON], 403),
        ("a form", &[("content-type", "text/plain")], 415),
        ("no type", &[], 415),
    ];
    for (stranger, headers, status) in strangers {
        for (path, order) in [("/api/resend", &resend), ("/api/fault", &fault)] {
            let answer = post(address, path, headers, order).await;
            assert_eq!(answer.status, status, "{stranger}: {path}");
            assert!(!answer.body.contains(&id), "{stranger}: {path}");
        }
        if status == 403 {
            for path in ["/api/state", "/api/events"] {
                let answer = call_at(address, "GET", path, headers, "").await;
                assert_eq!(answer.status, 403, "{stranger}: {path}");
                assert!(!answer.body.contains(&id), "{stranger}: {path}");
            }
        }
    }
    for path in FILES {
        assert_eq!(
            call_at(address, "GET", path, &[("host", "evil.example")], "")
                .await
                .status,
            403,
            "{path}"
        );
    }
    assert_eq!(
        log.events_so_far(),
        [] as [Value; 0],
        "the function was not called"
    );
    let posted = call(&gateway, "POST", &path_of(&id), "x").await;
    assert_eq!(posted.status, 200, "no fault was injected");

    let origin = format!("http://{own}");
    let headers = [
        ("origin", origin.as_str()),
        ("sec-fetch-site", "same-origin"),
        JSON,
    ];
    assert_eq!(
        post(address, "/api/resend", &headers, &resend).await.status,
        202,
        "its own page may"
    );
    log.event().await;
}

#[tokio::test]
async fn no_byte_of_any_response_is_of_a_token() {
    let (gateway, mut log, address) = inspected().await;
    let token = |part: &str| format!("eyJhbGciOiJub25lIn0.{part}.c2lnbmF0dXJl{part}");
    let [query, bearer, protocol, frame, posted, told] =
        ["Query", "Bearer", "Protocol", "Frame", "Posted", "Told"]
            .map(|part| token(&format!("TOPSECRET{part}")));
    // The client expects one of its protocols. What is neither in a secret's place nor of a token's form is shown.
    let suffix = "&access_token=TOPSECRETopaque&protocol=room-auth&plain=shown";
    let suffix = format!("?token={}{suffix}", query.replace('.', "%2E"));
    let headers = [
        ("authorization", format!("Bearer {bearer}")),
        ("cookie", "session=TOPSECRETcookie".to_owned()),
        ("sec-websocket-protocol", format!("room-auth, {protocol}")),
    ];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (mut client, _) = try_connect(&gateway, &suffix, &headers).await.unwrap();
    let event = log.event().await;
    assert_eq!(
        event["headers"]["cookie"], "session=TOPSECRETcookie",
        "the function gets all of it"
    );
    let id = event["requestContext"]["connectionId"]
        .as_str()
        .unwrap()
        .to_owned();
    let message =
        json!({ "action": "echo", "do": "echo", "token": frame, "text": format!("it is {frame}.") });
    send(&mut client, message.to_string()).await;
    assert_eq!(common::receive_json(&mut client).await["token"], *frame);
    call(&gateway, "POST", &path_of(&id), format!("a {posted}")).await;
    receive(&mut client).await;
    call(&gateway, "POST", &path_of(&posted), posted.clone()).await;
    let failing = json!({ "do": "fail", "message": format!("bad token {told}") });
    send(&mut client, failing.to_string()).await;
    receive(&mut client).await;

    let (text, entries) = stream(address, |entries| {
        count(entries, "answered") == 3 && count(entries, "message_out") == 3 && count(entries, "log") >= 3
    })
    .await;
    let number = &find(&entries, "invoked").unwrap()["number"];
    let mut texts = vec![text.clone()];
    texts.push(call_at(address, "GET", "/api/state", &[], "").await.body);
    texts.push(
        post(address, "/api/resend", &[JSON], &json!({ "entry": number }))
            .await
            .body,
    );
    for order in [
        json!({ "fault": frame }),
        json!({ "fault": "gone", "connection": frame }),
        json!({ "fault": "deny_posts", "times": 1, "connection": frame }),
    ] {
        texts.push(post(address, "/api/fault", &[JSON], &order).await.body);
    }
    texts.push(
        stream(address, |entries| {
            count(entries, "answered") == 4 && count(entries, "fault") == 1
        })
        .await
        .0,
    );
    for text in &texts {
        assert!(!text.contains("TOPSECRET"), "{text}");
    }
    assert!(
        text.contains("plain=shown") && text.contains("it is {token-"),
        "{text}"
    );
    let handshake = find(&entries, "handshake").unwrap();
    assert!(
        handshake["uri"].as_str().unwrap().contains("token={token-1}&"),
        "{handshake}"
    );
}

#[tokio::test]
async fn the_page_ends_with_the_gateway() {
    let (gateway, _log, address) = inspected().await;
    stream(address, |_| true).await;
    gateway.shutdown().await;
    assert!(TcpStream::connect(address).await.is_err());
}
