//! What happens to a connection between two steps of something else. `connect versus revoke` is in `revocation.rs`.

use room_auth::RegistryError;
use room_auth::rooms::{Broadcast, MembershipError, UndeliveredReason};

use super::*;

const FRAME: &str = "hello";

fn users() -> Verifier {
    verifier_at(NOW).with_user_claim("user")
}

/// A stage whose rooms know users, revocations and a bound of one further room.
fn secured(stage: &Stage) -> Rooms {
    let rooms = stage.rooms().with_revocation().with_max_rooms(1);
    rooms.with_verifier(users())
}

async fn connect_alice(stage: &Stage) -> Connection {
    let layer = RoomAuthLayer::new(users()).with_rooms(secured(stage));
    let event = connect(&token("lobby", "alice", NOW, 300));
    let answer = stage.send_through(&layer, &event).await.unwrap();
    assert_eq!(answer["statusCode"], 200);
    stage.recorded().unwrap()
}

async fn join(stage: &Stage, room: &str, user: &str) -> Result<RoomClaims<Value>, MembershipError> {
    let (rooms, invocation) = (secured(stage), Context::default());
    let claims = users()
        .verify::<Value>(&token("lobby", "alice", NOW, 300))
        .unwrap();
    let context = context_of(&message());
    let session = rooms.session(&claims, &context, &invocation);
    session.join(&token(room, user, NOW, 200)).await
}

/// Nothing in memory waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("it is done at once")
}

fn broadcast(stage: &Stage, room: &str, seconds: u64) -> room_auth::rooms::DeliveryReport {
    let room = room.parse().unwrap();
    let rooms = stage.rooms().with_verifier(verifier_at(NOW + seconds));
    now(rooms.broadcast(Broadcast::new(&room, FRAME))).unwrap()
}

#[tokio::test]
async fn a_token_of_another_user_does_not_join() {
    let stage = Stage::new();
    let recorded = connect_alice(&stage).await;
    let error = join(&stage, "staff", "bob").await.unwrap_err();
    assert!(
        matches!(error, MembershipError::OtherUser) && error.is_refusal(),
        "{error:?}"
    );
    assert_eq!(stage.recorded(), Some(recorded));
}

#[tokio::test]
async fn join_versus_revoke_leaves_nobody_in_a_room() {
    for before in [Asked::Find, Asked::Revocations, Asked::Update] {
        let stage = Arc::new(Stage::new());
        connect_alice(&stage).await;
        let revoking = stage.clone();
        stage.hooked.before_next(before, move || {
            let report = now(secured(&revoking).revoke_user("alice")).unwrap();
            assert_eq!(report.ended(), 1, "{before:?}");
        });
        let error = join(&stage, "staff", "alice").await.unwrap_err();
        let is_refused = matches!(
            error,
            MembershipError::Revoked | MembershipError::UnknownConnection
        );
        assert!(is_refused, "{before:?}: {error:?}");
        assert!(stage.registry.connections().is_empty(), "{before:?}");
        assert_eq!(broadcast(&stage, "staff", 0).delivered(), 0, "{before:?}");
    }
}

#[tokio::test]
async fn revoke_versus_join_ends_the_connection_in_all_its_rooms() {
    for before in [Asked::Revoke, Asked::ConnectionsOf, Asked::Forget] {
        let stage = Arc::new(Stage::new());
        connect_alice(&stage).await;
        let joining = stage.clone();
        stage.hooked.before_next(before, move || {
            let joined = now(join(&joining, "staff", "alice"));
            match before {
                Asked::Revoke => assert!(joined.is_ok(), "before the marker"),
                _ => assert!(
                    matches!(joined, Err(MembershipError::Revoked)),
                    "{before:?}: {joined:?}"
                ),
            }
        });
        let report = secured(&stage).revoke_user("alice").await.unwrap();
        assert_eq!((report.ended(), report.is_complete()), (1, true), "{before:?}");
        assert!(stage.registry.connections().is_empty(), "{before:?}");
        assert_eq!(broadcast(&stage, "staff", 0).delivered(), 0, "{before:?}");
    }
}

#[tokio::test]
async fn two_joins_at_the_bound_let_one_in() {
    let stage = Arc::new(Stage::new());
    connect_alice(&stage).await;
    let joining = stage.clone();
    // Both have seen a connection in no further room.
    stage.hooked.before_next(Asked::Update, move || {
        now(join(&joining, "first", "alice")).unwrap();
    });
    let error = join(&stage, "second", "alice").await.unwrap_err();
    assert!(matches!(error, MembershipError::TooManyRooms(1)), "{error:?}");
    let rooms: Vec<_> = stage
        .recorded()
        .unwrap()
        .rooms()
        .map(ToString::to_string)
        .collect();
    assert_eq!(rooms, ["lobby", "first"]);
}

#[tokio::test]
async fn a_join_and_a_renewal_at_the_same_time_both_count() {
    let stage = Arc::new(Stage::new());
    connect_alice(&stage).await;
    let renewing = stage.clone();
    stage.hooked.before_next(Asked::Update, move || {
        now(join(&renewing, "lobby", "alice")).unwrap();
    });
    join(&stage, "staff", "alice").await.unwrap();
    let recorded = stage.recorded().unwrap();
    assert_eq!(recorded.expires_at, at(NOW + 200), "renewed");
    assert_eq!(recorded.memberships().len(), 1, "joined");
}

