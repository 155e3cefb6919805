//! Markers of what is revoked, over a DynamoDB that answers as a script says.

use std::time::{Duration, UNIX_EPOCH};

use room_auth::registry::{Registry, RegistryErrorKind, Revocations};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::faults::{done, failure, scripted};

/// An answer of `BatchGetItem` with this marker, or without the one that was asked for.
fn markers(found: &Value, unprocessed: &Value) -> (u16, Value) {
    (
        200,
        json!({"Responses": {"connections": found}, "UnprocessedKeys": unprocessed}),
    )
}

#[tokio::test(start_paused = true)]
async fn markers_that_were_left_unread_are_asked_for_again_and_never_taken_for_none() {
    let unread = json!({"connections": {"ConsistentRead": true, "Keys": [
        {"pk": {"S": "REVOKED#USER#alice"}, "sk": {"S": "REVOKED"}},
    ]}});
    let marker = json!([{
        "pk": {"S": "REVOKED#USER#alice"}, "sk": {"S": "REVOKED"}, "not_before": {"N": "7"}, "ttl": {"N": "9"},
    }]);
    let (registry, dynamodb) = scripted([
        markers(&json!([]), &unread),
        failure("ThrottlingException"),
        markers(&marker, &json!({})),
    ]);
    let found = registry.revocations(Some("alice"), Some("t1")).await.unwrap();
    assert_eq!(found.user, Some(UNIX_EPOCH + Duration::from_secs(7)));
    assert_eq!(found.token, None);
    let requests = dynamodb.requests();
    assert_eq!(requests.len(), 3);
    for (operation, body) in &requests {
        assert_eq!(operation, "BatchGetItem");
        let asked = &body["RequestItems"]["connections"];
        assert_eq!(asked["ConsistentRead"], true);
        assert_eq!(asked["Keys"].as_array().unwrap().len(), 2, "both by one request");
    }

    let began = Instant::now();
    let (registry, _) = scripted([markers(&json!([]), &unread)]);
    let error = registry.revocations(Some("alice"), None).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Throttled);
    assert!(began.elapsed() <= Duration::from_secs(9));
}

#[tokio::test(start_paused = true)]
async fn a_marker_of_another_format_is_an_error_and_nothing_is_asked_about_nobody() {
    for marker in [
        json!({"pk": {"S": "REVOKED#USER#alice"}, "sk": {"S": "REVOKED"}}),
        json!({"pk": {"S": "REVOKED#USER#alice"}, "sk": {"S": "REVOKED"}, "not_before": {"S": "7"}}),
    ] {
        let (registry, _) = scripted([markers(&json!([marker]), &json!({}))]);
        let error = registry.revocations(Some("alice"), None).await.unwrap_err();
        assert_eq!(error.kind(), RegistryErrorKind::Failed);
    }
    let (registry, dynamodb) = scripted([done()]);
    assert_eq!(
        registry.revocations(None, None).await.unwrap(),
        Revocations::default()
    );
    assert!(dynamodb.requests().is_empty());
}
