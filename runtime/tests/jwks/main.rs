//! Keys that an issuer publishes, fetched from a real server on this machine.
#![allow(clippy::unwrap_used)]

mod failing;
mod init;
mod issuer;
mod others;
mod rotation;
mod tls;
mod unusable;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use room_auth::lambda_runtime::tower::{Layer as _, Service as _};
use room_auth::lambda_runtime::{Context, service_fn};
use room_auth::{
    Algorithm, Authenticated, Clock, Error, Incoming, Jwks, LambdaEvent, Response, RoomAuthLayer, SigningKey,
    Verifier, WebSocketEvent, response,
};
use room_auth_forge::NOW;
use serde_json::json;

const ISSUER: &str = "https://issuer.example/";
const AUDIENCE: &str = "rooms";

/// A clock that a test moves.
#[derive(Clone, Debug)]
struct Hands(Arc<AtomicU64>);

impl Hands {
    fn new() -> Self {
        Self(Arc::new(AtomicU64::new(NOW)))
    }

    fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_secs(), Ordering::SeqCst);
    }

    fn set_back(&self, by: Duration) {
        self.0.fetch_sub(by.as_secs(), Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

fn key() -> SigningKey {
    SigningKey::generate_for(Algorithm::EdDsa).unwrap()
}

/// A token that is valid for a day from [`NOW`] on.
fn token(id: &str, key: &SigningKey) -> String {
    token_with(&format!(r#""alg":"EdDSA","kid":"{id}""#), key)
}

fn token_with(header: &str, key: &SigningKey) -> String {
    let expires = NOW + 86_400;
    let payload =
        format!(r#"{{"sub":"lobby","iss":"{ISSUER}","aud":"{AUDIENCE}","iat":{NOW},"exp":{expires}}}"#);
    room_auth_forge::token_by(key, &format!("{{{header}}}"), &payload)
}

fn jwks(url: String, hands: &Hands) -> Jwks {
    Jwks::new(url, ISSUER, AUDIENCE).with_clock(hands.clone())
}

/// A function behind the layer, which counts how often its handler is called.
#[derive(Clone)]
struct Function {
    layer: RoomAuthLayer,
    calls: Arc<AtomicUsize>,
}

impl Function {
    fn new(verifier: Verifier) -> Self {
        Self {
            layer: RoomAuthLayer::new(verifier),
            calls: Arc::default(),
        }
    }

    /// Returns the status that a `$connect` with this token gets.
    async fn connect(&self, token: &str) -> i64 {
        let calls = self.calls.clone();
        let mut service = self.layer.layer(service_fn(
            move |_: LambdaEvent<Authenticated<WebSocketEvent>>| {
                calls.fetch_add(1, Ordering::SeqCst);
                async { Ok::<Response, Error>(response::ok()) }
            },
        ));
        let event = LambdaEvent::new(connect_event(token), Context::default());
        service
            .call(event)
            .await
            .expect("a refusal is no error")
            .status_code
    }

    /// Connects with a token that is to be accepted.
    async fn accepts(&self, token: &str) {
        let before = self.calls();
        assert_eq!((self.connect(token).await, self.calls()), (200, before + 1));
    }

    /// Connects with a token that is to be refused, which the handler must not learn of.
    async fn refuses(&self, token: &str) {
        let before = self.calls();
        assert_eq!((self.connect(token).await, self.calls()), (401, before));
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

fn connect_event(token: &str) -> Incoming {
    let event = json!({
        "type": "REQUEST",
        "methodArn": "arn:aws:execute-api:eu-west-1:123456789012:a1b2/dev/$connect",
        "headers": {"Authorization": format!("Bearer {token}")},
        "requestContext": {"eventType": "CONNECT", "routeKey": "$connect", "connectionId": "abc="},
    });
    serde_json::from_str(&event.to_string()).unwrap()
}
