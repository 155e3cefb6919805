//! Recording a session, and replaying it.

#![allow(clippy::unwrap_used)]

mod common;

use std::{fs, path::Path, time::Duration};

use common::{
    Client, Log, call, closed, connect, connect_known, function, path_of, receive, refused, send, try_connect,
};
use futures_util::SinkExt;
use room_auth_gateway::{
    Gateway, GatewayBuilder, IdentitySources, LogSink, ManualClock, Observation, Observations, ObservedEvent,
    Recording,
};
use serde_json::Value;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJsb2JieSJ9.c2lnbmF0dXJl-c2lnbmF0dXJl_c2ln";
const FRESH: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJmcmVzaCJ9.ZnJlc2gtc2lnbmF0dXJlLWZyZXNo";

/// A gateway whose messages without a route get an error frame, with ids.
fn builder() -> GatewayBuilder {
    builder_without_echo().route_with_response("echo", "scripted")
}

fn builder_without_echo() -> GatewayBuilder {
    Gateway::builder()
        .function("scripted", function())
        .route("$connect", "scripted")
        .route("$disconnect", "scripted")
        .logs(LogSink::discard())
}

async fn until_closed(seen: &mut Observations) {
    let is_told = |seen: &Observation| matches!(&seen.event, ObservedEvent::FunctionAnswered { route, .. } if &**route == "$disconnect");
    seen.until(is_told).await.unwrap();
}

async fn leave(mut client: Client, code: u16) {
    let (code, reason) = (CloseCode::from(code), "done".into());
    client.close(Some(CloseFrame { code, reason })).await.unwrap();
}

/// Ends the gateway, and its last client as it is told to.
async fn end(gateway: Gateway, mut client: Client) {
    let leaving = async move { closed(&mut client).await };
    tokio::join!(gateway.shutdown(), leaving);
}

/// Records clients that do what clients do.
async fn record(path: &Path) {
    let clock = ManualClock::new();
    let gateway = builder().record(path).clock(clock.clone()).start().await.unwrap();
    let mut seen = gateway.observations();
    let bearer = format!("Bearer {TOKEN}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Cookie", "session=s3cr3t"),
        ("Sec-WebSocket-Protocol", "chat"),
    ];
    let query = format!("?token={TOKEN}&do=accept&protocol=chat");
    let (mut first, _) = try_connect(&gateway, &query, &headers).await.unwrap();
    let is_open = |seen: &Observation| matches!(seen.event, ObservedEvent::HandshakeAnswered { status: 101 });
    let id = seen.until(is_open).await.unwrap().connection_id;
    send(
        &mut first,
        format!(r#"{{"action":"echo","do":"echo","jwt":"{TOKEN}"}}"#),
    )
    .await;
    receive(&mut first).await;
    // An error frame, with the ids of the connection and the request.
    send(&mut first, "no route").await;
    receive(&mut first).await;
    clock.advance(Duration::from_mins(3));
    assert_eq!(
        call(&gateway, "POST", &path_of(&id), format!("to {id}"))
            .await
            .status,
        200
    );
    receive(&mut first).await;
    assert_eq!(refused(&gateway, "?do=refuse&status=403", &[]).await.0, 403);

    let mut idle = connect(&gateway).await;
    let mut binary = connect(&gateway).await;
    binary.send(Message::binary(vec![1])).await.unwrap();
    assert_eq!(u16::from(closed(&mut binary).await.code), 1003);
    until_closed(&mut seen).await;
    leave(first, 4000).await;
    until_closed(&mut seen).await;
    clock.advance(Duration::from_mins(10));
    assert_eq!(u16::from(closed(&mut idle).await.code), 1001);
    drop((idle, binary));
    until_closed(&mut seen).await;
    // Open to the end.
    let mut last = connect(&gateway).await;
    send(&mut last, r#"{"action":"echo","do":"echo","n":1}"#).await;
    receive(&mut last).await;
    end(gateway, last).await;
}

fn read(path: &Path) -> Recording {
    let tokens = [("token-1", FRESH), ("token-2", "fresh-session")];
    tokens
        .into_iter()
        .fold(Recording::read(path).unwrap(), |recording, (name, value)| {
            recording.with_token(name, value)
        })
}

#[tokio::test]
async fn a_session_replays_as_it_was_recorded_without_its_tokens() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("session.jsonl");
    record(&path).await;

    let text = fs::read_to_string(&path).unwrap();
    for secret in TOKEN.split('.').chain(["s3cr3t"]) {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert!(text.contains("{token-1}"), "{text}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (&lines[0]["event"], &lines.last().unwrap()["event"]),
        (&"recording".into(), &"end".into())
    );

    let tokens = Recording::read(&path).unwrap().tokens();
    assert_eq!(tokens.keys().collect::<Vec<_>>(), ["token-1", "token-2"]);
    let recording = read(&path);
    assert!(!format!("{recording:?}").contains(FRESH), "{recording:?}");
    let differences = recording.replay(builder()).await.unwrap();
    assert!(differences.is_empty(), "{differences:#?}");
}

#[tokio::test]
async fn what_comes_out_differently_is_shown_and_the_rest_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("session.jsonl");
    record(&path).await;
    let shown = async |gateway: GatewayBuilder| {
        let recording = read(&path).with_patience(Duration::from_millis(300));
        let differences = recording.replay(gateway).await.unwrap();
        let shown = differences.iter().map(|one| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            assert!(!one.to_string().contains(FRESH), "{one}");
            format!("{}: {} | {}", one.what, text(&one.recorded), text(&one.replayed))
        });
        shown.collect::<Vec<_>>()
    };

    // Without a response of the route there is no echo.
    let silent = builder_without_echo().route("echo", "scripted");
    assert_eq!(
        shown(silent).await,
        [
            r#"a message to the client: {"action":"echo","do":"echo","jwt":"{token-1}"} | "#,
            r#"a message to the client: {"action":"echo","do":"echo","n":1} | "#,
        ]
    );
    // Without idle timeouts one client is not put out.
    let patient = builder().limits(|limits| limits.idle_timeout = Duration::from_hours(1));
    let shown_patient = shown(patient).await;
    assert_eq!(
        shown_patient,
        ["the end of the connection: a close frame with 1001 | "]
    );
    // What is refused cannot go on.
    let small = builder().limits(|limits| limits.connections_per_second = Some(1));
    let shown_small = shown(small).await;
    assert!(
        shown_small[0].starts_with("the answer of the handshake: 101 | 429"),
        "{shown_small:#?}"
    );
}

