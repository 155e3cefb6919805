//! The layer on every route, with a registry and a transport that remember what they were asked.
#![allow(clippy::unwrap_used)]

mod capabilities;
mod ending;
mod hooked;
mod identity;
mod order;
mod races;
mod renewal;
mod revocation;
mod room_source;
mod rooms;
mod routes;
mod trusted_authorizer;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt as _;
use room_auth::lambda_runtime::tower::{Layer as _, Service as _};
use room_auth::lambda_runtime::{Context, service_fn};
use room_auth::registry::Connection;
use room_auth::rooms::Rooms;
use room_auth::testing::{self, FixedClock, MemoryRegistry, RecordingTransport};
use room_auth::{
    Authenticated, ConnectionId, Error, EventContext, EventType, Incoming, Issuer, LambdaEvent, PublicKeys,
    RoomAuthLayer, RoomClaims, Verifier, WebSocketEvent,
};
use serde_json::{Value, json};

use hooked::{Call as Asked, Hooked};

/// 2027-01-15T08:00:00Z, in seconds since the epoch.
const NOW: u64 = 1_800_000_000;

const EXPIRED_FRAME: &str = r#"{"message":"token expired"}"#;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn id() -> ConnectionId {
    "abc=".parse().unwrap()
}

/// What the handler was called with, and what the registry held then.
struct Call {
    event_type: EventType,
    claims: RoomClaims<Value>,
    event: Value,
    recorded: Vec<Connection>,
}

struct Stage {
    registry: MemoryRegistry,
    hooked: Hooked,
    transport: RecordingTransport,
    calls: Arc<Mutex<Vec<Call>>>,
    answer: Arc<Mutex<Result<Value, &'static str>>>,
}

impl Stage {
    fn new() -> Self {
        let registry = MemoryRegistry::new();
        Self {
            hooked: Hooked::new(registry.clone()),
            registry,
            transport: RecordingTransport::new(),
            calls: Arc::default(),
            answer: Arc::new(Mutex::new(Ok(json!({"statusCode": 200})))),
        }
    }

    fn rooms(&self) -> Rooms {
        Rooms::new(self.hooked.clone(), self.transport.clone())
    }

    fn layer_at(&self, now: u64) -> RoomAuthLayer<Value, Value> {
        RoomAuthLayer::new(verifier_at(now)).with_rooms(self.rooms())
    }

    async fn send_through(&self, layer: &RoomAuthLayer<Value, Value>, event: &Value) -> Result<Value, Error> {
        let (calls, answer, registry) = (self.calls.clone(), self.answer.clone(), self.registry.clone());
        let mut service = layer.layer(service_fn(
            move |request: LambdaEvent<Authenticated<Value, Value>>| {
                let event_type = request.payload.context().event_type();
                let (claims, event) = request.payload.into_parts();
                calls.lock().unwrap().push(Call {
                    event_type,
                    claims,
                    event,
                    recorded: registry.connections(),
                });
                let answer = answer.lock().unwrap().clone();
                async move { answer.map_err(Error::from) }
            },
        ));
        let incoming: Incoming = serde_json::from_str(&event.to_string()).unwrap();
        service.call(LambdaEvent::new(incoming, Context::default())).await
    }

    async fn send(&self, now: u64, event: &Value) -> Value {
        self.send_through(&self.layer_at(now), event)
            .await
            .expect("a refusal is no error")
    }

    /// Connects `alice` to `lobby` with a token of five minutes.
    async fn connect(&self) {
        let answer = self.send(NOW, &connect(&token("lobby", "alice", NOW, 300))).await;
        assert_eq!(answer["statusCode"], 200);
    }

    fn answer(&self, answer: Result<Value, &'static str>) {
        *self.answer.lock().unwrap() = answer;
    }

    fn calls(&self) -> usize {
        self.calls.lock().unwrap().len()
    }

    fn recorded(&self) -> Option<Connection> {
        self.registry
            .connections()
            .into_iter()
            .find(|connection| connection.id == id())
    }

    /// The frames and closings, as text.
    fn sent(&self) -> Vec<String> {
        let sent = self.transport.sent().into_iter();
        sent.map(|sent| sent.frame.unwrap_or_else(|| "closed".to_owned()))
            .collect()
    }
}

fn verifier_at(now: u64) -> Verifier {
    Verifier::new(PublicKeys::from_pem(testing::public_key_pem()).unwrap()).with_clock(FixedClock::at(now))
}

fn token(room: &str, user: &str, at: u64, seconds: u64) -> String {
    token_with(room, &json!({"user": user}), at, seconds)
}

fn token_with(room: &str, claims: &Value, at: u64, seconds: u64) -> String {
    let issuer = Issuer::new(testing::signing_key(), Duration::from_secs(seconds))
        .unwrap()
        .with_clock(FixedClock::at(at));
    let room = room.parse().unwrap();
    let token = issuer
        .issue(&room, claims)
        .now_or_never()
        .expect("the key is here");
    token.unwrap().as_str().to_owned()
}

fn connect(token: &str) -> Value {
    let mut event = event("CONNECT", "$connect");
    event["headers"] = json!({"Host": "h", "Authorization": format!("Bearer {token}")});
    event
}

fn event(event_type: &str, route: &str) -> Value {
    json!({"requestContext": {
        "eventType": event_type, "routeKey": route, "connectionId": "abc=", "connectedAt": NOW * 1000,
        "apiId": "a1b2c3", "domainName": "h.example", "stage": "dev",
    }, "isBase64Encoded": false})
}

fn message() -> Value {
    event("MESSAGE", "send")
}

fn disconnect() -> Value {
    event("DISCONNECT", "$disconnect")
}

/// What an event is about.
fn context_of(event: &Value) -> EventContext {
    let event: WebSocketEvent = serde_json::from_str(&event.to_string()).unwrap();
    event.context().clone()
}

fn unauthorized() -> Value {
    json!({"statusCode": 401, "body": r#"{"message":"Unauthorized"}"#})
}

fn forbidden() -> Value {
    json!({"statusCode": 403, "body": r#"{"message":"Forbidden"}"#})
}

fn failed() -> Value {
    json!({"statusCode": 500, "body": r#"{"message":"Internal server error"}"#})
}
