//! The registry over a DynamoDB that answers as a script says: what a real one does under load only.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::{Client, Config};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use room_auth::registry::{DynamoRegistry, Registry, RegistryErrorKind, SingleUse, Written};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::dynamo::{connection, now};

/// The network and the DynamoDB behind it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scripted {
    /// The answers in turn, the last one for ever; none: no answer ever.
    answers: Arc<Mutex<VecDeque<(u16, Value)>>>,
    /// What was asked: operation and body.
    requests: Arc<Mutex<Vec<(String, Value)>>>,
}

impl HttpConnector for Scripted {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = request.headers().get("x-amz-target").unwrap();
        let operation = operation.rsplit('.').next().unwrap().to_owned();
        let body = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        self.requests.lock().unwrap().push((operation, body));
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 {
            answers.pop_front()
        } else {
            answers.front().cloned()
        };
        HttpConnectorFuture::new(async {
            let Some((status, body)) = answer else {
                return std::future::pending().await;
            };
            let body = SdkBody::from(body.to_string());
            Ok(HttpResponse::new(status.try_into().unwrap(), body))
        })
    }
}

impl Scripted {
    pub(crate) fn requests(&self) -> Vec<(String, Value)> {
        self.requests.lock().unwrap().clone()
    }
}

/// A registry whose DynamoDB gives these answers.
pub(crate) fn scripted(answers: impl IntoIterator<Item = (u16, Value)>) -> (DynamoRegistry, Scripted) {
    let dynamodb = Scripted::default();
    dynamodb.answers.lock().unwrap().extend(answers);
    let connector = SharedHttpConnector::new(dynamodb.clone());
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .build();
    let registry = DynamoRegistry::new(&Client::from_conf(config), "connections");
    (registry, dynamodb)
}

pub(crate) fn failure(code: &str) -> (u16, Value) {
    let status = if code == "InternalServerError" { 500 } else { 400 };
    let code = format!("com.amazonaws.dynamodb.v20120810#{code}");
    (status, json!({"__type": code, "message": "no"}))
}

/// A cancelled transaction whose reasons, and the item they show, are these.
pub(crate) fn cancelled(codes: &[&str], item: Option<Value>) -> (u16, Value) {
    let mut reasons: Vec<_> = codes.iter().map(|code| json!({"Code": code})).collect();
    if let Some(item) = item {
        reasons[0]["Item"] = item;
    }
    let (status, mut body) = failure("TransactionCanceledException");
    body["CancellationReasons"] = reasons.into();
    (status, body)
}

pub(crate) fn done() -> (u16, Value) {
    (200, json!({}))
}

