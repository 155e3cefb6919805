//! What an observer is told, and what it is not.

#![allow(clippy::unwrap_used)]

mod common;

use common::{builder, call, closed, path_of, receive, refused, scripted, send, try_connect};
use room_auth_gateway::{
    Decision, Function, IdentitySources, LogSink, Observation, ObservedEvent, Operation,
};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn an_observer_sees_the_whole_way_and_no_secret() {
    let (builder, mut log) = builder();
    let gateway = builder
        .function("gate", Function::new(scripted()).logs(LogSink::discard()))
        .authorizer("gate", IdentitySources::new().query("token"))
        .start()
        .await
        .unwrap();
    let mut observations = gateway.observations();
    let secret = [("x-secret", "TOPSECRET")];
    let (mut client, _) = try_connect(&gateway, "?token=TOPSECRET", &secret).await.unwrap();
    let connected = log.event().await;
    let id = connected["requestContext"]["connectionId"]
        .as_str()
        .unwrap()
        .to_owned();
    send(&mut client, r#"{"action":"echo","do":"echo","x":"TOPSECRET"}"#).await;
    receive(&mut client).await;
    call(&gateway, "POST", &path_of(&id), "TOPSECRET").await;
    assert_eq!(receive(&mut client).await, Message::text("TOPSECRET"));
    call(&gateway, "GET", &path_of(&id), "").await;
    call(&gateway, "DELETE", &path_of(&id), "").await;
    closed(&mut client).await;
    let is_last = |seen: &Observation| matches!(&seen.event, ObservedEvent::FunctionAnswered { route, .. } if &**route == "$disconnect");
    let last = observations.until(is_last).await.unwrap();
    let mut seen: Vec<_> = std::iter::from_fn(|| observations.try_next()).collect();
    seen.push(last);
    assert_eq!(refused(&gateway, "", &secret).await.0, 401);
    seen.extend(std::iter::from_fn(|| observations.try_next()));

    let text = format!("{seen:?} {}", serde_json::to_string(&seen).unwrap());
    assert!(!text.contains("TOPSECRET"), "{text}");
    assert!(
        seen.is_sorted_by_key(|observation| observation.at),
        "in the order of their times"
    );

    let (mine, others): (Vec<_>, Vec<_>) = seen
        .iter()
        .partition(|observation| *observation.connection_id == *id);
    let names: Vec<String> = mine.iter().map(|observation| name(&observation.event)).collect();
    assert_eq!(
        names,
        [
            "handshake",
            "authorizer_called gate",
            "authorizer_answered gate Allow",
            "function_invoked scripted $connect",
            "function_answered scripted $connect 200",
            "handshake_answered 101",
            "frame_in echo 45",
            "function_invoked scripted echo",
            "function_answered scripted echo 200",
            "frame_out 45",
            "management_call Post 200",
            "frame_out 9",
            "management_call Get 200",
            "management_call Delete 204",
            "closed 1000",
            "function_invoked scripted $disconnect",
            "function_answered scripted $disconnect 200",
        ]
    );
    let names: Vec<String> = others
        .iter()
        .map(|observation| name(&observation.event))
        .collect();
    assert_eq!(
        names,
        [
            "handshake",
            "authorizer_answered gate NoIdentity",
            "handshake_answered 401"
        ]
    );
}

fn name(event: &ObservedEvent) -> String {
    match event {
        ObservedEvent::Handshake {
            source_ip,
            source_port,
        } => {
            assert_ne!(*source_port, 0);
            assert!(source_ip.is_loopback());
            "handshake".to_owned()
        }
        ObservedEvent::AuthorizerCalled { function } => format!("authorizer_called {function}"),
        ObservedEvent::AuthorizerAnswered {
            function,
            decision,
            took,
            ..
        } => {
            assert_eq!(took.is_zero(), *decision == Decision::NoIdentity);
            format!("authorizer_answered {function} {decision:?}")
        }
        ObservedEvent::HandshakeAnswered { status } => format!("handshake_answered {status}"),
        ObservedEvent::FrameIn { route, bytes } => format!("frame_in {} {bytes}", route.as_deref().unwrap()),
        ObservedEvent::FunctionInvoked {
            route,
            function,
            request_id,
        } => {
            assert_eq!(request_id.len(), 36);
            format!("function_invoked {function} {route}")
        }
        ObservedEvent::FunctionAnswered {
            route,
            function,
            status,
            took,
            ..
        } => {
            assert!(!took.is_zero());
            format!("function_answered {function} {route} {}", status.unwrap())
        }
        ObservedEvent::FrameOut { bytes } => format!("frame_out {bytes}"),
        ObservedEvent::ManagementCall { operation, status } => {
            assert!(matches!(
                operation,
                Operation::Post | Operation::Get | Operation::Delete
            ));
            format!("management_call {operation:?} {status}")
        }
        ObservedEvent::Closed { code } => format!("closed {code}"),
        other => panic!("{other:?}"),
    }
}
