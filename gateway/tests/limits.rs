//! Limits, and how a connection that meets them ends.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, SystemTime};

use common::{
    Client, Log, builder, call, closed, connect, connect_known, path_of, receive, receive_json, refused, send,
};
use futures_util::SinkExt;
use room_auth_gateway::{
    Gateway, Limits, ManualClock, Observation, Observations, ObservedEvent, RequestRate,
};
use serde_json::json;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

async fn limited(change: impl FnOnce(&mut Limits)) -> (Gateway, Log) {
    let (builder, log) = builder();
    (builder.limits(change).start().await.unwrap(), log)
}

/// Reads until the close frame, checks its code, and that `$disconnect` was told the same.
async fn ends_with(code: u16, client: &mut Client, log: &mut Log) {
    assert_eq!(u16::from(closed(client).await.code), code);
    loop {
        let context = &log.event().await["requestContext"];
        if context["eventType"] == "DISCONNECT" {
            assert_eq!(context["disconnectStatusCode"], code);
            return;
        }
    }
}

#[tokio::test]
async fn the_defaults_are_those_that_aws_documents() {
    let limits = Limits::default();
    assert_eq!(limits.connection_duration, Duration::from_hours(2));
    assert_eq!(limits.idle_timeout, Duration::from_mins(10));
    assert_eq!(limits.integration_timeout, Duration::from_secs(29));
    assert!(!limits.pings_keep_alive);
    assert_eq!((limits.frame_bytes, limits.message_bytes), (32_768, 131_072));
    assert_eq!((limits.authorizer_result_bytes, limits.url_chars), (8192, 4096));
    assert_eq!(limits.connections_per_second, Some(500));
    assert_eq!(
        limits.requests_per_second,
        Some(RequestRate {
            rate: 10_000,
            burst: 5000
        })
    );
}

/// As [`limited`], by a clock that the test advances.
async fn timed(change: impl FnOnce(&mut Limits)) -> (Gateway, Log, ManualClock) {
    let ((builder, log), clock) = (builder(), ManualClock::new());
    let gateway = builder.limits(change).clock(clock.clone()).start();
    (gateway.await.unwrap(), log, clock)
}