#[tokio::test]
async fn renew_versus_expire_of_a_membership_lets_the_renewal_win() {
    let stage = Arc::new(Stage::new());
    let recorded = connect_alice(&stage).await;
    join(&stage, "staff", "alice").await.unwrap();
    let renewed = stage.recorded().unwrap();
    let claims = renewed.memberships()[0]
        .claims
        .replace(&(NOW + 200).to_string(), &(NOW + 290).to_string());
    let renewed = renewed.joined(&"staff".parse().unwrap(), claims, at(NOW + 290));
    // The broadcast has seen the membership lapsed, and is about to take it out.
    let renewing = stage.clone();
    stage.hooked.before_next(Asked::Update, move || {
        let seen = renewing.recorded().unwrap();
        let updated = room_auth::Registry::update(&renewing.registry, &seen, &renewed, None);
        assert_eq!(now(updated).unwrap(), room_auth::registry::Written::Done);
    });
    let report = broadcast(&stage, "staff", 201);
    assert_eq!((report.delivered(), report.expired()), (1, 0));
    assert_eq!(stage.recorded().unwrap().memberships().len(), 1);
    assert!(stage.recorded().unwrap().is_same_connection(&recorded));
    assert_eq!(stage.sent(), [format!("{FRAME:?}")]);
}

#[tokio::test]
async fn leave_versus_broadcast_neither_reaches_nor_ends_who_has_left() {
    let stage = Arc::new(Stage::new());
    connect_alice(&stage).await;
    join(&stage, "staff", "alice").await.unwrap();
    let leave = |stage: &Stage| {
        let seen = stage.recorded().unwrap();
        let next = seen.left(|_| true);
        let left = room_auth::Registry::update(&stage.registry, &seen, &next, None);
        assert_eq!(now(left).unwrap(), room_auth::registry::Written::Done);
    };
    // It leaves right before the room is listed.
    let leaving = stage.clone();
    stage.hooked.before_next(Asked::Members, move || leave(&leaving));
    let report = broadcast(&stage, "staff", 0);
    assert_eq!((report.delivered(), report.gone(), report.expired()), (0, 0, 0));
    assert!(stage.sent().is_empty());
    // It is listed with a membership that has lapsed, and leaves before anything is done about that.
    join(&stage, "staff", "alice").await.unwrap();
    let leaving = stage.clone();
    stage.hooked.before_next(Asked::Find, move || leave(&leaving));
    let report = broadcast(&stage, "staff", 201);
    assert_eq!((report.delivered(), report.is_complete()), (0, true));
    assert!(stage.sent().is_empty(), "neither told nor closed");
    assert!(stage.recorded().is_some(), "it stays in its own room");
    assert_eq!(broadcast(&stage, "lobby", 201).delivered(), 1);
}

#[tokio::test]
async fn a_kick_versus_a_join_ends_the_connection_in_the_room_it_came_into() {
    let stage = Arc::new(Stage::new());
    connect_alice(&stage).await;
    let joining = stage.clone();
    stage.hooked.before_next(Asked::Forget, move || {
        now(join(&joining, "staff", "alice")).unwrap();
    });
    stage.rooms().disconnect(&id()).await.unwrap();
    assert!(stage.registry.connections().is_empty());
    let error = join(&stage, "staff", "alice").await.unwrap_err();
    assert!(matches!(error, MembershipError::UnknownConnection), "{error:?}");
}

#[tokio::test]
async fn an_id_that_is_used_again_brings_no_rooms_along() {
    let stage = Stage::new();
    let older = connect_alice(&stage).await;
    join(&stage, "staff", "alice").await.unwrap();
    let newer = Connection::new(
        id(),
        older.endpoint.clone(),
        "night".parse().unwrap(),
        json!({"sub": "night", "iat": NOW, "exp": NOW + 300, "user": "bob"}).to_string(),
        at(NOW + 120),
        at(NOW + 300),
    );
    let newer = newer.with_user(Some("bob"));
    let recorded = now(room_auth::Registry::record(&stage.registry, &newer, None)).unwrap();
    assert_eq!(recorded, room_auth::registry::Written::Done);
    for room in ["lobby", "staff"] {
        assert_eq!(broadcast(&stage, room, 120).delivered(), 0, "{room}");
    }
    // A late message, and what is done to the older one's user, are not about the newer one.
    let error = join(&stage, "staff", "alice").await.unwrap_err();
    assert!(matches!(error, MembershipError::UnknownConnection), "{error:?}");
    let report = secured(&stage).revoke_user("alice").await.unwrap();
    assert_eq!((report.ended(), report.is_complete()), (0, true));
    assert_eq!(stage.recorded(), Some(newer));
    assert!(stage.sent().is_empty());
}

#[tokio::test]
async fn what_could_not_be_forgotten_is_in_the_report_and_a_repetition_ends_it() {
    let stage = Stage::new();
    connect_alice(&stage).await;
    let registry = stage.registry.clone();
    stage.hooked.before_next(Asked::Forget, move || {
        registry.fail_next(RegistryError::new("forget the connection", "denied"));
    });
    let report = secured(&stage).revoke_user("alice").await.unwrap();
    assert_eq!(report.ended(), 0);
    assert_eq!(report.not_ended()[0].reason, UndeliveredReason::NotForgotten);
    assert!(stage.recorded().is_some());
    let report = secured(&stage).revoke_user("alice").await.unwrap();
    assert_eq!((report.ended(), report.is_complete()), (1, true));
    assert!(stage.recorded().is_none());
}
