//! A gateway by a clock that the test advances.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, SystemTime};

use common::{builder, call, connect_known, path_of, receive, send};
use room_auth_gateway::{Gateway, IdentitySources, ManualClock, ObservedEvent};

/// `2024-02-09T18:23:28.941Z`.
fn a_time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_707_503_008_941)
}

async fn timed(clock: &ManualClock) -> (Gateway, common::Log) {
    let (builder, log) = builder();
    (builder.clock(clock.clone()).start().await.unwrap(), log)
}

#[tokio::test]
async fn events_connections_and_observations_have_the_time_of_the_clock() {
    let clock = ManualClock::at(a_time());
    let (gateway, mut log) = timed(&clock).await;
    let mut seen = gateway.observations();
    let client = common::connect(&gateway);
    let (mut client, connected) = tokio::join!(client, log.event());
    let context = &connected["requestContext"];
    let id = context["connectionId"].as_str().unwrap();
    assert_eq!(context["connectedAt"], 1_707_503_008_941_u64);
    assert_eq!(context["requestTimeEpoch"], 1_707_503_008_941_u64);
    assert_eq!(context["requestTime"], "09/Feb/2024:18:23:28 +0000");

    clock.advance(Duration::from_mins(5));
    send(&mut client, r#"{"action":"echo","do":"echo"}"#).await;
    receive(&mut client).await;
    let context = &log.event().await["requestContext"];
    assert_eq!(context["connectedAt"], 1_707_503_008_941_u64);
    assert_eq!(context["requestTimeEpoch"], 1_707_503_308_941_u64);
    let sent = seen.until(|seen| matches!(seen.event, ObservedEvent::FrameOut { .. }));
    assert_eq!(sent.await.unwrap().at, clock.now());

    clock.advance(Duration::from_secs(10));
    let state = call(&gateway, "GET", &path_of(id), "").await.json();
    assert_eq!(state["connectedAt"], "2024-02-09T18:23:28.941Z");
    assert_eq!(state["lastActiveAt"], "2024-02-09T18:28:28.941Z");
}

#[tokio::test]
async fn policies_see_the_time_of_the_clock() {
    let clock = ManualClock::at(a_time());
    let policy = serde_json::json!({"do": "answer", "with": serde_json::json!({
        "principalId": "somebody",
        "policyDocument": {"Version": "2012-10-17", "Statement": [{
            "Action": "execute-api:Invoke",
            "Effect": "Allow",
            "Resource": "*",
            "Condition": {"DateLessThan": {"aws:CurrentTime": "2024-02-09T18:24:00Z"}},
        }]},
    }).to_string()});
    let query = format!(
        "?auth={}",
        percent_encoding::utf8_percent_encode(&policy.to_string(), percent_encoding::NON_ALPHANUMERIC,)
    );
    let (builder, _log) = builder();
    let sources = IdentitySources::new().query("auth");
    let builder = builder.authorizer("scripted", sources).clock(clock.clone());
    let gateway = builder.start().await.unwrap();
    common::try_connect(&gateway, &query, &[]).await.unwrap();
    clock.advance(Duration::from_mins(1));
    assert_eq!(common::refused(&gateway, &query, &[]).await.0, 403);
}

#[tokio::test]
async fn the_bill_counts_the_minutes_of_the_clock() {
    let clock = ManualClock::new();
    let (gateway, mut log) = timed(&clock).await;
    let mut seen = gateway.observations();
    let (client, _) = connect_known(&gateway, &mut log).await;
    for (passed, minutes) in [(1, 1), (59, 1), (1, 2), (239, 5)] {
        clock.advance(Duration::from_secs(passed));
        assert_eq!(gateway.bill().connection_minutes, minutes);
    }
    drop(client);
    seen.until(|seen| matches!(seen.event, ObservedEvent::Closed { .. }))
        .await
        .unwrap();
    clock.advance(Duration::from_hours(1));
    assert_eq!(gateway.bill().connection_minutes, 5, "it has ended");
}
