//! What a session would have cost on AWS.

#![allow(clippy::unwrap_used)]

mod common;

use common::{builder, connect_known, eventually, path_of, receive, send};

#[tokio::test]
async fn a_test_can_hold_a_budget() {
    let (builder, mut log) = builder();
    let gateway = builder.start().await.unwrap();
    let before = gateway.bill();
    assert_eq!(
        (before.messages, before.connection_minutes, before.invocations),
        (0, 0, 0)
    );
    assert!(before.gb_seconds > 0.0, "an init is billed");
    let (mut client, id) = connect_known(&gateway, &mut log).await;
    // In and out, and a post of two parts.
    send(&mut client, r#"{"action":"echo","do":"echo"}"#).await;
    receive(&mut client).await;
    common::call(&gateway, "POST", &path_of(&id), "x".repeat(40_000)).await;
    receive(&mut client).await;
    eventually(|| gateway.bill().messages == 1 + 1 + 2).await;
    let open = gateway.bill();
    assert_eq!((open.connection_minutes, open.invocations), (1, 2));
    assert!(open.gb_seconds > before.gb_seconds);
    drop(client);
    eventually(|| gateway.bill().invocations == 3).await;
    assert_eq!(gateway.bill().connection_minutes, 1, "a minute is billed once");
    assert!(gateway.bill().total() > 0.0 && gateway.bill().total() < 0.001);
}

#[cfg(feature = "dynamodb")]
#[tokio::test]
async fn the_units_of_the_tables_are_counted_and_not_shown_to_who_has_not_asked() {
    use serde_json::{Value, json};

    let table = json!({
        "TableName": "rooms",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    });
    let gateway = builder().0.table(table.to_string()).start().await.unwrap();
    let address = gateway
        .dynamodb_endpoint()
        .unwrap()
        .strip_prefix("http://")
        .unwrap()
        .parse()
        .unwrap();
    let call = async |operation: &str, request: Value| {
        let target = format!("DynamoDB_20120810.{operation}");
        let headers = [("x-amz-target", target.as_str())];
        let answer = common::call_at(address, "POST", "/", &headers, request.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    };
    let key = json!({"id": {"S": "a"}});
    let large = json!({"id": {"S": "a"}, "text": {"S": "x".repeat(1500)}});
    assert_eq!(
        call("PutItem", json!({"TableName": "rooms", "Item": large})).await,
        json!({})
    );
    let get =
        json!({"TableName": "rooms", "Key": key, "ConsistentRead": true, "ReturnConsumedCapacity": "TOTAL"});
    assert_eq!(
        call("GetItem", get).await["ConsumedCapacity"]["CapacityUnits"],
        1.0
    );
    let transaction = json!({"TransactItems": [{"Delete": {"TableName": "rooms", "Key": key}}]});
    call("TransactWriteItems", transaction).await;
    let bill = gateway.bill();
    let near = |units: f64, expected: f64| (units - expected).abs() < 1e-9;
    assert!(near(bill.read_units, 1.0), "{bill:?}");
    assert!(
        near(bill.write_units, 2.0 + 4.0),
        "two for 1.5 KB, and twice as many in a transaction: {bill:?}"
    );
}
