//! The same keys elsewhere: in the authorizer, in renewals, and in a verifier's own hands.

use room_auth::authorizer::{Authorizer, AuthorizerError};
use room_auth::rooms::Rooms;
use room_auth::testing::{self, MemoryRegistry, RecordingTransport};
use room_auth::{EventContext, PublicKey, RoomClaims, VerifyErrorKind};

use super::issuer::{Answer, LocalIssuer};
use super::*;

#[tokio::test]
async fn the_authorizer_takes_up_a_rotation_and_shares_the_set_with_the_layer() {
    let (hands, old, new) = (Hands::new(), key(), key());
    let issuer = LocalIssuer::start(Answer::set(&[("old", &old)])).await;
    let verifier = jwks(issuer.url(), &hands).fetch().await.unwrap();
    let authorizer = Authorizer::<()>::new(verifier.clone());
    let ask = |token: String| {
        let event = LambdaEvent::new(connect_event(&token), Context::default());
        authorizer.clone().call(event)
    };
    assert!(ask(token("old", &old)).await.is_ok());
    issuer.answers(Answer::set(&[("new", &new)]));
    assert!(ask(token("new", &new)).await.is_ok());
    assert_eq!(
        ask(token("old", &old)).await.unwrap_err(),
        AuthorizerError::Unauthorized
    );

    let function = Function::new(verifier);
    function.accepts(&token("new", &new)).await;
    function.refuses(&token("old", &old)).await;
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn a_renewal_takes_up_a_rotation() {
    let (hands, old, new) = (Hands::new(), key(), key());
    let issuer = LocalIssuer::start(Answer::set(&[("old", &old)])).await;
    let verifier = jwks(issuer.url(), &hands).fetch().await.unwrap();
    let rooms = Rooms::new(MemoryRegistry::new(), RecordingTransport::new());
    let layer: RoomAuthLayer = RoomAuthLayer::new(verifier).with_rooms(rooms.clone());
    let (sent, context) = (
        json!({
            "headers": {"Authorization": format!("Bearer {}", token("old", &old))},
            "requestContext": {
                "eventType": "CONNECT", "routeKey": "$connect", "connectionId": "abc=", "connectedAt": NOW * 1000,
                "apiId": "a1b2c3", "stage": "dev",
            },
        }),
        Context::default(),
    );
    let event: Incoming = serde_json::from_str(&sent.to_string()).unwrap();
    let mut service = layer.layer(service_fn(
        |_: LambdaEvent<Authenticated<WebSocketEvent>>| async { Ok::<Response, Error>(response::ok()) },
    ));
    let answer = service
        .call(LambdaEvent::new(event, context.clone()))
        .await
        .unwrap();
    assert_eq!(answer.status_code, 200);

    issuer.answers(Answer::set(&[("new", &new)]));
    let event: WebSocketEvent = serde_json::from_str(&sent.to_string()).unwrap();
    let context_of_event: &EventContext = event.context();
    let claims: RoomClaims = testing::claims("lobby", ());
    let session = rooms.session(&claims, context_of_event, &context);
    assert!(session.renew(&token("new", &new)).await.is_ok());
    assert!(session.renew(&token("old", &old)).await.is_err());
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn verify_uses_the_keys_that_are_there_and_refresh_keys_fetches_others() {
    let (hands, old, new) = (Hands::new(), key(), key());
    let issuer = LocalIssuer::start(Answer::set(&[("old", &old)])).await;
    let verifier = jwks(issuer.url(), &hands).fetch().await.unwrap();
    let clone = verifier.clone();
    issuer.answers(Answer::set(&[("new", &new)]));
    let token = token("new", &new);
    let error = verifier.verify::<()>(&token).unwrap_err();
    assert_eq!((error.kind(), issuer.asked()), (VerifyErrorKind::Signature, 1));
    verifier.refresh_keys(&token).await;
    assert!(verifier.verify::<()>(&token).is_ok());
    assert!(clone.verify::<()>(&token).is_ok());
    assert_eq!(
        clone.keys().iter().map(PublicKey::key_id).collect::<Vec<_>>(),
        ["new"]
    );
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn nothing_of_tokens_and_answers_is_logged_or_shown() {
    let (hands, one, two) = (Hands::new(), key(), key());
    let issuer = LocalIssuer::start(Answer::set(&[("one", &one)])).await;
    let log = room_auth_forge::capture::Capture::start();
    let url = format!("{}?apikey=secret", issuer.url());
    let verifier = Jwks::new(issuer.url(), ISSUER, AUDIENCE)
        .with_clock(hands.clone())
        .fetch()
        .await
        .unwrap();
    let shown = format!("{verifier:?} {:?}", Jwks::new(url, ISSUER, AUDIENCE));
    issuer.answers(Answer::json("private words"));
    let token = token("kid-of-a-stranger", &two);
    Function::new(verifier).refuses(&token).await;
    let said = log.take();
    for text in ["private words", "kid-of-a-stranger", &*token] {
        assert!(!said.contains(text), "{text}: {said}");
    }
    assert!(!shown.contains("secret"), "{shown}");
}
