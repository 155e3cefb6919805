//! Recorded before the handler, forgotten before it, and what happens when it fails.

use room_auth::RegistryError;

use super::*;

#[tokio::test]
async fn a_connection_is_recorded_before_its_handler_is_called() {
    let stage = Stage::new();
    stage.connect().await;
    let calls = stage.calls.lock().unwrap();
    assert_eq!(calls[0].recorded.len(), 1, "whoever hears of a newcomer finds it");
}

#[tokio::test]
async fn a_connection_is_forgotten_before_its_disconnect_is_handled() {
    let stage = Stage::new();
    stage.connect().await;
    stage.send(NOW, &disconnect()).await;
    let calls = stage.calls.lock().unwrap();
    assert_eq!(calls[1].event_type, EventType::Disconnect);
    assert!(
        calls[1].recorded.is_empty(),
        "whoever hears that it left does not find it"
    );
}

#[tokio::test]
async fn only_a_connection_that_the_handler_accepts_stays_recorded() {
    for answer in [Ok(json!({"statusCode": 403})), Ok(json!({})), Err("failed")] {
        let stage = Stage::new();
        stage.answer(answer.clone());
        let event = connect(&token("lobby", "alice", NOW, 300));
        let answered = stage.send_through(&stage.layer_at(NOW), &event).await;
        assert_eq!(
            answered.map_err(|error| error.to_string()),
            answer.map_err(str::to_owned)
        );
        assert_eq!(stage.calls(), 1);
        assert!(stage.recorded().is_none());
    }
}

#[tokio::test]
async fn the_answer_of_a_handler_does_not_depend_on_forgetting() {
    let stage = Stage::new();
    stage.answer(Ok(json!({"statusCode": 403})));
    let layer = stage.layer_at(NOW);
    let registry = stage.registry.clone();
    let fails = move || registry.fail_next(RegistryError::throttled("forget the connection"));
    stage.hooked.before_next(Asked::Forget, fails);
    let answer = stage
        .send_through(&layer, &connect(&token("lobby", "alice", NOW, 300)))
        .await;
    assert_eq!(answer.unwrap()["statusCode"], 403);
}

#[tokio::test]
async fn an_expired_token_does_not_stop_the_clean_up() {
    let stage = Stage::new();
    stage.connect().await;
    stage.answer(Err("the handler failed"));
    let failed = stage
        .send_through(&stage.layer_at(NOW + 900), &disconnect())
        .await;
    assert_eq!(failed.unwrap_err().to_string(), "the handler failed");
    assert_eq!(stage.calls(), 2);
    assert!(
        stage.recorded().is_none(),
        "forgotten, whatever the handler returned"
    );
}

#[tokio::test]
async fn recorded_claims_that_do_not_fit_the_handler_are_a_fault_and_still_forgotten() {
    let stage = Stage::new();
    record(&stage, "lobby", "{}", NOW + 300).await;
    assert_eq!(stage.send(NOW, &message()).await, failed());
    assert_eq!(stage.send(NOW, &disconnect()).await, failed());
    assert_eq!(stage.calls(), 0);
    assert!(stage.recorded().is_none());
}

#[tokio::test]
async fn a_record_that_contradicts_its_claims_is_a_fault() {
    let exp = NOW + 300;
    let claims = |room: &str, exp: u64| json!({"sub": room, "iat": NOW - 10, "exp": exp}).to_string();
    for (what, claims, expires_at) in [
        ("claims of another room", claims("staff", exp), exp),
        (
            "claims that expire before the record",
            claims("lobby", exp - 1),
            exp,
        ),
        ("claims that expired long ago", claims("lobby", NOW - 5), exp),
    ] {
        let stage = Stage::new();
        record(&stage, "lobby", &claims, expires_at).await;
        assert_eq!(stage.send(NOW, &message()).await, failed(), "{what}");
        assert_eq!(stage.calls(), 0, "{what}");
    }
    let stage = Stage::new();
    record(&stage, "lobby", &claims("lobby", exp), exp).await;
    assert_eq!(
        stage.send(NOW, &message()).await["statusCode"],
        200,
        "the same without a fault"
    );
}

async fn record(stage: &Stage, room: &str, claims: &str, expires_at: u64) {
    let endpoint = "a1b2c3/dev".parse().unwrap();
    let connection = Connection::new(
        id(),
        endpoint,
        room.parse().unwrap(),
        claims,
        at(NOW),
        at(expires_at),
    );
    let recorded = room_auth::Registry::record(&stage.registry, &connection, None).await;
    assert_eq!(recorded.unwrap(), room_auth::registry::Written::Done);
}
