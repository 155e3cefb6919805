//! Tokens that speak of a user: which room they are let into, on every route.

use room_auth::rooms::MembershipError;
use room_auth::{Authenticator, EventContext, RoomSource, TokenSource, VerifyErrorKind, WebSocketEvent};

use super::*;

/// A token of a user who may be in these rooms.
fn user_token(rooms: &[&str], at: u64) -> String {
    let issuer = Issuer::new(testing::signing_key(), Duration::from_mins(5)).unwrap();
    let issuer = issuer.with_clock(FixedClock::at(at));
    let user = "alice".parse().unwrap();
    let token = issuer
        .issue(&user, &json!({"rooms": rooms}))
        .now_or_never()
        .expect("the key is here");
    token.unwrap().as_str().to_owned()
}

fn listed() -> RoomSource {
    RoomSource::requested_from("rooms")
}

fn permitted() -> RoomSource {
    RoomSource::requested_if(|claims, room| {
        let rooms: Vec<String> = claims.get("rooms").unwrap_or_default();
        claims.subject() == "alice" && rooms.iter().any(|listed| listed == room.as_str())
    })
}

impl Stage {
    fn layer_of(&self, source: RoomSource, now: u64) -> RoomAuthLayer<Value, Value> {
        RoomAuthLayer::new(verifier_at(now).with_room_source(source)).with_rooms(self.rooms())
    }

    async fn send_of(&self, source: RoomSource, now: u64, event: &Value) -> Value {
        self.send_through(&self.layer_of(source, now), event)
            .await
            .expect("a refusal is no error")
    }
}

/// A `$connect` with a token for `lobby` and `staff`, as API Gateway repeats `query` in both maps.
fn connect_to(query: &Value) -> Value {
    let mut event = connect(&user_token(&["lobby", "staff"], NOW));
    event["queryStringParameters"] = query.clone();
    let lists = query.as_object().map(|query| {
        let lists = query.iter().map(|(name, value)| (name.clone(), json!([value])));
        Value::Object(lists.collect())
    });
    event["multiValueQueryStringParameters"] = lists.into();
    event
}

#[tokio::test]
async fn the_requested_room_is_that_of_every_later_route() {
    for (source, room) in [(listed(), "lobby"), (listed(), "staff"), (permitted(), "staff")] {
        let stage = Stage::new();
        let connecting = connect_to(&json!({"room": room, "v": "2"}));
        for event in [connecting, message(), disconnect()] {
            let answer = stage.send_of(source.clone(), NOW, &event).await;
            assert_eq!(answer["statusCode"], 200, "{event}");
        }
        let calls = stage.calls.lock().unwrap();
        let seen: Vec<_> = calls
            .iter()
            .map(|call| (call.claims.room_id().as_str(), call.claims.subject()))
            .collect();
        assert_eq!(seen, [(room, "alice"); 3]);
        assert_eq!(calls[1].recorded[0].room.as_str(), room);
    }
}

#[tokio::test]
async fn a_handshake_that_requests_no_room_or_two_or_another_reaches_no_handler() {
    let good = connect_to(&json!({"room": "lobby"}));
    let with = |plain: Value, lists: Value| {
        let mut event = good.clone();
        event["queryStringParameters"] = plain;
        event["multiValueQueryStringParameters"] = lists;
        event
    };
    let long = "x".repeat(129);
    let rows = [
        ("no parameters", with(json!(null), json!(null))),
        ("no room", connect_to(&json!({"v": "2"}))),
        ("an empty room", connect_to(&json!({"room": ""}))),
        ("another room", connect_to(&json!({"room": "vault"}))),
        ("in capitals", connect_to(&json!({"room": "LOBBY"}))),
        ("a name in capitals", connect_to(&json!({"Room": "lobby"}))),
        (
            "two spellings",
            connect_to(&json!({"room": "lobby", "ROOM": "lobby"})),
        ),
        ("no room id", connect_to(&json!({"room": "lobby staff"}))),
        ("a list", connect_to(&json!({"room": "lobby,staff"}))),
        ("a line end", connect_to(&json!({"room": "lobby\n"}))),
        ("too long", connect_to(&json!({"room": long}))),
        (
            "two rooms",
            with(json!({"room": "lobby"}), json!({"room": ["staff", "lobby"]})),
        ),
        (
            "the same room twice",
            with(json!({"room": "lobby"}), json!({"room": ["lobby", "lobby"]})),
        ),
        (
            "two opinions",
            with(json!({"room": "lobby"}), json!({"room": ["staff"]})),
        ),
        ("no value", with(json!({}), json!({"room": []}))),
        ("not a text", with(json!({"room": 7}), json!(null))),
        ("an array", with(json!({"room": ["lobby"]}), json!(null))),
    ];
    for source in [listed(), permitted()] {
        let stage = Stage::new();
        for (what, event) in &rows {
            assert_eq!(
                stage.send_of(source.clone(), NOW, event).await,
                unauthorized(),
                "{what}"
            );
        }
        assert_eq!(stage.calls(), 0);
        assert!(stage.recorded().is_none());
        assert_eq!(stage.send_of(source, NOW, &good).await["statusCode"], 200);
        assert_eq!(stage.calls(), 1);
    }
}