#[tokio::test(start_paused = true)]
async fn throttling_and_conflicts_are_tried_again_as_the_same_transaction() {
    let connection = connection("abc=", "lobby", now());
    let (registry, dynamodb) = scripted([
        failure("ProvisionedThroughputExceededException"),
        failure("ThrottlingException"),
        failure("RequestLimitExceeded"),
        failure("TransactionInProgressException"),
        failure("InternalServerError"),
        cancelled(&["None", "TransactionConflict"], None),
        cancelled(&["ThrottlingError", "None"], None),
        cancelled(&["ProvisionedThroughputExceeded", "None"], None),
        done(),
    ]);
    assert_eq!(registry.record(&connection, None).await.unwrap(), Written::Done);
    let requests = dynamodb.requests();
    assert_eq!(requests.len(), 9);
    let token = &requests[0].1["ClientRequestToken"];
    assert_eq!(token.as_str().unwrap().len(), 32);
    for (operation, body) in &requests {
        assert_eq!(operation, "TransactWriteItems");
        assert_eq!(
            body["ClientRequestToken"], *token,
            "carried out once, however often asked"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn every_transaction_has_a_token_of_its_own() {
    let connection = connection("abc=", "lobby", now());
    let (registry, dynamodb) = scripted([done()]);
    assert_eq!(registry.record(&connection, None).await.unwrap(), Written::Done);
    assert_eq!(registry.record(&connection, None).await.unwrap(), Written::Done);
    let requests = dynamodb.requests();
    assert_ne!(
        requests[0].1["ClientRequestToken"],
        requests[1].1["ClientRequestToken"]
    );
}

#[tokio::test(start_paused = true)]
async fn throttled_reads_end_with_the_budget_and_say_so() {
    let (registry, dynamodb) = scripted([failure("ThrottlingException")]);
    let (id, room) = ("abc=".parse().unwrap(), "lobby".parse().unwrap());
    let began = Instant::now();
    let error = registry.find(&id).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Throttled);
    assert!(
        began.elapsed() <= Duration::from_secs(9),
        "less than API Gateway's 29 seconds, by far"
    );
    let attempts = dynamodb.requests().len();
    assert!((10..60).contains(&attempts), "{attempts}");

    let began = Instant::now();
    let registry = registry.with_budget(Duration::from_secs(1));
    let error = registry.members(&room, None).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Throttled);
    assert!(began.elapsed() <= Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn reads_are_consistent_and_ask_for_no_more_than_needed() {
    let (registry, dynamodb) = scripted([done()]);
    let (id, room) = ("abc=".parse().unwrap(), "lobby".parse().unwrap());
    registry.find(&id).await.unwrap();
    registry.members(&room, None).await.unwrap();
    let requests = dynamodb.requests();
    let operations: Vec<_> = requests.iter().map(|(operation, _)| operation.as_str()).collect();
    assert_eq!(operations, ["Query", "Query"]);
    for (operation, body) in &requests {
        assert_eq!(body["ConsistentRead"], true, "{operation}");
    }
    assert_eq!(requests[0].1["Limit"], Value::Null, "all rooms of a connection");
    let query = &requests[1].1;
    assert_eq!(query["Limit"], 500);
    // All attributes of a room item but its time to live are needed.
    assert_eq!(query["ProjectionExpression"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn a_permanent_failure_is_told_at_once_and_quotes_no_item() {
    let connection = connection("abc=", "lobby", now());
    let secret = json!({"S": "sensitive-claims"});
    for answer in [
        failure("ValidationException"),
        failure("AccessDeniedException"),
        cancelled(&["ValidationError", "None"], None),
        // An item of another format under our key.
        cancelled(
            &["ConditionalCheckFailed", "None"],
            Some(json!({"claims": secret})),
        ),
    ] {
        let told = format!("{answer:?}");
        let (registry, dynamodb) = scripted([answer]);
        let error = registry.record(&connection, None).await.unwrap_err();
        assert_eq!(dynamodb.requests().len(), 1, "{told}");
        let shown = format!("{error:?} {error} {:?}", std::error::Error::source(&error));
        assert!(
            !shown.contains("sensitive") && !shown.contains("alice"),
            "{shown}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_older_connection_that_keeps_changing_is_left_in_the_end() {
    let connection = connection("abc=", "lobby", now());
    let older = json!({
        "pk": {"S": "CONNECTION#abc="}, "room": {"S": "other"}, "shard": {"N": "0"}, "connected_at": {"N": "1"},
        "endpoint": {"S": "a1b2c3d4e5/prod"}, "claims": {"S": "{}"}, "expires_at": {"N": "1"}, "version": {"N": "0"},
        "sk": {"S": "CONNECTION"},
    });
    // Each time, another one is found than the transaction met.
    let found = (200, json!({"Items": [older.clone()]}));
    let met = cancelled(&["ConditionalCheckFailed", "None", "None"], Some(older));
    let (registry, dynamodb) = scripted((0..100).flat_map(|_| [met.clone(), found.clone()]));
    let began = Instant::now();
    let error = registry.record(&connection, None).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Throttled);
    assert!(began.elapsed() <= Duration::from_secs(9));
    assert!(dynamodb.requests().len() < 120, "with backoff, not as a storm");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_used_is_told_from_a_connection_that_is_there() {
    let connection = connection("abc=", "lobby", now());
    let token = SingleUse::new("t1", now());
    for (codes, expected) in [
        (["None", "ConditionalCheckFailed", "None"], Written::TokenUsed),
        (
            ["ConditionalCheckFailed", "ConditionalCheckFailed", "None"],
            Written::Done,
        ),
    ] {
        let own = json!({
            "pk": {"S": "CONNECTION#abc="}, "sk": {"S": "CONNECTION"}, "room": {"S": "lobby"}, "shard": {"N": "0"},
            "connected_at": {"N": super::dynamo::millis(connection.connected_at).to_string()}, "version": {"N": "3"},
            "endpoint": {"S": "a1b2c3d4e5/prod"}, "claims": {"S": "{}"}, "expires_at": {"N": "1"},
        });
        let (registry, dynamodb) = scripted([cancelled(&codes, Some(own))]);
        let recorded = registry.record(&connection, Some(&token)).await.unwrap();
        assert_eq!(recorded, expected, "{codes:?}");
        let requests = dynamodb.requests();
        assert_eq!(
            requests.len(),
            1,
            "one transaction, and a repetition reads nothing"
        );
        let used = &requests[0].1["TransactItems"][1]["Put"];
        assert_eq!(used["Item"]["pk"]["S"], "USED#t1");
        assert_eq!(used["ConditionExpression"], "attribute_not_exists(pk)");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_comes_ends_with_the_budget() {
    let (registry, dynamodb) = scripted([]);
    let began = Instant::now();
    let error = registry.find(&"abc=".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Timeout);
    assert!(began.elapsed() <= Duration::from_secs(9));
    assert!(
        dynamodb.requests().len() > 1,
        "an attempt ends before the budget, for another one"
    );
}
