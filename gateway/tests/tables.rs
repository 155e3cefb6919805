//! The embedded DynamoDB.

#![cfg(feature = "dynamodb")]
#![allow(clippy::unwrap_used)]

mod common;

use common::{Log, call_at, scripted};
use room_auth_gateway::{Function, Gateway};
use serde_json::{Value, json};

fn table(name: &str) -> String {
    json!({
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    })
    .to_string()
}

async fn call(endpoint: &str, operation: &str, request: &Value, headers: &[(&str, &str)]) -> (u16, Value) {
    let target = format!("DynamoDB_20120810.{operation}");
    let mut all = vec![("x-amz-target", target.as_str())];
    all.extend(headers);
    let address = endpoint.strip_prefix("http://").unwrap().parse().unwrap();
    let answer = call_at(address, "POST", "/", &all, request.to_string()).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn functions_find_the_tables_by_a_variable_and_use_them() {
    let (sink, mut log) = Log::channel();
    let script = format!("echo $AWS_ENDPOINT_URL_DYNAMODB; exec {}", scripted().display());
    let gateway = Gateway::builder()
        .function("f", Function::new("/bin/sh").arg("-c").arg(script))
        .table(table("rooms"))
        .logs(sink)
        .start()
        .await
        .unwrap();
    let endpoint = log.line().await.text;
    assert_eq!(gateway.dynamodb_endpoint(), Some(endpoint.as_str()));
    let item = json!({"id": {"S": "a"}, "n": {"N": "1"}});
    let put = json!({"TableName": "rooms", "Item": item});
    assert_eq!(call(&endpoint, "PutItem", &put, &[]).await.0, 200);
    let get = json!({"TableName": "rooms", "Key": {"id": {"S": "a"}}});
    assert_eq!(
        call(&endpoint, "GetItem", &get, &[]).await,
        (200, json!({"Item": item}))
    );
    let (status, error) = call(&endpoint, "NoSuchThing", &get, &[]).await;
    assert_eq!(status, 400);
    assert!(
        error["__type"].as_str().unwrap().ends_with("ValidationException"),
        "{error}"
    );
}

#[tokio::test]
async fn a_web_page_cannot_read_the_tables() {
    let gateway = Gateway::builder()
        .function("f", Function::new(scripted()))
        .table(table("rooms"))
        .start()
        .await
        .unwrap();
    let endpoint = gateway.dynamodb_endpoint().unwrap();
    for header in [("origin", "https://evil.example"), ("host", "evil.example")] {
        assert_eq!(
            call(endpoint, "ListTables", &json!({}), &[header]).await.0,
            403,
            "{header:?}"
        );
    }
}

#[tokio::test]
async fn without_tables_there_is_no_database_and_a_wrong_table_is_said() {
    let f = || Gateway::builder().function("f", Function::new(scripted()));
    assert_eq!(f().start().await.unwrap().dynamodb_endpoint(), None);
    let error = f()
        .table(r#"{"TableName": "rooms"}"#)
        .start()
        .await
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("a table cannot be created: "), "{error}");
}