#[tokio::test]
async fn where_no_room_is_requested_the_parameter_is_the_users_own() {
    let stage = Stage::new();
    let mut event = connect(&token("lobby", "alice", NOW, 300));
    event["queryStringParameters"] = json!({"room": 7, "ROOM": "other"});
    assert_eq!(stage.send(NOW, &event).await["statusCode"], 200);
    assert_eq!(stage.calls.lock().unwrap()[0].claims.room_id().as_str(), "lobby");
}

#[tokio::test]
async fn a_record_for_a_room_that_its_claims_do_not_permit_is_a_fault() {
    let by_claim = || RoomSource::claim("room");
    let rows = [
        ("listed", listed(), json!({"rooms": ["staff"]})),
        ("not listed any more", listed(), json!({})),
        ("permitted", permitted(), json!({"rooms": ["staff"]})),
        ("another claim", by_claim(), json!({"room": "staff"})),
        ("no claim", by_claim(), json!({"rooms": ["lobby"]})),
        ("default", RoomSource::default(), json!({"rooms": ["lobby"]})),
    ];
    for (what, source, members) in rows {
        let stage = Stage::new();
        let mut claims = json!({"sub": "alice", "iat": NOW, "exp": NOW + 300});
        claims
            .as_object_mut()
            .unwrap()
            .extend(members.as_object().unwrap().clone());
        let endpoint = "a1b2c3/dev".parse().unwrap();
        let room = "lobby".parse().unwrap();
        let record = Connection::new(id(), endpoint, room, claims.to_string(), at(NOW), at(NOW + 300));
        let recorded = room_auth::Registry::record(&stage.registry, &record, None).await;
        assert_eq!(recorded.unwrap(), room_auth::registry::Written::Done);
        assert_eq!(stage.send_of(source, NOW, &message()).await, failed(), "{what}");
        assert_eq!(stage.calls(), 0, "{what}");
    }
}

#[tokio::test]
async fn a_renewal_is_for_the_room_that_the_connection_is_in() {
    let stage = Stage::new();
    let event = connect_to(&json!({"room": "lobby"}));
    assert_eq!(stage.send_of(listed(), NOW, &event).await["statusCode"], 200);
    let verifier = verifier_at(NOW + 200).with_room_source(listed());
    let claims: RoomClaims<Value> = verifier
        .verify_for(&user_token(&["lobby", "staff"], NOW), &"lobby".parse().unwrap())
        .unwrap();
    let rooms = stage.rooms().with_verifier(verifier);
    let event: WebSocketEvent = serde_json::from_str(&message().to_string()).unwrap();
    let context: EventContext = event.context().clone();
    let invocation = Context::default();
    let session = rooms.session(&claims, &context, &invocation);

    let elsewhere = user_token(&["staff"], NOW + 200);
    let error = session.renew(&elsewhere).await.unwrap_err();
    assert!(
        matches!(&error, MembershipError::Token(error) if (error.kind(), error.member()) == (VerifyErrorKind::Claims, Some("rooms"))),
        "{error:?}"
    );
    assert!(error.is_refusal());
    assert_eq!(stage.recorded().unwrap().expires_at, at(NOW + 300));

    let renewed = session
        .renew(&user_token(&["staff", "lobby"], NOW + 200))
        .await
        .unwrap();
    assert_eq!(
        (renewed.room_id().as_str(), renewed.subject()),
        ("lobby", "alice")
    );
    assert_eq!(stage.recorded().unwrap().expires_at, at(NOW + 500));
    assert_eq!(
        stage.send_of(listed(), NOW + 499, &message()).await["statusCode"],
        200
    );
}

