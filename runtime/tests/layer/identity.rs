//! A record counts only for the connection that it was made for.

use super::*;

#[tokio::test]
async fn a_connection_that_was_never_recorded_is_refused_and_closed() {
    let stage = Stage::new();
    assert_eq!(stage.send(NOW + 60, &message()).await, unauthorized());
    assert_eq!(stage.send(NOW + 60, &disconnect()).await, unauthorized());
    assert_eq!(stage.calls(), 0);
    assert_eq!(
        stage.sent(),
        ["closed"],
        "a connection that has ended is not closed again"
    );
}

#[tokio::test]
async fn a_young_connection_that_is_not_recorded_yet_is_refused_and_left_alone() {
    // Some emulators let a client speak before its $connect has been answered.
    let stage = Stage::new();
    assert_eq!(stage.send(NOW, &message()).await, unauthorized());
    assert!(stage.sent().is_empty());
    stage.connect().await;
    assert_eq!(stage.send(NOW, &message()).await["statusCode"], 200);
}

#[tokio::test]
async fn an_event_of_another_connection_with_the_same_id_gets_none_of_its_claims() {
    // AWS promises nothing of how exactly `connectedAt` is repeated: a minute is taken for the same.
    for (connected_at, is_same) in [
        (NOW * 1000 - 60_001, false),
        (NOW * 1000 - 60_000, true),
        (NOW * 1000 + 60_000, true),
        (NOW * 1000 + 60_001, false),
    ] {
        for event in [message(), disconnect()] {
            let stage = Stage::new();
            stage.connect().await;
            let mut event = event;
            event["requestContext"]["connectedAt"] = json!(connected_at);
            let answer = stage.send(NOW + 120, &event).await;
            let what = format!("{connected_at}: {event}");
            assert_eq!(answer["statusCode"] == 200, is_same, "{what}");
            assert_eq!(stage.calls() == 2, is_same, "{what}");
            if !is_same {
                assert!(stage.recorded().is_some(), "the other stays: {what}");
            }
        }
    }
}

#[tokio::test]
async fn an_event_of_another_api_gets_none_of_its_claims() {
    for (member, other) in [("apiId", "other"), ("stage", "canary")] {
        let stage = Stage::new();
        stage.connect().await;
        let mut event = message();
        event["requestContext"][member] = json!(other);
        assert_eq!(stage.send(NOW + 60, &event).await, unauthorized(), "{member}");
        assert_eq!(stage.calls(), 1, "only $connect: {member}");
        assert!(stage.recorded().is_some(), "{member}");
    }
}

#[tokio::test]
async fn a_clock_before_the_connection_was_made_expires_it() {
    let stage = Stage::new();
    stage.connect().await;
    for now in [0, 1, NOW - 61] {
        let stage = Stage::new();
        stage.connect().await;
        assert_eq!(stage.send(now, &message()).await, unauthorized(), "{now}");
        assert_eq!(stage.calls(), 1, "only $connect: {now}");
    }
    assert_eq!(
        stage.send(NOW - 59, &message()).await["statusCode"],
        200,
        "clocks may be apart"
    );
}
