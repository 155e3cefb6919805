//! The layer on every route, with a registry and a transport that remember what they were asked.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use lambda_runtime::{Context, Error, LambdaEvent, service_fn};
use serde_json::{Value, json};
use tower::{Layer as _, Service as _};

use super::*;
use crate::claims::RoomClaims;
use crate::event::Incoming;
use crate::id::ConnectionId;
use crate::id::RoomId;
use crate::registry::{BoxFuture, Connection, MemberPage, PageToken, Registry, RegistryError};
use crate::token::{PublicKeys, Verifier, VerifyErrorKind};
use crate::transport::{Transport, TransportError};
use crate::{Issuer, testing};

const NOW: u64 = 1_800_000_000;

#[derive(Debug, Default)]
struct Memory {
    connections: Mutex<HashMap<ConnectionId, Connection>>,
    fails: AtomicBool,
}

impl Memory {
    fn get(&self, id: &str) -> Option<Connection> {
        self.connections
            .lock()
            .unwrap()
            .get(&id.parse().unwrap())
            .cloned()
    }

    fn answer<'a, V: Send + 'a>(&self, value: V) -> BoxFuture<'a, Result<V, RegistryError>> {
        let fails = self.fails.load(Ordering::SeqCst);
        Box::pin(async move {
            if fails {
                Err(RegistryError::throttled("answer"))
            } else {
                Ok(value)
            }
        })
    }
}

impl Registry for Memory {
    fn record<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Result<(), RegistryError>> {
        if !self.fails.load(Ordering::SeqCst) {
            self.connections
                .lock()
                .unwrap()
                .insert(connection.id.clone(), connection.clone());
        }
        self.answer(())
    }

    fn find<'a>(&'a self, id: &'a ConnectionId) -> BoxFuture<'a, Result<Option<Connection>, RegistryError>> {
        let found = self.connections.lock().unwrap().get(id).cloned();
        self.answer(found)
    }

    fn renew<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Result<bool, RegistryError>> {
        let mut connections = self.connections.lock().unwrap();
        let known = connections
            .get_mut(&connection.id)
            .filter(|known| known.connected_at == connection.connected_at)
            .map(|known| *known = connection.clone())
            .is_some();
        self.answer(known)
    }

    fn forget<'a>(
        &'a self,
        id: &'a ConnectionId,
        _room: &'a RoomId,
        connected_at: u64,
    ) -> BoxFuture<'a, Result<(), RegistryError>> {
        self.connections
            .lock()
            .unwrap()
            .retain(|key, known| key != id || known.connected_at != connected_at);
        self.answer(())
    }

    fn members<'a>(
        &'a self,
        _room: &'a RoomId,
        _from: Option<&'a PageToken>,
    ) -> BoxFuture<'a, Result<MemberPage, RegistryError>> {
        unimplemented!("the layer lists no members")
    }
}

#[derive(Debug, Default)]
struct Line {
    said: Mutex<Vec<String>>,
    is_throttled: AtomicBool,
}

impl Line {
    fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    fn note(&self, what: String) -> BoxFuture<'static, Result<(), TransportError>> {
        if self.is_throttled.load(Ordering::SeqCst) {
            return Box::pin(async { Err(TransportError::Throttled) });
        }
        self.said.lock().unwrap().push(what);
        Box::pin(async { Ok(()) })
    }
}

impl Transport for Line {
    fn post<'a>(
        &'a self,
        to: &'a ConnectionId,
        frame: &'a [u8],
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        self.note(format!("{to} {}", String::from_utf8_lossy(frame)))
    }

    fn close<'a>(&'a self, connection: &'a ConnectionId) -> BoxFuture<'a, Result<(), TransportError>> {
        self.note(format!("{connection} closed"))
    }
}

/// What the handler got.
type Seen = (RoomClaims<Value>, Value);

struct Stage {
    registry: Arc<Memory>,
    line: Arc<Line>,
    calls: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<Seen>>>,
    answer: Arc<Mutex<Result<Value, &'static str>>>,
}

