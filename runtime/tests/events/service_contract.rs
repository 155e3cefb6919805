//! The layer as a neighbour of other services: readiness, errors, answers of the inner one.

use std::task::Poll;

use aws_lambda_events::apigw::ApiGatewayProxyResponse;
use room_auth::lambda_runtime::tower::{Layer, Service, ServiceExt};
use room_auth::{Authenticated, Incoming, LambdaEvent, WebSocketResponse, response};
use serde_json::{Value, json};
use tower_test::mock;

use super::harness::{assert_same_refusal, bare, good, layer};

type Request = LambdaEvent<Authenticated<Value>>;

fn event(event: &Value) -> LambdaEvent<Incoming> {
    LambdaEvent::new(
        serde_json::from_str(&event.to_string()).unwrap(),
        room_auth::lambda_runtime::Context::default(),
    )
}

#[tokio::test]
async fn a_refused_request_takes_no_turn_of_the_inner_service() {
    let (inner, mut handle) = mock::pair::<Request, Value>();
    let mut service = layer().layer(inner);
    handle.allow(1);

    let refused = service.ready().await.unwrap().call(event(&bare())).await.unwrap();
    assert_same_refusal("no token", &refused.to_string());
    assert!(
        futures_util::FutureExt::now_or_never(handle.next_request()).is_none(),
        "it was called"
    );

    // The turn that was allowed is still there.
    let answer = service.ready().await.unwrap().call(event(&good()));
    let (request, reply) = handle.next_request().await.unwrap();
    assert_eq!(request.payload.claims().room_id().as_str(), "lobby");
    reply.send_response(json!({"statusCode": 200, "body": "joined"}));
    assert_eq!(
        answer.await.unwrap(),
        json!({"statusCode": 200, "body": "joined"})
    );
}

#[tokio::test]
async fn readiness_and_its_failure_are_those_of_the_inner_service() {
    let (inner, mut handle) = mock::pair::<Request, Value>();
    let mut service = layer().layer(inner);
    handle.allow(0);
    let pending = std::future::poll_fn(|cx| Poll::Ready(service.poll_ready(cx).is_pending())).await;
    assert!(pending, "it is ready although the inner service is not");

    handle.send_error("closed for today");
    let error = service.ready().await.map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "closed for today");
}

#[tokio::test]
async fn an_error_of_the_inner_service_stays_an_error() {
    let (inner, mut handle) = mock::pair::<Request, Value>();
    let mut service = layer().layer(inner);
    handle.allow(1);
    let answer = service.ready().await.unwrap().call(event(&good()));
    let (_, reply) = handle.next_request().await.unwrap();
    reply.send_error("the database is away");
    assert_eq!(answer.await.unwrap_err().to_string(), "the database is away");
}

#[tokio::test]
async fn the_context_of_lambda_arrives_unchanged() {
    let (inner, mut handle) = mock::pair::<Request, Value>();
    let mut service = layer().layer(inner);
    handle.allow(1);
    let mut request = event(&good());
    request.context.request_id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned();
    let answer = service.ready().await.unwrap().call(request);
    let (request, reply) = handle.next_request().await.unwrap();
    assert_eq!(request.context.request_id, "8476a536-e9f4-11e8-9739-2dfe598c3fcd");
    reply.send_response(json!({"statusCode": 200}));
    answer.await.unwrap();
}

#[tokio::test]
async fn the_subprotocol_is_said_with_success_only_and_replaces_what_the_handler_said() {
    let mut with_subprotocol = bare();
    let offer = format!("room-auth, {}", super::harness::good_token());
    with_subprotocol["headers"]["Sec-WebSocket-Protocol"] = json!(offer);
    let rows = [
        (json!({"statusCode": 200}), Some("room-auth")),
        (
            json!({"statusCode": 204, "headers": {"X-A": "b"}}),
            Some("room-auth"),
        ),
        (
            json!({"statusCode": 200, "headers": {"sec-websocket-protocol": "chat"}}),
            Some("room-auth"),
        ),
        (json!({"statusCode": 200, "headers": null}), Some("room-auth")),
        (json!({"statusCode": 199}), None),
        (json!({"statusCode": 300}), None),
        (json!({"statusCode": 403}), None),
        (json!({"statusCode": "200"}), None),
        (json!({"statusCode": -200}), None),
        (json!({}), None),
        (json!("nothing"), None),
    ];
    for (said, echoed) in rows {
        let (inner, mut handle) = mock::pair::<Request, Value>();
        let mut service = layer().layer(inner);
        handle.allow(1);
        let answer = service.ready().await.unwrap().call(event(&with_subprotocol));
        let (_, reply) = handle.next_request().await.unwrap();
        reply.send_response(said.clone());
        let answer = answer.await.unwrap();
        let headers = answer["headers"].as_object().cloned().unwrap_or_default();
        let protocols: Vec<_> = headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("Sec-WebSocket-Protocol"))
            .map(|(_, value)| value.as_str().unwrap())
            .collect();
        assert_eq!(protocols, Vec::from_iter(echoed), "{said}");
        assert_eq!(headers.get("X-A"), said["headers"].get("X-A"), "{said}");
    }
}

#[tokio::test]
async fn the_usual_response_type_carries_the_same_refusal_for_every_reason() {
    let inner = room_auth::service_fn(|_: Request| async { Ok::<_, room_auth::Error>(response::ok()) });
    let mut service = layer().layer(inner);
    let mut answers = std::collections::HashSet::new();
    let mut no_context = good();
    no_context["requestContext"] = Value::Null;
    let mut two = good();
    two["queryStringParameters"]["token"] = json!("x");
    let mut malformed = bare();
    malformed["headers"]["Authorization"] = json!("Bearer x");
    for refused in [bare(), no_context, two, malformed, json!({}), json!(7)] {
        let answer: ApiGatewayProxyResponse = service
            .ready()
            .await
            .unwrap()
            .call(event(&refused))
            .await
            .unwrap();
        assert_eq!(WebSocketResponse::status_code(&answer), 401);
        answers.insert(serde_json::to_string(&answer).unwrap());
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    let answer: Value = serde_json::from_str(answers.iter().next().unwrap()).unwrap();
    assert_eq!(answer["body"], r#"{"message":"Unauthorized"}"#);
}

#[tokio::test]
async fn a_clone_decides_as_the_service_it_came_from() {
    let inner = room_auth::service_fn(|request: Request| async move {
        let room = request.payload.claims().room_id().to_string();
        Ok::<_, room_auth::Error>(json!({"statusCode": 200, "body": room}))
    });
    let service = layer().layer(inner);
    let answers = (0..32).map(|index| {
        let good = index % 2 == 0;
        let mut clone = service.clone();
        tokio::spawn(async move {
            let event = event(&if good { super::harness::good() } else { bare() });
            (good, clone.ready().await.unwrap().call(event).await.unwrap())
        })
    });
    for answer in answers.collect::<Vec<_>>() {
        let (good, answer) = answer.await.unwrap();
        assert_eq!(answer["statusCode"], if good { 200 } else { 401 });
    }
}