#[tokio::test]
async fn a_renewal_by_a_claim_for_another_room_is_refused() {
    let stage = Stage::new();
    let verifier = verifier_at(NOW).with_room_source(RoomSource::claim("user"));
    let rooms = stage.rooms().with_verifier(verifier.clone());
    let claims: RoomClaims<Value> = verifier.verify(&token("u", "lobby", NOW, 300)).unwrap();
    let event: WebSocketEvent = serde_json::from_str(&message().to_string()).unwrap();
    let invocation = Context::default();
    let session = rooms.session(&claims, event.context(), &invocation);
    let error = session.renew(&token("u", "staff", NOW, 300)).await.unwrap_err();
    assert!(matches!(error, MembershipError::OtherRoom), "{error:?}");
}

#[tokio::test]
async fn members_are_listed_by_the_rooms_source() {
    let stage = Stage::new();
    let event = connect_to(&json!({"room": "lobby"}));
    assert_eq!(stage.send_of(listed(), NOW, &event).await["statusCode"], 200);
    let lobby = "lobby".parse().unwrap();
    for (source, count) in [(listed(), 1), (permitted(), 1), (RoomSource::default(), 0)] {
        let rooms = stage
            .rooms()
            .with_verifier(verifier_at(NOW).with_room_source(source));
        let members = rooms.members::<Value>(&lobby).up_to(10).await.unwrap();
        assert_eq!(members.len(), count);
        assert!(members.iter().all(|member| member.claims.subject() == "alice"));
    }
}

#[test]
fn the_parameter_of_the_room_cannot_also_hold_the_token() {
    let authenticator = Authenticator::new(verifier_at(NOW).with_room_source(listed()));
    for name in ["room", "Room"] {
        let error = authenticator
            .clone()
            .with_sources([TokenSource::query(name)])
            .unwrap_err();
        assert!(error.to_string().contains("`room`"), "{error}");
    }
    authenticator
        .with_sources([TokenSource::query("ticket")])
        .unwrap();
    let by_subject = Authenticator::new(verifier_at(NOW));
    by_subject.with_sources([TokenSource::query("room")]).unwrap();
}

#[tokio::test]
async fn behind_a_trusted_authorizer_the_room_is_the_one_that_it_saw() {
    let stage = Stage::new();
    let trusting =
        |source| RoomAuthLayer::new(verifier_at(NOW).with_room_source(source)).with_trusted_authorizer();
    let payload = json!({"sub": "alice", "iat": NOW, "exp": NOW + 300, "rooms": ["lobby", "staff"]});
    let seen = |room: Value| json!({"room_auth": payload.to_string(), "room_auth_room": room});
    for source in [listed(), permitted()] {
        for (context, is_accepted) in [
            (seen(json!("lobby")), true),
            (seen(json!("vault")), false),
            (seen(json!("no room")), false),
            (seen(json!(null)), false),
            (seen(json!(["lobby"])), false),
            (json!({"room_auth": payload.to_string()}), false),
        ] {
            for mut event in [message(), disconnect()] {
                event["requestContext"]["authorizer"] = context.clone();
                let before = stage.calls();
                let answer = stage
                    .send_through(&trusting(source.clone()), &event)
                    .await
                    .unwrap();
                assert_eq!(answer == unauthorized(), !is_accepted, "{context}");
                assert_eq!(stage.calls() > before, is_accepted, "{context}");
            }
        }
    }
    assert!(
        stage
            .calls
            .lock()
            .unwrap()
            .iter()
            .all(|call| (call.claims.room_id().as_str(), call.claims.subject()) == ("lobby", "alice"))
    );
}

#[tokio::test]
async fn a_room_is_not_one_to_the_authorizer_and_another_to_the_layer() {
    let stage = Stage::new();
    let layer = RoomAuthLayer::new(verifier_at(NOW).with_room_source(listed())).with_trusted_authorizer();
    let mut event = connect_to(&json!({"room": "lobby"}));
    let token = user_token(&["lobby", "staff"], NOW);
    let payload = super::trusted_authorizer::payload_of(&token);
    for (room, is_accepted) in [
        (json!("staff"), false),
        (json!(null), false),
        (json!("lobby"), true),
    ] {
        event["requestContext"]["authorizer"] = json!({"room_auth": payload, "room_auth_room": room});
        let answer = stage.send_through(&layer, &event).await.unwrap();
        assert_eq!(answer["statusCode"] == 200, is_accepted, "{room}");
    }
    assert_eq!(stage.calls(), 1);
}
