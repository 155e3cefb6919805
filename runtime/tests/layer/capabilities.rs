//! What a token must allow before the handler is called.

use room_auth::authorizer::Authorizer;

use super::*;

const FORBIDDEN_FRAME: &str = r#"{"message":"Forbidden"}"#;

fn layer(stage: &Stage) -> RoomAuthLayer<Value, Value> {
    stage.layer_at(NOW).requiring("send")
}

fn token_that_can(can: &Value) -> String {
    token_with("lobby", &json!({"user": "eve", "can": can}), NOW, 300)
}

#[tokio::test]
async fn a_connect_without_the_capability_is_forbidden_and_not_recorded() {
    for (can, is_allowed) in [
        (json!(["send"]), true),
        (json!(["members", "send"]), true),
        (json!([]), false),
        (json!(["sen", "send:x"]), false),
    ] {
        let stage = Stage::new();
        let answer = stage
            .send_through(&layer(&stage), &connect(&token_that_can(&can)))
            .await
            .unwrap();
        if is_allowed {
            assert_eq!(answer["statusCode"], 200, "{can}");
        } else {
            assert_eq!(answer, forbidden(), "{can}");
            assert!(stage.hooked.take_calls().is_empty(), "nothing is recorded");
        }
        assert_eq!(stage.calls(), usize::from(is_allowed), "{can}");
    }
    let stage = Stage::new();
    let answer = stage
        .send_through(&layer(&stage), &connect(&token("lobby", "alice", NOW, 300)))
        .await;
    assert_eq!(
        answer.unwrap()["statusCode"],
        200,
        "without the claim, everything"
    );
}

#[tokio::test]
async fn a_message_without_the_capability_is_told_and_not_handled_and_a_disconnect_is() {
    let stage = Stage::new();
    let only_reads = token_that_can(&json!(["members"]));
    assert_eq!(stage.send(NOW, &connect(&only_reads)).await["statusCode"], 200);
    for count in 1..=2 {
        let answer = stage.send_through(&layer(&stage), &message()).await.unwrap();
        assert_eq!(answer, forbidden());
        assert_eq!(stage.sent(), vec![FORBIDDEN_FRAME; count]);
    }
    assert_eq!(stage.calls(), 1, "only $connect");
    assert!(stage.recorded().is_some(), "it stays connected");
    assert_eq!(
        stage.send(NOW, &message()).await["statusCode"],
        200,
        "another route"
    );
    let answer = stage.send_through(&layer(&stage), &disconnect()).await.unwrap();
    assert_eq!(answer["statusCode"], 200);
    assert_eq!(stage.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn telling_that_a_message_is_forbidden_takes_two_seconds_at_most() {
    let stage = Stage::new();
    stage.send(NOW, &connect(&token_that_can(&json!([])))).await;
    stage.transport.silence(&id());
    let began = tokio::time::Instant::now();
    let answer = stage.send_through(&layer(&stage), &message()).await.unwrap();
    assert_eq!(answer, forbidden());
    assert!(began.elapsed() <= Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(stage.calls(), 1, "only $connect");
}

#[tokio::test]
async fn a_renewal_brings_capabilities_and_takes_them() {
    let stage = Stage::new();
    stage.send(NOW, &connect(&token_that_can(&json!([])))).await;
    let (rooms, invocation) = (stage.rooms().with_verifier(verifier_at(NOW)), Context::default());
    for (can, status) in [(json!(["send"]), 200), (json!([]), 403)] {
        let found = stage.recorded().unwrap();
        let claims = verifier_at(NOW).verify(&token_that_can(&json!([]))).unwrap();
        let context = context_of(&message());
        let session = rooms.session::<Value>(&claims, &context, &invocation);
        session.renew(&token_that_can(&can)).await.unwrap();
        assert_ne!(stage.recorded().unwrap(), found);
        let answer = stage.send_through(&layer(&stage), &message()).await.unwrap();
        assert_eq!(answer["statusCode"], status, "{can}");
    }
}

#[tokio::test]
async fn claims_of_a_trusted_authorizer_are_looked_at_too() {
    let payload = json!({"sub": "lobby", "iat": NOW, "exp": NOW + 300, "can": ["members"]}).to_string();
    let mut event = message();
    event["requestContext"]["authorizer"] = json!({"room_auth": payload});
    let mut end = disconnect();
    end["requestContext"]["authorizer"] = event["requestContext"]["authorizer"].clone();
    for (capability, status, calls) in [("members", 200, 2), ("send", 403, 1)] {
        let stage = Stage::new();
        let layer = RoomAuthLayer::new(verifier_at(NOW))
            .with_trusted_authorizer()
            .with_transport(stage.transport.clone())
            .requiring(capability);
        let answer = stage.send_through(&layer, &event).await.unwrap();
        assert_eq!(answer["statusCode"], status, "{capability}");
        assert_eq!(stage.send_through(&layer, &end).await.unwrap()["statusCode"], 200);
        assert_eq!(stage.calls(), calls, "{capability}");
        assert_eq!(stage.sent().len(), usize::from(status == 403), "{capability}");
    }
}

#[tokio::test]
async fn the_authorizer_denies_and_its_context_says_what_a_token_can() {
    for (can, effect) in [(json!(["send"]), "Allow"), (json!([]), "Deny")] {
        let mut event = connect(&token_that_can(&can));
        event["methodArn"] = json!("arn:aws:execute-api:eu-west-1:123456789012:a1b2c3/dev/$connect");
        event["type"] = json!("REQUEST");
        let incoming: Incoming = serde_json::from_str(&event.to_string()).unwrap();
        let mut authorizer = Authorizer::<Value>::new(verifier_at(NOW)).requiring("send");
        let answer = authorizer
            .call(LambdaEvent::new(incoming, Context::default()))
            .await;
        let answer = serde_json::to_value(answer.unwrap()).unwrap();
        assert_eq!(
            answer["policyDocument"]["Statement"][0]["Effect"], effect,
            "{can}"
        );
        if effect == "Allow" {
            let claims: Value =
                serde_json::from_str(answer["context"]["room_auth"].as_str().unwrap()).unwrap();
            assert_eq!(claims["can"], can);
        }
    }
}

#[test]
fn a_name_that_is_none_ends_the_configuration() {
    for name in ["", "Send", "send messages", "sénd", "a*"] {
        let layer = RoomAuthLayer::<Value, Value>::new(verifier_at(NOW));
        let required = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| layer.requiring(name)));
        let message = required.err().unwrap();
        let message = message.downcast_ref::<String>().unwrap();
        assert!(
            message.contains("is not the name of a capability; use 1 to 64"),
            "{message}"
        );
    }
}