impl Stage {
    fn new() -> Self {
        Self {
            registry: Arc::default(),
            line: Arc::default(),
            calls: Arc::default(),
            seen: Arc::default(),
            answer: Arc::new(Mutex::new(Ok(json!({"statusCode": 200})))),
        }
    }

    fn layer_at(&self, now: u64) -> RoomAuthLayer {
        let verifier = Verifier::new(PublicKeys::from_pem(testing::public_key_pem()).unwrap())
            .with_clock(testing::FixedClock::at(now));
        RoomAuthLayer::new(verifier)
            .with_registry(self.registry.clone())
            .with_transport(self.line.clone())
    }

    async fn send_through(&self, layer: &RoomAuthLayer, event: &Value) -> Result<Value, Error> {
        let (calls, seen, answer) = (self.calls.clone(), self.seen.clone(), self.answer.clone());
        let mut service = layer.layer(service_fn(
            move |request: LambdaEvent<Authenticated<Value, Value>>| {
                calls.fetch_add(1, Ordering::SeqCst);
                seen.lock().unwrap().push(request.payload.into_parts());
                let answer = answer.lock().unwrap().clone();
                async move { answer.map_err(Error::from) }
            },
        ));
        let incoming: Incoming<Value, Value> = serde_json::from_str(&event.to_string()).unwrap();
        service.call(LambdaEvent::new(incoming, Context::default())).await
    }

