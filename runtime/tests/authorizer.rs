//! What API Gateway is answered, and what the layer behind it makes of that.

#![allow(clippy::unwrap_used)]

use futures_util::FutureExt as _;
use room_auth::authorizer::{
    Authorizer, AuthorizerError, AuthorizerResponse, CONTEXT_KEY, MAX_RESULT_BYTES, ROOM_CONTEXT_KEY,
};
use room_auth::lambda_runtime::tower::{Layer as _, Service as _};
use room_auth::lambda_runtime::{Context, Diagnostic, Error, service_fn};
use room_auth::{
    Authenticated, Incoming, Issuer, LambdaEvent, PublicKeys, RoomAuthLayer, RoomSource, Verifier, testing,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const NOW: u64 = 1_800_000_000;
const ARN: &str = "arn:aws:execute-api:eu-west-1:123456789012:a1b2/dev/$connect";

fn verifier() -> Verifier {
    Verifier::new(PublicKeys::from_pem(testing::public_key_pem()).unwrap())
        .with_clock(testing::FixedClock::at(NOW))
}

fn token(custom: &Value) -> String {
    let key = testing::signing_key();
    let issuer = Issuer::new(key, std::time::Duration::from_mins(5)).unwrap();
    let issuer = issuer.with_clock(testing::FixedClock::at(NOW));
    let room = "lobby".parse().unwrap();
    let token = issuer
        .issue(&room, custom)
        .now_or_never()
        .expect("the key is here");
    token.unwrap().as_str().to_owned()
}

fn event(token: &str) -> Value {
    json!({
        "type": "REQUEST",
        "methodArn": ARN,
        "headers": {"Authorization": format!("Bearer {token}")},
        "requestContext": {"eventType": "CONNECT", "routeKey": "$connect", "connectionId": "abc="},
    })
}

async fn ask<T: DeserializeOwned>(
    authorizer: &Authorizer<T>,
    event: &str,
) -> Result<AuthorizerResponse, AuthorizerError> {
    let incoming: Incoming = serde_json::from_str(event).unwrap();
    let event = LambdaEvent::new(incoming, Context::default());
    authorizer.clone().call(event).await
}

#[tokio::test]
async fn the_policy_allows_the_one_method_and_the_context_is_flat() {
    let authorizer = Authorizer::<Value>::new(verifier()).with_context(|claims| {
        vec![
            (
                "user".to_owned(),
                claims.custom()["user"].as_str().unwrap().into(),
            ),
            ("level".to_owned(), 7.into()),
            ("staff".to_owned(), true.into()),
        ]
    });
    let event = event(&token(&json!({"user": "alice"}))).to_string();
    let response = ask(&authorizer, &event).await.unwrap();
    assert_eq!(
        serde_json::to_value(&response).unwrap(),
        json!({
            "principalId": "lobby",
            "policyDocument": {"Version": "2012-10-17", "Statement": [
                {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": ARN},
            ]},
            "context": {
                "user": "alice", "level": 7, "staff": true,
                "room_auth": r#"{"sub":"lobby","iat":1800000000,"exp":1800000300,"user":"alice"}"#,
            },
        })
    );
    assert!(
        !format!("{response:?}").contains("alice"),
        "claims may be personal"
    );
}

#[tokio::test]
async fn who_is_not_permitted_is_denied_without_a_context() {
    let authorizer =
        Authorizer::<Value>::new(verifier()).with_permission(|claims| claims.custom()["user"] == "alice");
    let bob = event(&token(&json!({"user": "bob"}))).to_string();
    assert_eq!(
        serde_json::to_value(ask(&authorizer, &bob).await.unwrap()).unwrap(),
        json!({
            "principalId": "lobby",
            "policyDocument": {"Version": "2012-10-17", "Statement": [
                {"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": ARN},
            ]},
        })
    );
}

#[tokio::test]
async fn whatever_is_not_a_handshake_with_a_good_token_is_unauthorized() {
    let good = event(&token(&json!({}))).to_string();
    let authorizer = Authorizer::<()>::new(verifier());
    assert!(ask(&authorizer, &good).await.is_ok());
    let message = good
        .replace("CONNECT", "MESSAGE")
        .replace(r#""$connect""#, r#""send""#);
    let refused = [
        ("no token", good.replace("Authorization", "X-Other")),
        ("a forged token", event("e30.e30.AAAA").to_string()),
        ("a message", message),
        ("no method", good.replace("methodArn", "other")),
        ("all methods", good.replace("/dev/$connect\"", "/*\"")),
        ("any method", good.replace("/dev/$connect\"", "/dev/$connec?\"")),
        ("no ARN", good.replace("arn:aws", "aws")),
        ("another service", good.replace(":execute-api:", ":s3:")),
        ("another route", good.replace("/dev/$connect\"", "/dev/send\"")),
        (
            "a policy variable",
            good.replace("/dev/$connect\"", "/${aws:username}/$connect\""),
        ),
        (
            "a control character",
            good.replace("/dev/$connect\"", "/d\\u0000ev/$connect\""),
        ),
        (
            "two methods",
            good.replacen('{', &format!(r#"{{"methodArn":"{ARN}","#), 1),
        ),
    ];
    for (name, event) in refused {
        assert_ne!(event, good, "{name}");
        let error = ask(&authorizer, &event).await.unwrap_err();
        assert_eq!(error, AuthorizerError::Unauthorized, "{name}");
        // API Gateway makes a 401 of this message and of no other.
        assert_eq!(Diagnostic::from(error).error_message, "Unauthorized", "{name}");
    }
}

#[tokio::test]
async fn the_arns_of_every_partition_and_emulator_are_allowed() {
    for arn in [
        "arn:aws-cn:execute-api:cn-north-1:123456789012:a1b2/dev/$connect",
        "arn:aws-us-gov:execute-api:us-gov-west-1:123456789012:a1b2/$default/$connect",
        "arn:aws:execute-api:eu-west-1:undefined:a1b2/dev/$connect",
    ] {
        let event = event(&token(&json!({}))).to_string().replace(ARN, arn);
        let response = ask(&Authorizer::<()>::new(verifier()), &event).await.unwrap();
        let response = serde_json::to_value(&response).unwrap();
        assert_eq!(response["policyDocument"]["Statement"][0]["Resource"], arn);
    }
}

#[tokio::test]
async fn a_result_that_api_gateway_would_not_take_is_a_fault_and_no_refusal() {
    let event = event(&token(&json!({}))).to_string();
    let with = |key: &'static str, length: usize| {
        Authorizer::<()>::new(verifier())
            .with_context(move |_| vec![(key.to_owned(), "x".repeat(length).into())])
    };
    // The limit is that of the whole result: principal, policy and context.
    let size = |response: &AuthorizerResponse| serde_json::to_vec(response).unwrap().len();
    let empty = ask(&with("mine", 0), &event).await.unwrap();
    let room = MAX_RESULT_BYTES - size(&empty);
    let full = ask(&with("mine", room), &event).await.unwrap();
    assert_eq!(size(&full), MAX_RESULT_BYTES);
    assert_eq!(
        ask(&with("mine", room + 1), &event).await.unwrap_err(),
        AuthorizerError::ResultTooLarge(MAX_RESULT_BYTES + 1)
    );
    for key in [CONTEXT_KEY, ROOM_CONTEXT_KEY] {
        assert_eq!(
            ask(&with(key, 1), &event).await.unwrap_err(),
            AuthorizerError::ReservedKey
        );
    }
}

#[tokio::test]
async fn the_requested_room_travels_in_the_context() {
    let source = RoomSource::requested_from("rooms");
    let verifier = verifier().with_room_source(source);
    let authorizer = Authorizer::<()>::new(verifier.clone());
    let mut asked = event(&token(&json!({"rooms": ["staff", "vault"]})));
    let unauthorized = ask(&authorizer, &asked.to_string()).await.unwrap_err();
    assert_eq!(
        unauthorized,
        AuthorizerError::Unauthorized,
        "no room is requested"
    );
    asked["queryStringParameters"] = json!({"room": "staff"});
    let response = ask(&authorizer, &asked.to_string()).await.unwrap();
    let response = serde_json::to_value(&response).unwrap();
    assert_eq!(response["principalId"], "lobby", "the subject of the token");
    assert_eq!(response["context"][ROOM_CONTEXT_KEY], "staff");
    let message = json!({"requestContext": {
        "eventType": "MESSAGE", "routeKey": "send", "connectionId": "abc=", "authorizer": response["context"],
    }});
    let mut service = RoomAuthLayer::new(verifier)
        .with_trusted_authorizer()
        .layer(service_fn(
            |request: LambdaEvent<Authenticated<Value>>| async move {
                let claims = request.payload.claims();
                Ok::<_, Error>(json!({"statusCode": 200, "body": [claims.room_id(), claims.subject()]}))
            },
        ));
    let incoming: Incoming = serde_json::from_str(&message.to_string()).unwrap();
    let answer = service.call(LambdaEvent::new(incoming, Context::default())).await;
    assert_eq!(
        answer.unwrap(),
        json!({"statusCode": 200, "body": ["staff", "lobby"]})
    );
}

#[tokio::test]
async fn the_layer_takes_from_the_context_what_the_authorizer_put_there() {
    let authorizer = Authorizer::<()>::new(verifier());
    let asked = event(&token(&json!({"user": "alice"}))).to_string();
    let response = serde_json::to_value(ask(&authorizer, &asked).await.unwrap()).unwrap();
    let message = json!({"requestContext": {
        "eventType": "MESSAGE", "routeKey": "send", "connectionId": "abc=", "authorizer": response["context"],
    }});
    let mut service = RoomAuthLayer::new(verifier())
        .with_trusted_authorizer()
        .layer(service_fn(
            |request: LambdaEvent<Authenticated<Value, Value>>| async move {
                let claims = request.payload.claims();
                Ok::<_, Error>(
                    json!({"statusCode": 200, "body": [claims.room_id(), claims.custom()["user"]]}),
                )
            },
        ));
    let incoming: Incoming = serde_json::from_str(&message.to_string()).unwrap();
    let answer = service.call(LambdaEvent::new(incoming, Context::default())).await;
    assert_eq!(
        answer.unwrap(),
        json!({"statusCode": 200, "body": ["lobby", "alice"]})
    );
}
