//! A service behind the layer, and what it saw.

use std::future::Ready;
use std::sync::{Arc, Mutex, OnceLock};

use room_auth::lambda_runtime::tower::{Layer, Service, ServiceExt};
use room_auth::testing::FixedClock;
use room_auth::{
    Authenticated, Authenticator, Incoming, LambdaEvent, PublicKeys, RoomAuth, RoomAuthLayer, Verifier,
    WebSocketResponse,
};
use room_auth_forge::capture::Capture;
use room_auth_forge::fixture;
use room_auth_forge::{NOW, key};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Asserts that a refused request got a 401 without a reason, and the same bytes as all others of this process.
pub(crate) fn assert_same_refusal(name: &str, response: &str) {
    static FIRST: OnceLock<String> = OnceLock::new();
    let said: Value = serde_json::from_str(response).unwrap();
    assert_eq!(
        said,
        json!({"statusCode": 401, "body": r#"{"message":"Unauthorized"}"#}),
        "{name}"
    );
    assert_eq!(response, FIRST.get_or_init(|| response.to_owned()), "{name}");
}

/// The authenticator of these tests: one key, a fixed clock, the default places.
pub(crate) fn authenticator() -> Authenticator {
    let keys = PublicKeys::from_pem(&key().public_key_pem()).unwrap();
    Authenticator::new(Verifier::new(keys).with_clock(FixedClock::at(NOW)))
}

/// The layer over it.
pub(crate) fn layer() -> RoomAuthLayer<(), Value> {
    RoomAuthLayer::new(authenticator())
}

/// What became of one event.
pub(crate) struct Outcome {
    /// The response, as it goes to Lambda.
    pub(crate) response: String,
    /// The event that the handler saw, if it was called.
    pub(crate) seen: Option<Value>,
    /// The room that the handler was told.
    pub(crate) room: Option<String>,
    /// What was recorded meanwhile.
    pub(crate) log: String,
}

impl Outcome {
    pub(crate) fn status(&self) -> u64 {
        let response: Value = serde_json::from_str(&self.response).unwrap();
        response["statusCode"].as_u64().unwrap()
    }

    /// The reason in the log, where there is one.
    pub(crate) fn reason(&self) -> Option<String> {
        self.log.lines().find_map(|line| {
            let record: Value = serde_json::from_str(line).unwrap();
            Some(record.get("reason")?.as_str().unwrap().to_owned())
        })
    }

    pub(crate) fn subprotocol(&self) -> Option<String> {
        let response: Value = serde_json::from_str(&self.response).unwrap();
        Some(response["headers"]["Sec-WebSocket-Protocol"].as_str()?.to_owned())
    }

    pub(crate) fn assert_refused(&self, name: &str, reason: &str) {
        assert_same_refusal(name, &self.response);
        self.assert_not_called(name);
        assert_eq!(self.reason().as_deref(), Some(reason), "{name}: {}", self.log);
    }

    pub(crate) fn assert_failed(&self, name: &str, reason: &str) {
        let failed = json!({"statusCode": 500, "body": r#"{"message":"Internal server error"}"#});
        assert_eq!(
            serde_json::from_str::<Value>(&self.response).unwrap(),
            failed,
            "{name}"
        );
        self.assert_not_called(name);
        assert_eq!(self.reason().as_deref(), Some(reason), "{name}: {}", self.log);
    }

    pub(crate) fn assert_accepted(&self, name: &str) {
        assert!(self.seen.is_some(), "{name}: {} {}", self.response, self.log);
        assert_eq!(self.room.as_deref(), Some("lobby"), "{name}");
        assert_eq!(self.status(), 200, "{name}");
        assert_eq!(self.reason(), None, "{name}");
    }

    fn assert_not_called(&self, name: &str) {
        assert!(self.seen.is_none(), "{name}: the handler was called");
        assert!(self.room.is_none(), "{name}: the handler was called");
    }
}

type Seen = Arc<Mutex<Vec<(String, Value)>>>;
type Answer = Ready<Result<Value, room_auth::Error>>;

/// One service for all events of a test, so that each finds what the one before it left.
pub(crate) struct Behind<E> {
    service: RoomAuth<Recorder<E>, (), E>,
    seen: Seen,
    capture: Capture,
}

impl<E: DeserializeOwned + serde::Serialize + 'static> Behind<E> {
    pub(crate) fn new(authenticator: &Authenticator) -> Self {
        let seen = Seen::default();
        Self {
            service: RoomAuthLayer::new(authenticator.clone()).layer(Recorder {
                seen: seen.clone(),
                takes: std::marker::PhantomData,
            }),
            seen,
            capture: Capture::start(),
        }
    }

    /// Sends the text of an event through the layer. `None`: it is no JSON, which `lambda_runtime` refuses itself.
    pub(crate) async fn send(&mut self, event: &str) -> Option<Outcome> {
        let incoming: Incoming = serde_json::from_str(event).ok()?;
        self.capture.take();
        let service = self.service.ready().await.unwrap();
        let response = service.call(LambdaEvent::new(
            incoming,
            room_auth::lambda_runtime::Context::default(),
        ));
        let response: Value = response.await.unwrap();
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        assert!(seen.len() <= 1, "the handler was called {} times", seen.len());
        let (room, seen) = seen.into_iter().next().unzip();
        Some(Outcome {
            response: response.to_string(),
            seen,
            room,
            log: self.capture.take(),
        })
    }

    /// A good event after a bad one: nothing of the bad one is left.
    pub(crate) async fn assert_still_serves(&mut self, after: &str) {
        let outcome = self.send(&good().to_string()).await.unwrap();
        outcome.assert_accepted(&format!("the event after: {after}"));
    }
}

/// The inner service: notes what it is called with.
struct Recorder<E> {
    seen: Seen,
    takes: std::marker::PhantomData<fn(E)>,
}

impl<E> Clone for Recorder<E> {
    fn clone(&self) -> Self {
        Self {
            seen: self.seen.clone(),
            takes: self.takes,
        }
    }
}

impl<E: serde::Serialize> Service<LambdaEvent<Authenticated<E>>> for Recorder<E> {
    type Response = Value;
    type Error = room_auth::Error;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: LambdaEvent<Authenticated<E>>) -> Answer {
        let (claims, event) = request.payload.into_parts();
        let event = serde_json::to_value(event).unwrap();
        self.seen
            .lock()
            .unwrap()
            .push((claims.room_id().to_string(), event));
        let response = json!({"statusCode": 200});
        assert_eq!(WebSocketResponse::status_code(&response), 200);
        std::future::ready(Ok(response))
    }
}

/// The token of [`good`].
pub(crate) fn good_token() -> String {
    room_auth_forge::token(room_auth_forge::HEADER, room_auth_forge::PAYLOAD)
}

/// A CONNECT event without a token.
pub(crate) fn bare() -> Value {
    serde_json::from_str(&fixture::text("events/connect.json")).unwrap()
}

/// A CONNECT event with a good token in the `Authorization` header.
pub(crate) fn good() -> Value {
    let mut event = bare();
    let bearer = format!("Bearer {}", good_token());
    event["headers"]["Authorization"] = json!(bearer);
    event["multiValueHeaders"]["Authorization"] = json!([bearer]);
    event
}

/// A CONNECT event whose members beside `requestContext` are this text: for what a `Value` cannot hold.
pub(crate) fn with_members(members: &str) -> String {
    let context = bare()["requestContext"].to_string();
    format!(r#"{{{members},"requestContext":{context},"isBase64Encoded":false}}"#)
}
