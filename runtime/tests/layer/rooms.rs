//! Several rooms in one connection, as the layer finds them for each event.

use super::*;

/// Puts the connection into a further room within a message, as a handler does.
async fn join(stage: &Stage, room: &str, seconds: u64) -> RoomClaims<Value> {
    let claims = verifier_at(NOW)
        .verify::<Value>(&token("lobby", "alice", NOW, 300))
        .unwrap();
    let (context, invocation) = (context_of(&message()), Context::default());
    let rooms = stage.rooms().with_verifier(verifier_at(NOW));
    let session = rooms.session(&claims, &context, &invocation);
    session.join(&token(room, "alice", NOW, seconds)).await.unwrap()
}

/// The rooms that the handler of the last event saw.
fn rooms_seen(stage: &Stage, now: u64, event: &Value) -> Vec<String> {
    let calls = stage.calls.lock().unwrap();
    let claims = &calls.last().unwrap().claims;
    let (context, invocation) = (context_of(event), Context::default());
    let rooms = stage.rooms().with_verifier(verifier_at(now));
    let session = rooms.session(claims, &context, &invocation);
    session.rooms().iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_message_costs_one_read_however_many_rooms_its_connection_is_in() {
    let stage = Stage::new();
    stage.connect().await;
    for number in 0..7 {
        stage.hooked.take_calls();
        stage.send(NOW, &message()).await;
        assert_eq!(
            stage.hooked.take_calls(),
            [Asked::Find],
            "with {number} further rooms"
        );
        join(&stage, &format!("room{number}"), 300).await;
    }
    stage.hooked.take_calls();
    stage.send(NOW, &message()).await;
    assert_eq!(rooms_seen(&stage, NOW, &message()).len(), 8);
    let asked = stage.hooked.take_calls();
    assert_eq!(asked, [Asked::Find], "the memberships come with the claims");
}

#[tokio::test]
async fn a_handler_sees_the_rooms_of_the_connection_and_claims_for_each() {
    let stage = Stage::new();
    stage.connect().await;
    let joined = join(&stage, "staff", 200).await;
    join(&stage, "night", 100).await;
    for (now, expected) in [
        (NOW, &["lobby", "night", "staff"][..]),
        (NOW + 100, &["lobby", "staff"]),
        (NOW + 200, &["lobby"]),
    ] {
        stage.send(now, &message()).await;
        assert_eq!(rooms_seen(&stage, now, &message()), expected, "{}", now - NOW);
    }
    let calls = stage.calls.lock().unwrap();
    let claims = &calls.last().unwrap().claims;
    assert_eq!(
        claims.room_id().as_str(),
        "lobby",
        "the claims of the request are those of $connect"
    );
    let (context, invocation) = (context_of(&message()), Context::default());
    let rooms = stage.rooms().with_verifier(verifier_at(NOW));
    let session = rooms.session(claims, &context, &invocation);
    let staff = "staff".parse().unwrap();
    assert_eq!(session.claims_for(&staff), Some(joined.clone()));
    assert_eq!(session.in_room(&staff).unwrap().claims(), &joined);
    let other = "other".parse().unwrap();
    assert!(session.claims_for(&other).is_none() && session.in_room(&other).is_none());
}

#[tokio::test]
async fn a_disconnect_knows_all_rooms_even_those_that_have_lapsed() {
    let stage = Stage::new();
    stage.connect().await;
    join(&stage, "staff", 100).await;
    join(&stage, "night", 300).await;
    // The connection's own token has expired as well.
    let answer = stage.send(NOW + 301, &disconnect()).await;
    assert_eq!(answer["statusCode"], 200);
    assert_eq!(
        rooms_seen(&stage, NOW + 301, &disconnect()),
        ["lobby", "night", "staff"]
    );
    assert!(stage.recorded().is_none());
}

#[tokio::test]
async fn all_rooms_end_with_the_connections_own_token() {
    let stage = Stage::new();
    stage.connect().await;
    join(&stage, "staff", 3000).await;
    assert_eq!(stage.send(NOW + 300, &message()).await, unauthorized());
    assert_eq!(stage.sent(), [EXPIRED_FRAME, "closed"]);
    assert!(stage.registry.connections().is_empty());
    assert_eq!(stage.calls(), 1, "only $connect");
}

#[tokio::test]
async fn a_connection_that_its_handler_refuses_is_forgotten_though_it_changed() {
    let stage = Arc::new(Stage::new());
    stage.answer(Ok(json!({"statusCode": 500})));
    let changing = stage.clone();
    stage.hooked.before_next(Asked::Forget, move || {
        let seen = changing.recorded().unwrap();
        let next = seen.renewed(seen.claims.as_str(), at(NOW + 300));
        let updating = room_auth::Registry::update(&changing.registry, &seen, &next, None);
        let updated = updating.now_or_never().unwrap().unwrap();
        assert_eq!(updated, room_auth::registry::Written::Done);
    });
    stage
        .send(NOW, &connect(&token("lobby", "alice", NOW, 300)))
        .await;
    assert!(stage.recorded().is_none());
}