#[tokio::test]
async fn what_cannot_be_replayed_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("session.jsonl");
    let (sink, mut log) = Log::channel();
    let gateway = builder().logs(sink).record(&path).start().await.unwrap();
    let (mut client, id) = connect_known(&gateway, &mut log).await;
    send(&mut client, format!(r#"{{"action":"echo","token":"{TOKEN}"}}"#)).await;
    receive(&mut client).await;
    gateway.check_recording().unwrap();
    let error = builder().record(&path).start().await.unwrap_err().to_string();
    assert!(error.contains("overwrites nothing"), "{error}");
    drop(client);
    gateway.shutdown().await;

    let recording = Recording::read(&path).unwrap();
    let error = recording.replay(builder()).await.unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "the recording needs a value for token-1 (a message of {id}); add --token NAME=VALUE for each"
        )
    );
    let unknown = recording.with_token("token-1", "x").with_token("token-7", "x");
    assert_eq!(
        unknown.replay(builder()).await.unwrap_err().to_string(),
        "no client of the recording sends token-7; leave it out, or name one of these: token-1"
    );
    for (text, expected) in [
        ("", "line 1 is not a line of a recording: the file is empty; "),
        ("{}\n", "line 1 is not a line of a recording: missing field `at`"),
        (
            "{\"event\":\"recording\",\"version\":9,\"at\":0,\"address\":\"\"}\n",
            "line 1 is not a line of a recording: it has version 9, and this program reads 1; ",
        ),
        (
            "{\"event\":\"recording\",\"version\":1,\"at\":0,\"address\":\"\"}\nhello\n",
            "line 2 is not a line of a recording: expected value",
        ),
    ] {
        fs::write(&path, text).unwrap();
        let error = Recording::read(&path).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[tokio::test]
async fn what_functions_post_is_posted_by_them_again_and_by_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("session.jsonl");
    let with_authorizer = || builder().authorizer("scripted", IdentitySources::new().query("auth"));
    let gateway = with_authorizer().record(&path).start().await.unwrap();
    let mut client = try_connect(&gateway, "?auth=%7B%7D", &[]).await.unwrap().0;
    send(&mut client, r#"{"action":"echo","do":"post","with":"posted"}"#).await;
    assert_eq!(receive(&mut client).await, Message::text("posted"));
    // A response without a body.
    assert_eq!(receive(&mut client).await, Message::text(""));
    end(gateway, client).await;
    let recording = Recording::read(&path).unwrap();
    let differences = recording.replay(with_authorizer()).await.unwrap();
    assert!(differences.is_empty(), "{differences:#?}");

    // What was not recorded is a difference, too, also if the recording breaks off.
    assert!(recording.is_complete());
    let text = fs::read_to_string(&path).unwrap();
    let is_posted = |line: &&str| line.contains(r#""event":"message_out""#) && line.contains("posted");
    assert_eq!(text.lines().filter(is_posted).count(), 1, "{text}");
    let mut without: Vec<_> = text.lines().filter(|line| !is_posted(line)).collect();
    without.pop();
    fs::write(&path, without.join("\n") + "\n{\"at\":179").unwrap();
    let recording = Recording::read(&path).unwrap();
    assert!(!recording.is_complete());
    let differences = recording.replay(with_authorizer()).await.unwrap();
    let [difference] = &differences[..] else {
        panic!("{differences:#?}")
    };
    assert_eq!(
        (
            &*difference.what,
            &difference.recorded,
            difference.replayed.as_deref()
        ),
        ("a message to the client", &None, Some("posted"))
    );
}
