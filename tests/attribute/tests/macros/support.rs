//! Real tokens, real events and a way to await a handler, for the functions in this folder.
#![allow(dead_code, clippy::unwrap_used)]

use std::future::Future;
use std::sync::LazyLock;

use room_auth::{Incoming, LambdaEvent, PublicKeys, RoomAuthLayer, Verifier, testing};
use serde_json::{Value, json};

pub(crate) const CONNECTION_ID: &str = "ZLNWXfB0oAMCJ2Q=";

/// For `with = &support::LAYER`.
pub(crate) static LAYER: LazyLock<RoomAuthLayer> = LazyLock::new(layer);

pub(crate) fn layer() -> RoomAuthLayer {
    let keys = PublicKeys::from_pem(testing::public_key_pem()).unwrap();
    RoomAuthLayer::new(Verifier::new(keys))
}

/// Runs the program again, with `PUBLIC_KEY` set to `key`; true in the run that has it.
pub(crate) fn has_public_key(key: &str) -> bool {
    if std::env::var_os("PUBLIC_KEY").is_some() {
        return true;
    }
    let program = std::env::current_exe().unwrap();
    let status = std::process::Command::new(program)
        .env("PUBLIC_KEY", key)
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
    false
}

pub(crate) fn token(custom: &Value) -> String {
    testing::token("lobby", custom)
}

/// A `$connect` with the token in the `Authorization` header.
pub(crate) fn connect_event(token: &str) -> LambdaEvent<Incoming> {
    let event = json!({
        "headers": {
            "Authorization": format!("Bearer {token}"),
            "Host": "abcdef1234.execute-api.eu-central-1.amazonaws.com",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version": "13",
        },
        "multiValueHeaders": {
            "Authorization": [format!("Bearer {token}")],
            "Host": ["abcdef1234.execute-api.eu-central-1.amazonaws.com"],
            "Sec-WebSocket-Key": ["dGhlIHNhbXBsZSBub25jZQ=="],
            "Sec-WebSocket-Version": ["13"],
        },
        "requestContext": {
            "routeKey": "$connect",
            "eventType": "CONNECT",
            "extendedRequestId": "ZLNWXEkioAMF7Hg=",
            "requestTime": "14/Nov/2023:22:13:20 +0000",
            "messageDirection": "IN",
            "stage": "prod",
            "connectedAt": 1_700_000_000_000_u64,
            "requestTimeEpoch": 1_700_000_000_001_u64,
            "identity": {"sourceIp": "192.0.2.1"},
            "requestId": "ZLNWXEkioAMF7Hg=",
            "domainName": "abcdef1234.execute-api.eu-central-1.amazonaws.com",
            "connectionId": CONNECTION_ID,
            "apiId": "abcdef1234",
        },
        "isBase64Encoded": false,
    });
    let incoming = serde_json::from_value(event).unwrap();
    let mut context = lambda_runtime::Context::default();
    "request-1".clone_into(&mut context.request_id);
    LambdaEvent::new(incoming, context)
}

/// A good one.
pub(crate) fn authenticated_event() -> LambdaEvent<Incoming> {
    connect_event(&token(&json!({"user": "alice", "level": 7})))
}

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

pub(crate) fn assert_send<T: Send>(value: T) -> T {
    value
}
