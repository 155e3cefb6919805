//! Claims from the context that a REQUEST authorizer set.

use super::*;

fn with_context(mut event: Value, context: Value) -> Value {
    event["requestContext"]["authorizer"] = context;
    event
}

fn claims(exp: u64) -> String {
    json!({"sub": "lobby", "iat": NOW - 10, "exp": exp, "user": "alice"}).to_string()
}

fn trusting(stage: &Stage) -> RoomAuthLayer<Value, Value> {
    RoomAuthLayer::new(verifier_at(NOW))
        .with_trusted_authorizer()
        .with_transport(stage.transport.clone())
}

#[tokio::test]
async fn a_layer_that_trusts_nobody_takes_no_claims_from_the_context() {
    let stage = Stage::new();
    let event = with_context(message(), json!({"room_auth": claims(NOW + 10)}));
    let untrusting = RoomAuthLayer::new(verifier_at(NOW));
    let answer = stage.send_through(&untrusting, &event).await.unwrap();
    assert_eq!(
        answer,
        failed(),
        "a layer without a source of claims is the operator's mistake"
    );
    assert_eq!(stage.calls(), 0);
}

#[tokio::test]
async fn a_layer_that_trusts_the_authorizer_takes_its_claims() {
    let stage = Stage::new();
    let context = json!({"principalId": "lobby", "room_auth": claims(NOW + 10)});
    for event in [message(), disconnect()] {
        let event = with_context(event, context.clone());
        let answer = stage.send_through(&trusting(&stage), &event).await.unwrap();
        assert_eq!(answer["statusCode"], 200);
    }
    let calls = stage.calls.lock().unwrap();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].claims.custom()["user"], "alice");
}

#[tokio::test]
async fn a_context_without_valid_claims_is_refused() {
    let stage = Stage::new();
    for context in [
        json!(null),
        json!([]),
        json!({"principalId": "lobby"}),
        json!({"room_auth": {"sub": "lobby"}}),
        json!({"room_auth": "{}"}),
    ] {
        for event in [message(), disconnect()] {
            let event = with_context(event, context.clone());
            let answer = stage.send_through(&trusting(&stage), &event).await.unwrap();
            assert_eq!(answer, unauthorized(), "{context}");
        }
    }
    assert_eq!(stage.calls(), 0);
    assert!(stage.sent().is_empty());
}

#[tokio::test]
async fn expired_claims_end_the_connection_at_its_next_message_and_not_at_its_end() {
    let stage = Stage::new();
    let context = json!({"room_auth": claims(NOW)});
    let event = with_context(message(), context.clone());
    let answer = stage.send_through(&trusting(&stage), &event).await.unwrap();
    assert_eq!(answer, unauthorized());
    assert_eq!(stage.calls(), 0);
    assert_eq!(stage.sent(), [EXPIRED_FRAME, "closed"]);

    let event = with_context(disconnect(), context);
    assert_eq!(
        stage.send_through(&trusting(&stage), &event).await.unwrap()["statusCode"],
        200
    );
    assert_eq!(stage.calls(), 1);
}

#[tokio::test]
async fn an_expired_token_of_a_connect_closes_nothing() {
    let stage = Stage::new();
    let event = connect(&token("lobby", "alice", NOW - 600, 300));
    assert_eq!(
        stage.send_through(&trusting(&stage), &event).await.unwrap(),
        unauthorized()
    );
    assert!(stage.sent().is_empty(), "there is no connection yet");
}

#[tokio::test]
async fn a_client_is_not_one_to_the_authorizer_and_another_to_the_layer() {
    let stage = Stage::new();
    let token = token("lobby", "alice", NOW, 300);
    for (seen_by_authorizer, is_accepted) in [("staff", false), ("lobby", true)] {
        let payload = json!({"sub": seen_by_authorizer, "iat": NOW, "exp": NOW + 300, "user": "alice"});
        let payload = match seen_by_authorizer {
            "lobby" => payload_of(&token),
            _ => payload.to_string(),
        };
        let event = with_context(connect(&token), json!({"room_auth": payload}));
        let answer = stage.send_through(&trusting(&stage), &event).await.unwrap();
        assert_eq!(answer["statusCode"] == 200, is_accepted, "{seen_by_authorizer}");
    }
    assert_eq!(stage.calls(), 1);
}

/// The payload, as the authorizer puts it into the context.
pub(super) fn payload_of(token: &str) -> String {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).unwrap();
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(payload)
        .unwrap();
    String::from_utf8(payload).unwrap()
}