    async fn send(&self, now: u64, event: &Value) -> Value {
        self.send_through(&self.layer_at(now), event)
            .await
            .expect("a refusal is no error")
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

fn token(room: &str, user: &str, at: u64, seconds: u64) -> String {
    let issuer = Issuer::new(testing::signing_key(), std::time::Duration::from_secs(seconds))
        .unwrap()
        .with_clock(testing::FixedClock::at(at));
    issuer
        .issue_with(
            &testing::signing_key(),
            &room.parse().unwrap(),
            &json!({"user": user}),
        )
        .unwrap()
        .as_str()
        .to_owned()
}

fn connect(token: &str) -> Value {
    let mut event = event("CONNECT", "$connect");
    event["headers"] = json!({"Host": "h", "Authorization": format!("Bearer {token}")});
    event
}

fn event(event_type: &str, route: &str) -> Value {
    json!({"requestContext": {
        "eventType": event_type, "routeKey": route, "connectionId": "abc=", "connectedAt": NOW * 1000,
        "domainName": "h.example", "stage": "dev",
    }, "isBase64Encoded": false})
}

fn message() -> Value {
    event("MESSAGE", "send")
}

fn unauthorized() -> Value {
    json!({"statusCode": 401, "body": r#"{"message":"Unauthorized"}"#})
}

#[tokio::test]
async fn claims_of_connect_are_known_on_every_route_until_disconnect() {
    let stage = Stage::new();
    assert_eq!(
        stage
            .send(NOW, &connect(&token("lobby", "alice", NOW, 300)))
            .await["statusCode"],
        200
    );
    let recorded = stage.registry.get("abc=").unwrap();
    assert_eq!(
        (recorded.room.as_str(), recorded.connected_at, recorded.expires_at),
        ("lobby", NOW * 1000, NOW + 300)
    );
    assert!(
        !format!("{recorded:?}").contains("alice"),
        "claims may be personal"
    );

    assert_eq!(stage.send(NOW + 299, &message()).await["statusCode"], 200);
    assert_eq!(
        stage.send(NOW + 299, &event("DISCONNECT", "$disconnect")).await["statusCode"],
        200
    );
    assert!(stage.registry.get("abc=").is_none());
    let seen = stage.seen.lock().unwrap();
    assert_eq!(seen.len(), 3);
    for (claims, _) in seen.iter() {
        assert_eq!(
            (claims.room_id().as_str(), &claims.custom()["user"]),
            ("lobby", &json!("alice"))
        );
    }
    assert_eq!(seen[0].1["headers"]["Authorization"], "Bearer ***");
}

#[tokio::test]
async fn a_connection_that_was_never_recorded_is_refused_and_closed() {
    let stage = Stage::new();
    assert_eq!(stage.send(NOW, &message()).await, unauthorized());
    assert_eq!(
        stage.send(NOW, &event("DISCONNECT", "$disconnect")).await,
        unauthorized()
    );
    assert_eq!(stage.calls(), 0);
    assert_eq!(
        stage.line.said(),
        ["abc= closed"],
        "a closed connection is not closed again"
    );
}

#[tokio::test]
async fn an_expired_connection_is_told_closed_and_forgotten_and_its_message_not_taken() {
    let stage = Stage::new();
    stage
        .send(NOW, &connect(&token("lobby", "alice", NOW, 300)))
        .await;
    assert_eq!(stage.send(NOW + 300, &message()).await, unauthorized());
    assert_eq!(stage.calls(), 1, "only $connect");
    assert_eq!(
        stage.line.said(),
        [r#"abc= {"message":"token expired"}"#, "abc= closed"]
    );
    assert!(stage.registry.get("abc=").is_none());
}

#[tokio::test]
async fn an_expired_connection_that_was_not_closed_stays_recorded_until_it_is() {
    let stage = Stage::new();
    stage
        .send(NOW, &connect(&token("lobby", "alice", NOW, 300)))
        .await;
    stage.line.is_throttled.store(true, Ordering::SeqCst);
    assert_eq!(stage.send(NOW + 300, &message()).await, unauthorized());
    assert!(
        stage.registry.get("abc=").is_some(),
        "a broadcast must find whom to close"
    );
    stage.line.is_throttled.store(false, Ordering::SeqCst);
    assert_eq!(stage.send(NOW + 301, &message()).await, unauthorized());
    assert_eq!(stage.calls(), 1, "only $connect");
    assert!(stage.registry.get("abc=").is_none());
}

#[tokio::test]
async fn an_expired_token_does_not_stop_the_clean_up() {
    let stage = Stage::new();
    stage
        .send(NOW, &connect(&token("lobby", "alice", NOW, 300)))
        .await;
    *stage.answer.lock().unwrap() = Err("the handler failed");
    let failed = stage
        .send_through(&stage.layer_at(NOW + 900), &event("DISCONNECT", "$disconnect"))
        .await;
    assert_eq!(failed.unwrap_err().to_string(), "the handler failed");
    assert_eq!(stage.calls(), 2);
    assert!(
        stage.registry.get("abc=").is_none(),
        "forgotten, whatever the handler returned"
    );
}

#[tokio::test]
async fn a_late_disconnect_of_an_older_connection_leaves_the_newer() {
    let stage = Stage::new();
    stage
        .send(NOW, &connect(&token("lobby", "alice", NOW, 300)))
        .await;
    let mut late = event("DISCONNECT", "$disconnect");
    late["requestContext"]["connectedAt"] = json!(NOW * 1000 - 1);
    assert_eq!(stage.send(NOW, &late).await, unauthorized());
    assert_eq!(
        stage.calls(),
        1,
        "the handler is not told that the newer one left"
    );
    assert!(stage.registry.get("abc=").is_some());
}

#[tokio::test]
async fn only_a_connection_that_the_handler_lets_be_is_recorded() {
    for answer in [Ok(json!({"statusCode": 403})), Ok(json!({})), Err("failed")] {
        let stage = Stage::new();
        *stage.answer.lock().unwrap() = answer;
        let _ = stage
            .send_through(&stage.layer_at(NOW), &connect(&token("lobby", "alice", NOW, 300)))
            .await;
        assert_eq!(stage.calls(), 1);
        assert!(stage.registry.get("abc=").is_none());
    }
}

#[tokio::test]
async fn a_fault_of_the_registry_is_a_500_and_no_401() {
    let stage = Stage::new();
    let fault = json!({"statusCode": 500, "body": r#"{"message":"Internal server error"}"#});
    stage
        .send(NOW, &connect(&token("lobby", "alice", NOW, 300)))
        .await;
    stage.registry.fails.store(true, Ordering::SeqCst);
    assert_eq!(stage.send(NOW, &message()).await, fault);
    assert_eq!(stage.calls(), 1);
    assert_eq!(
        stage.send(NOW, &connect(&token("lobby", "bob", NOW, 300))).await,
        fault,
        "recorded before the 200"
    );
}

#[tokio::test]
async fn a_subprotocol_is_answered_after_the_connection_is_recorded() {
    let stage = Stage::new();
    let token = token("lobby", "alice", NOW, 300);
    let mut event = event("CONNECT", "$connect");
    event["headers"] = json!({"Sec-WebSocket-Protocol": format!("room-auth, {token}")});
    let answer = stage.send(NOW, &event).await;
    assert_eq!(
        answer,
        json!({"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "room-auth"}})
    );
}

#[tokio::test]
async fn an_application_protocol_is_answered_also_where_no_token_may_stand_beside_it() {
    let stage = Stage::new();
    let narrow = |layer: RoomAuthLayer| layer.with_sources([crate::TokenSource::authorization()]).unwrap();
    let name = |layer: RoomAuthLayer| layer.with_application_protocols(["graphql-ws"]).unwrap();
    for layer in [
        name(narrow(stage.layer_at(NOW))),
        narrow(name(stage.layer_at(NOW))),
    ] {
        for (offer, answer) in [
            ("graphql-ws", json!("graphql-ws")),
            ("other, graphql-ws", json!("graphql-ws")),
            ("other", json!(null)),
        ] {
            let mut event = connect(&token("lobby", "alice", NOW, 300));
            event["headers"]["Sec-WebSocket-Protocol"] = json!(offer);
            let response = stage.send_through(&layer, &event).await.unwrap();
            assert_eq!(response["statusCode"], 200, "{offer}");
            assert_eq!(response["headers"]["Sec-WebSocket-Protocol"], answer, "{offer}");
        }
        let mut event = event("CONNECT", "$connect");
        let token = token("lobby", "alice", NOW, 300);
        event["headers"] = json!({"Sec-WebSocket-Protocol": format!("graphql-ws, room-auth, {token}")});
        assert_eq!(stage.send_through(&layer, &event).await.unwrap(), unauthorized());
    }
}

#[tokio::test]
async fn a_renewal_moves_the_expiry_and_demands_room_and_condition() {
    let stage = Stage::new();
    stage
        .send(NOW, &connect(&token("lobby", "alice", NOW, 300)))
        .await;
    let (claims, _) = stage.seen.lock().unwrap()[0].clone();
    let layer = stage.layer_at(NOW + 200);
    let same_user = |new: &RoomClaims<Value>| new.custom()["user"] == claims.custom()["user"];

    let refused = [
        layer
            .renew_if(
                "abc=",
                &claims,
                &token("staff", "alice", NOW + 200, 300),
                same_user,
            )
            .await
            .unwrap_err(),
        layer
            .renew_if("abc=", &claims, &token("lobby", "bob", NOW + 200, 300), same_user)
            .await
            .unwrap_err(),
        layer
            .renew_if(
                "abc=",
                &claims,
                &token("lobby", "alice", NOW - 200, 300),
                same_user,
            )
            .await
            .unwrap_err(),
        layer
            .renew_if(
                "other=",
                &claims,
                &token("lobby", "alice", NOW + 200, 300),
                same_user,
            )
            .await
            .unwrap_err(),
    ];
    assert!(
        matches!(
            &refused,
            [RenewError::OtherRoom, RenewError::NotAccepted, RenewError::Token(error), RenewError::UnknownConnection]
                if error.kind() == VerifyErrorKind::Expired
        ),
        "{refused:?}"
    );
    assert_eq!(
        stage.registry.get("abc=").unwrap().expires_at,
        NOW + 300,
        "as it was"
    );

    layer
        .renew_if(
            "abc=",
            &claims,
            &token("lobby", "alice", NOW + 200, 300),
            same_user,
        )
        .await
        .unwrap();
    assert_eq!(stage.registry.get("abc=").unwrap().expires_at, NOW + 500);
    assert_eq!(stage.send(NOW + 499, &message()).await["statusCode"], 200);
    assert_eq!(stage.send(NOW + 500, &message()).await, unauthorized());
}

#[tokio::test]
async fn a_renewal_demands_the_room_of_the_connection_whatever_claims_are_passed() {
    let stage = Stage::new();
    stage
        .send(NOW, &connect(&token("lobby", "alice", NOW, 300)))
        .await;
    let staff = testing::claims("staff", json!({}));
    let error = stage
        .layer_at(NOW)
        .renew("abc=", &staff, &token("staff", "alice", NOW, 300))
        .await
        .unwrap_err();
    assert!(matches!(error, RenewError::OtherRoom), "{error:?}");
    assert_eq!(stage.registry.get("abc=").unwrap().room.as_str(), "lobby");
}

#[tokio::test]
async fn a_connection_counts_for_two_hours_at_most_however_long_its_token_does() {
    let stage = Stage::new();
    let long = 10 * crate::registry::MAX_CONNECTION_SECONDS;
    stage
        .send(NOW, &connect(&token("lobby", "alice", NOW, long)))
        .await;
    let end = NOW + crate::registry::MAX_CONNECTION_SECONDS;
    assert_eq!(stage.registry.get("abc=").unwrap().expires_at, end);
    assert_eq!(stage.send(end - 1, &message()).await["statusCode"], 200);

    let (claims, _) = stage.seen.lock().unwrap()[0].clone();
    let layer = stage.layer_at(end - 1);
    let renewal = token("lobby", "alice", end - 1, long);
    layer.renew("abc=", &claims, &renewal).await.unwrap();
    assert_eq!(stage.registry.get("abc=").unwrap().expires_at, end);
    assert_eq!(stage.send(end, &message()).await, unauthorized());
}

#[tokio::test]
async fn recorded_claims_that_do_not_fit_the_handler_are_a_fault_and_still_forgotten() {
    let stage = Stage::new();
    let (id, room) = ("abc=".parse().unwrap(), "lobby".parse().unwrap());
    let connection = Connection::new(id, room, "{}", NOW * 1000, NOW + 300);
    stage.registry.record(&connection).await.unwrap();
    assert_eq!(stage.send(NOW, &message()).await["statusCode"], 500);
    assert_eq!(
        stage.send(NOW, &event("DISCONNECT", "$disconnect")).await["statusCode"],
        500
    );
    assert_eq!(stage.calls(), 0);
    assert!(stage.registry.get("abc=").is_none());
}

#[tokio::test]
async fn claims_come_from_the_context_only_where_the_authorizer_is_trusted() {
    let stage = Stage::new();
    let verifier = Verifier::new(PublicKeys::from_pem(testing::public_key_pem()).unwrap())
        .with_clock(testing::FixedClock::at(NOW));
    let claims = json!({"sub": "lobby", "iat": NOW - 10, "exp": NOW + 10, "user": "alice"}).to_string();
    let mut good = message();
    good["requestContext"]["authorizer"] = json!({"principalId": "lobby", "room_auth": claims});

    let untrusting = RoomAuthLayer::new(verifier.clone());
    assert_eq!(
        stage.send_through(&untrusting, &good).await.unwrap(),
        unauthorized()
    );
    assert_eq!(stage.calls(), 0);

    let trusting = RoomAuthLayer::new(verifier)
        .with_trusted_authorizer()
        .with_transport(stage.line.clone());
    assert_eq!(
        stage.send_through(&trusting, &good).await.unwrap()["statusCode"],
        200
    );
    assert_eq!(stage.seen.lock().unwrap()[0].0.custom()["user"], "alice");

    let expired = json!({"sub": "lobby", "iat": NOW - 10, "exp": NOW, "user": "alice"}).to_string();
    for context in [
        json!(null),
        json!([]),
        json!({"principalId": "lobby"}),
        json!({"room_auth": {"sub": "lobby"}}),
        json!({"room_auth": "{}"}),
        json!({"room_auth": expired}),
    ] {
        let mut event = message();
        event["requestContext"]["authorizer"] = context.clone();
        assert_eq!(
            stage.send_through(&trusting, &event).await.unwrap(),
            unauthorized(),
            "{context}"
        );
    }
    assert_eq!(stage.calls(), 1);
    assert_eq!(
        stage.line.said(),
        [r#"abc= {"message":"token expired"}"#, "abc= closed"]
    );
}