/// Waits until the connection has ended, and returns when that was, and by which code.
async fn end_of(seen: &mut Observations) -> (SystemTime, u16) {
    let closed = seen.until(|seen| matches!(seen.event, ObservedEvent::Closed { .. }));
    match closed.await.unwrap() {
        Observation {
            at,
            event: ObservedEvent::Closed { code },
            ..
        } => (at, code),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_quiet_connection_is_closed_and_any_traffic_keeps_it_open() {
    let (gateway, mut log, clock) = timed(|limits| limits.pings_keep_alive = true).await;
    let mut seen = gateway.observations();
    let (mut client, id) = connect_known(&gateway, &mut log).await;
    // Each kind of traffic alone, for longer than the time that is allowed without any.
    for kind in ["message", "post", "ping"] {
        for _ in 0..4 {
            clock.advance(Duration::from_mins(9));
            match kind {
                "message" => {
                    send(&mut client, "hello").await;
                    let is_in = |seen: &Observation| matches!(seen.event, ObservedEvent::FrameIn { .. });
                    seen.until(is_in).await.unwrap();
                }
                "post" => {
                    assert_eq!(call(&gateway, "POST", &path_of(&id), "hello").await.status, 200);
                    assert_eq!(receive(&mut client).await, Message::text("hello"));
                    let is_out = |seen: &Observation| matches!(seen.event, ObservedEvent::FrameOut { .. });
                    seen.until(is_out).await.unwrap();
                }
                _ => ping(&mut client).await,
            }
        }
    }
    clock.advance(Duration::from_mins(10));
    let frame = closed(&mut client).await;
    assert_eq!((u16::from(frame.code), &*frame.reason), (1001, "Going away"));
    assert_eq!(end_of(&mut seen).await, (clock.now(), 1001));
    assert_eq!(gateway.connection_count(), 0);
}

/// ?: AWS does not say whether pings count, so the stricter reading is the default.
#[tokio::test]
async fn pings_alone_do_not_keep_a_connection_open() {
    let (gateway, mut log, clock) = timed(|_| ()).await;
    let mut seen = gateway.observations();
    let (mut client, _) = connect_known(&gateway, &mut log).await;
    for minutes in [4, 5] {
        clock.advance(Duration::from_mins(minutes));
        ping(&mut client).await;
    }
    clock.advance(Duration::from_mins(1));
    assert_eq!(u16::from(closed(&mut client).await.code), 1001);
    assert_eq!(end_of(&mut seen).await, (clock.now(), 1001));
}

/// Sends a ping, and waits until it was answered.
async fn ping(client: &mut Client) {
    client.send(Message::Ping("".into())).await.unwrap();
    assert_eq!(receive(client).await, Message::Pong("".into()));
}

#[tokio::test]
async fn a_connection_ends_after_two_hours_whatever_it_does() {
    let (gateway, mut log, clock) = timed(|_| ()).await;
    let mut seen = gateway.observations();
    let (mut client, _) = connect_known(&gateway, &mut log).await;
    for _ in 0..13 {
        clock.advance(Duration::from_mins(9));
        send(&mut client, r#"{"action":"echo","do":"echo"}"#).await;
        receive(&mut client).await;
    }
    clock.advance(Duration::from_mins(3));
    ends_with(1001, &mut client, &mut log).await;
    assert_eq!(end_of(&mut seen).await, (clock.now(), 1001));
}

#[tokio::test]
async fn frames_of_32_kb_and_messages_of_128_kb_are_the_largest() {
    let (gateway, mut log) = limited(|_| ()).await;
    let frame =
        |data, size: usize, last| Message::Frame(Frame::message("x".repeat(size), OpCode::Data(data), last));
    let mut client = connect(&gateway).await;
    log.event().await;
    for (data, last) in [
        (Data::Text, false),
        (Data::Continue, false),
        (Data::Continue, false),
        (Data::Continue, true),
    ] {
        client.send(frame(data, 32 * 1024, last)).await.unwrap();
    }
    assert_eq!(log.event().await["body"].as_str().unwrap().len(), 128 * 1024);
    // The fifth frame makes the message one byte too long.
    for (data, size, last) in [
        (Data::Text, 32 * 1024, false),
        (Data::Continue, 32 * 1024, false),
        (Data::Continue, 32 * 1024, false),
        (Data::Continue, 32 * 1024, false),
        (Data::Continue, 1, true),
    ] {
        client.send(frame(data, size, last)).await.unwrap();
    }
    ends_with(1009, &mut client, &mut log).await;

    let mut client = connect(&gateway).await;
    log.event().await;
    client
        .send(Message::text("x".repeat(32 * 1024 + 1)))
        .await
        .unwrap();
    ends_with(1009, &mut client, &mut log).await;

    // Also when most of it is still on its way as the gateway has seen enough.
    let mut client = connect(&gateway).await;
    log.event().await;
    client
        .send(Message::text("x".repeat(8 * 1024 * 1024)))
        .await
        .unwrap();
    ends_with(1009, &mut client, &mut log).await;
}

#[tokio::test]
async fn a_function_that_takes_too_long_is_told_to_the_client_and_goes_on() {
    let (builder, mut log) = builder();
    let gateway = builder
        .limits(|limits| limits.integration_timeout = Duration::from_millis(300))
        .start()
        .await
        .unwrap();
    let (status, body) = refused(&gateway, "?do=sleep&ms=600", &[]).await;
    assert_eq!(status, 504);
    assert!(body.contains("Endpoint request timed out"), "{body}");
    log.event().await;

    let (mut client, id) = connect_known(&gateway, &mut log).await;
    send(&mut client, r#"{"do":"sleep","ms":600}"#).await;
    let told = receive_json(&mut client).await;
    let request_id = &log.event().await["requestContext"]["requestId"];
    assert_eq!(
        told,
        json!({"message": "Endpoint request timed out", "connectionId": id, "requestId": request_id})
    );
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_protected_from_what_it_cannot_take() {
    let (gateway, mut log) = limited(|limits| limits.client_buffer_bytes = 100 * 1024).await;
    let (client, id) = connect_known(&gateway, &mut log).await;
    let (other, other_id) = connect_known(&gateway, &mut log).await;
    // The kernel's buffers on both sides take some megabytes first.
    let mut posted = 0;
    let refused = loop {
        let answer = call(&gateway, "POST", &path_of(&id), "x".repeat(64 * 1024)).await;
        if answer.status != 200 {
            break answer;
        }
        posted += 1;
        assert!(posted < 1000, "64 MB are too much for any buffer");
    };
    assert_eq!(
        (refused.status, refused.header("x-amzn-errortype")),
        (429, Some("LimitExceededException"))
    );
    assert_eq!(
        call(&gateway, "POST", &path_of(&other_id), "hello").await.status,
        200
    );
    drop((client, other));
    let codes = [log.event().await, log.event().await]
        .map(|event| event["requestContext"]["disconnectStatusCode"].clone());
    assert_eq!(codes, [1006, 1006]);
}

#[tokio::test]
async fn too_many_connections_or_requests_are_refused_for_a_while() {
    let (gateway, _log, clock) = timed(|limits| limits.connections_per_second = Some(3)).await;
    // Three at once, and three a second after that.
    for (passed, allowed) in [(0, 3), (1000, 3), (400, 1), (0, 0), (10_000, 3)] {
        clock.advance(Duration::from_millis(passed));
        for _ in 0..allowed {
            connect(&gateway).await;
        }
        assert_eq!(refused(&gateway, "", &[]).await.0, 429, "after {passed} ms");
    }

    let rate = RequestRate { rate: 1, burst: 2 };
    let (gateway, mut log, clock) = timed(|limits| limits.requests_per_second = Some(rate)).await;
    let (mut client, id) = connect_known(&gateway, &mut log).await;
    let echo = async |client: &mut Client| {
        send(client, r#"{"action":"echo","do":"echo"}"#).await;
        receive_json(client).await["message"].clone()
    };
    let post = async || call(&gateway, "POST", &path_of(&id), "{}").await.status;
    // The handshake was the first request.
    assert_eq!(echo(&mut client).await, json!(null));
    assert_eq!(
        (echo(&mut client).await, post().await),
        (json!("Too Many Requests"), 429)
    );
    clock.advance(Duration::from_secs(1));
    assert_eq!((post().await, post().await), (200, 429));
    assert_eq!(receive(&mut client).await, Message::text("{}"));
}

#[tokio::test]
async fn an_url_of_more_than_4096_characters_is_refused() {
    let (gateway, _log) = limited(|_| ()).await;
    let suffix = |length: usize| format!("?x={}", "y".repeat(length - "/dev?x=".len()));
    common::try_connect(&gateway, &suffix(4096), &[]).await.unwrap();
    assert_eq!(refused(&gateway, &suffix(4097), &[]).await.0, 414);
}
