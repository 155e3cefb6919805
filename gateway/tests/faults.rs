//! Faults, by accident and injected.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, Instant};

use common::{builder, call, connect, connect_known, gateway, path_of, receive, receive_json, refused, send};
use room_auth_gateway::{FunctionFault, ManualClock, Observation, ObservedEvent};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn a_message_without_a_route_gets_the_forbidden_frame() {
    let (sink, mut log) = common::Log::channel();
    let gateway = room_auth_gateway::Gateway::builder()
        .function("scripted", common::function())
        .route("$connect", "scripted")
        .route_with_response("echo", "scripted")
        .logs(sink)
        .start()
        .await
        .unwrap();
    let (mut client, id) = connect_known(&gateway, &mut log).await;
    for message in [
        "no JSON",
        "{}",
        r#"{"action":"other"}"#,
        r#"{"action":"$connect"}"#,
        r#"{"action":"$disconnect"}"#,
    ] {
        send(&mut client, message).await;
        let told = receive_json(&mut client).await;
        assert_eq!(
            (&told["message"], &told["connectionId"]),
            (&json!("Forbidden"), &json!(id)),
            "{message}"
        );
        assert_eq!(told["requestId"].as_str().unwrap().len(), 16, "{message}");
    }
    send(&mut client, r#"{"action":"echo","do":"echo"}"#).await;
    assert_eq!(
        receive_json(&mut client).await["action"],
        "echo",
        "the connection lives on"
    );
}

#[tokio::test]
async fn a_function_that_fails_gets_the_client_an_internal_server_error() {
    let (gateway, mut log) = gateway().await;
    let table = [
        (
            "error",
            "?do=fail&message=secret",
            r#"{"do":"fail","message":"secret"}"#,
        ),
        ("crash", "?do=exit", r#"{"do":"exit"}"#),
        (
            "no statusCode",
            "?do=answer&with=%7B%7D",
            r#"{"do":"answer","with":"{}"}"#,
        ),
        ("null", "?do=answer&with=null", r#"{"do":"answer","with":"null"}"#),
        ("text", "?do=answer&with=text", r#"{"do":"answer","with":"text"}"#),
    ];
    for (name, query, message) in table {
        let (status, body) = refused(&gateway, query, &[]).await;
        assert_eq!(status, 502, "{name}");
        assert!(
            body.contains("Internal server error") && !body.contains("secret"),
            "{name}: {body}"
        );
        log.event().await;
        let (mut client, id) = connect_known(&gateway, &mut log).await;
        send(&mut client, message).await;
        let told = receive_json(&mut client).await;
        let request_id = &log.event().await["requestContext"]["requestId"];
        let expected =
            json!({"message": "Internal server error", "connectionId": id, "requestId": request_id});
        assert_eq!(told, expected, "{name}");
        drop(client);
        log.event().await;
    }
}

#[tokio::test]
async fn only_a_route_with_a_response_sends_what_the_function_answers() {
    let (gateway, mut log) = gateway().await;
    let mut client = connect(&gateway).await;
    log.event().await;
    // The answers to the first ones, with whatever status, are dropped; so the first that comes is the last.
    send(&mut client, r#"{"do":"echo"}"#).await;
    log.event().await;
    send(&mut client, r#"{"do":"refuse","status":500,"body":"no"}"#).await;
    log.event().await;
    send(
        &mut client,
        r#"{"action":"echo","do":"refuse","status":404,"body":"as it is"}"#,
    )
    .await;
    assert_eq!(receive(&mut client).await, Message::text("as it is"));
    // Reported of AWS: a response without a body is an empty message.
    send(&mut client, r#"{"action":"echo"}"#).await;
    assert_eq!(receive(&mut client).await, Message::text(""));
    send(
        &mut client,
        r#"{"action":"echo","do":"refuse","status":200,"body":"end"}"#,
    )
    .await;
    assert_eq!(receive(&mut client).await, Message::text("end"));
}

#[tokio::test]
async fn injected_function_faults_happen_in_turn_and_are_used_up() {
    let (gateway, mut log) = gateway().await;
    let (mut client, _) = connect_known(&gateway, &mut log).await;
    let faults = gateway.faults();
    for fault in [
        FunctionFault::Throttle,
        FunctionFault::Error,
        FunctionFault::CrashBefore,
        FunctionFault::CrashAfter,
        FunctionFault::TimeOut,
    ] {
        faults.function("scripted", fault, 1);
        send(&mut client, r#"{"action":"echo","do":"echo"}"#).await;
        let told = receive_json(&mut client).await;
        let expected = match fault {
            FunctionFault::TimeOut => "Endpoint request timed out",
            _ => "Internal server error",
        };
        assert_eq!(told["message"], expected, "{fault:?}");
        if matches!(fault, FunctionFault::CrashAfter | FunctionFault::TimeOut) {
            assert_eq!(
                log.event().await["requestContext"]["routeKey"],
                "echo",
                "{fault:?}: the work was done"
            );
        }
        send(&mut client, r#"{"action":"echo","do":"echo","after":1}"#).await;
        assert_eq!(receive_json(&mut client).await["after"], 1, "{fault:?} is over");
        // The function never heard of the others.
        assert_eq!(
            log.event().await["body"],
            r#"{"action":"echo","do":"echo","after":1}"#
        );
    }
    faults.function("scripted", FunctionFault::Error, 2);
    assert_eq!(refused(&gateway, "", &[]).await.0, 502);
    assert_eq!(refused(&gateway, "", &[]).await.0, 502);
    connect(&gateway).await;
}

#[tokio::test]
async fn a_function_can_be_killed_in_the_middle_of_its_work() {
    let (gateway, mut log) = gateway().await;
    let (mut client, id) = connect_known(&gateway, &mut log).await;
    let faults = gateway.faults();
    for how in ["now", "after posts"] {
        send(&mut client, r#"{"do":"hang"}"#).await;
        log.event().await;
        if how == "now" {
            faults.kill("scripted");
        } else {
            faults.kill_after_posts("scripted", 2);
            for text in ["one", "two"] {
                assert_eq!(call(&gateway, "POST", &path_of(&id), text).await.status, 200);
                assert_eq!(receive(&mut client).await, Message::text(text));
            }
        }
        assert_eq!(
            receive_json(&mut client).await["message"],
            "Internal server error",
            "{how}"
        );
    }
}

#[tokio::test]
async fn posts_can_be_denied_or_throttled_and_connections_be_gone() {
    let (gateway, mut log) = gateway().await;
    let (mut first, first_id) = connect_known(&gateway, &mut log).await;
    let (_second, second_id) = connect_known(&gateway, &mut log).await;
    let faults = gateway.faults();
    let post = async |id: &str| call(&gateway, "POST", &path_of(id), "hello").await.status;

    faults.deny_posts(1);
    assert_eq!([post(&first_id).await, post(&first_id).await], [403, 200]);
    faults.throttle_posts(2);
    assert_eq!(
        [
            post(&first_id).await,
            post(&second_id).await,
            post(&first_id).await
        ],
        [429, 429, 200]
    );
    faults.throttle_posts_to(&second_id, 1);
    assert_eq!(
        [
            post(&first_id).await,
            post(&second_id).await,
            post(&second_id).await
        ],
        [200, 429, 200]
    );
    faults.gone(&first_id);
    assert_eq!(
        [
            post(&first_id).await,
            post(&second_id).await,
            post(&first_id).await
        ],
        [410, 200, 410]
    );
    assert_eq!(call(&gateway, "GET", &path_of(&first_id), "").await.status, 410);
    // Its client notices nothing.
    send(&mut first, r#"{"action":"echo","do":"echo"}"#).await;
    while receive(&mut first).await == Message::text("hello") {}
}

#[tokio::test]
async fn a_slow_client_gets_its_messages_late_and_a_stalled_one_none() {
    let (builder, mut log) = builder();
    let gateway = builder
        .limits(|limits| limits.client_buffer_bytes = 1000)
        .start()
        .await
        .unwrap();
    let (mut client, id) = connect_known(&gateway, &mut log).await;
    let faults = gateway.faults();
    let post = async |text: &str| {
        call(&gateway, "POST", &path_of(&id), text.to_owned())
            .await
            .status
    };

    faults.slow(&id, Duration::from_millis(200));
    let started = Instant::now();
    assert_eq!([post("one").await, post("two").await], [200, 200]);
    assert_eq!(receive(&mut client).await, Message::text("one"));
    assert_eq!(receive(&mut client).await, Message::text("two"));
    assert!(
        started.elapsed() >= Duration::from_millis(400),
        "{:?}",
        started.elapsed()
    );

    faults.stall(&id);
    let half = "x".repeat(500);
    assert_eq!(
        [post(&half).await, post(&half).await, post(&half).await],
        [200, 200, 429]
    );
    faults.resume(&id);
    assert_eq!(receive(&mut client).await, Message::text(half.as_str()));
    assert_eq!(receive(&mut client).await, Message::text(half.as_str()));
    assert_eq!(post("three").await, 200);
    assert_eq!(receive(&mut client).await, Message::text("three"));
}

#[tokio::test]
async fn disconnects_can_be_lost_and_late() {
    let ((builder, mut log), clock) = (builder(), ManualClock::new());
    let gateway = builder.clock(clock.clone()).start().await.unwrap();
    let mut seen = gateway.observations();
    let faults = gateway.faults();
    faults.lose_disconnects(1);
    faults.delay_disconnects(Duration::from_mins(5), 1);
    let is_closed = |seen: &Observation| matches!(seen.event, ObservedEvent::Closed { .. });
    let (lost, _) = connect_known(&gateway, &mut log).await;
    let (late, late_id) = connect_known(&gateway, &mut log).await;
    drop(lost);
    seen.until(is_closed).await.unwrap();
    drop(late);
    seen.until(is_closed).await.unwrap();
    clock.advance(Duration::from_mins(5));
    let is_told = |seen: &Observation| matches!(&seen.event, ObservedEvent::FunctionInvoked { route, .. } if &**route == "$disconnect");
    let told = seen.until(is_told).await.unwrap();
    assert_eq!((told.at, &*told.connection_id), (clock.now(), late_id.as_str()));
    assert_eq!(log.event().await["requestContext"]["eventType"], "DISCONNECT");
}

#[tokio::test]
async fn a_client_that_leaves_during_its_connect_is_still_disconnected() {
    let (gateway, mut log) = gateway().await;
    let handshake = common::try_connect(&gateway, "?do=sleep&ms=500", &[]);
    let id = tokio::select! {
        _ = handshake => panic!("$connect takes longer"),
        event = log.event() => event["requestContext"]["connectionId"].clone(),
    };
    let context = &log.event().await["requestContext"];
    assert_eq!(
        (&context["eventType"], &context["connectionId"]),
        (&json!("DISCONNECT"), &id)
    );
    assert_eq!(context["disconnectStatusCode"], 1006);
    assert_eq!(gateway.connection_count(), 0);
}
