//! Users and tokens that were put out, and tokens that are accepted once.

use room_auth::rooms::MembershipError;
use room_auth::{RegistryError, VerifyErrorKind};

use super::*;

const REVOKED_FRAME: &str = r#"{"message":"revoked"}"#;

impl Stage {
    fn revoking(&self) -> Rooms {
        self.rooms()
            .with_revocation()
            .with_verifier(verifier_of_users(NOW))
    }

    /// Connects by `layer`, and returns the status.
    async fn enter(&self, rooms: &Rooms, now: u64, event: &Value) -> u64 {
        let layer = RoomAuthLayer::new(verifier_of_users(now)).with_rooms(rooms.clone());
        let answer = self.send_through(&layer, event).await.unwrap();
        answer["statusCode"].as_u64().unwrap()
    }

    /// Puts alice out, at once: nothing in memory waits.
    fn revoke_alice(&self) -> u64 {
        let rooms = self.revoking();
        let report = rooms.revoke_user("alice").now_or_never().unwrap().unwrap();
        assert!(report.is_complete(), "{report:?}");
        report.ended()
    }
}

fn verifier_of_users(now: u64) -> Verifier {
    verifier_at(now).with_user_claim("user")
}

fn alice(at: u64) -> Value {
    connect(&token("lobby", "alice", at, 300))
}

fn with_id(jti: &str) -> String {
    token_with("lobby", &json!({"user": "alice", "jti": jti}), NOW, 300)
}

/// The event of another connection.
fn elsewhere(mut event: Value) -> Value {
    event["requestContext"]["connectionId"] = json!("other=");
    event
}

#[tokio::test]
async fn a_revoked_user_is_out_until_the_next_login() {
    let stage = Stage::new();
    let rooms = stage.revoking();
    assert_eq!(stage.enter(&rooms, NOW, &alice(NOW)).await, 200);
    assert_eq!(
        stage
            .enter(&rooms, NOW, &elsewhere(connect(&token("lobby", "bob", NOW, 300))))
            .await,
        200
    );
    assert_eq!(stage.revoke_alice(), 1);
    assert_eq!(stage.sent(), [REVOKED_FRAME, "closed"]);
    assert!(stage.recorded().is_none());
    assert_eq!(stage.registry.connections().len(), 1, "bob stays");
    let calls = stage.calls();
    assert_eq!(stage.enter(&rooms, NOW, &message()).await, 401);
    // Also what was issued in the same second.
    for issued_at in [NOW - 60, NOW] {
        assert_eq!(stage.enter(&rooms, NOW + 1, &alice(issued_at)).await, 401);
        assert!(stage.recorded().is_none());
    }
    assert_eq!(stage.calls(), calls, "the handler was not called");
    assert_eq!(
        stage.enter(&rooms, NOW + 1, &alice(NOW + 1)).await,
        200,
        "logged in again"
    );
    assert_eq!(stage.enter(&rooms, NOW + 1, &message()).await, 200);
}

#[tokio::test]
async fn connect_versus_revoke_has_no_gap() {
    // The revocation comes before the record, before the markers are read, or when the handler has been called.
    for (before, is_handled) in [
        (Some(Asked::Record), false),
        (Some(Asked::Revocations), false),
        (None, true),
    ] {
        let stage = Arc::new(Stage::new());
        let rooms = stage.revoking();
        let revoking = stage.clone();
        let mut status = 0;
        if let Some(before) = before {
            stage.hooked.before_next(before, move || {
                revoking.revoke_alice();
            });
        }
        status += stage.enter(&rooms, NOW, &alice(NOW)).await;
        if before.is_none() {
            stage.revoke_alice();
        }
        assert_eq!(status, if is_handled { 200 } else { 401 }, "{before:?}");
        assert!(stage.recorded().is_none(), "{before:?}");
        assert_eq!(stage.calls(), usize::from(is_handled), "{before:?}");
        assert_eq!(stage.enter(&rooms, NOW, &message()).await, 401, "{before:?}");
        assert_eq!(stage.calls(), usize::from(is_handled), "{before:?}");
    }
}

#[tokio::test]
async fn revoke_versus_connect_has_no_gap() {
    // The whole $connect comes before the marker is written, or before the connections are listed.
    for (before, status) in [(Asked::Revoke, 200), (Asked::ConnectionsOf, 401)] {
        let stage = Arc::new(Stage::new());
        let connecting = stage.clone();
        stage.hooked.before_next(before, move || {
            let rooms = connecting.revoking();
            let entered = connecting.enter(&rooms, NOW, &alice(NOW)).now_or_never();
            assert_eq!(entered, Some(status), "{before:?}");
        });
        let ended = stage.revoke_alice();
        assert_eq!(ended, u64::from(status == 200), "{before:?}");
        assert!(stage.recorded().is_none(), "{before:?}");
        assert_eq!(
            stage.enter(&stage.revoking(), NOW, &message()).await,
            401,
            "{before:?}"
        );
    }
}

#[tokio::test]
async fn a_revoked_token_opens_nothing_and_the_users_others_do() {
    let stage = Stage::new();
    let rooms = stage.revoking();
    rooms.revoke_token("t1", at(NOW + 300)).await.unwrap();
    assert_eq!(stage.enter(&rooms, NOW, &connect(&with_id("t1"))).await, 401);
    assert_eq!(stage.calls(), 0);
    assert!(stage.recorded().is_none());
    assert_eq!(stage.enter(&rooms, NOW, &connect(&with_id("t2"))).await, 200);
    rooms.revoke_token("t2", at(NOW + 300)).await.unwrap();
    assert_eq!(
        stage.enter(&rooms, NOW, &message()).await,
        200,
        "what is open stays open"
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let stage = Stage::new();
    let rooms = stage.revoking();
    let registry = stage.registry.clone();
    stage.hooked.before_next(Asked::Revocations, move || {
        registry.fail_next(RegistryError::throttled("read the revocations"));
    });
    assert_eq!(stage.enter(&rooms, NOW, &alice(NOW)).await, 500);
    assert_eq!(stage.calls(), 0);
    assert!(stage.recorded().is_none(), "and forgotten");
}

#[tokio::test]
async fn revocations_are_asked_for_where_that_is_configured_and_never_for_a_message() {
    let stage = Stage::new();
    let layer = RoomAuthLayer::new(verifier_of_users(NOW)).with_rooms(stage.rooms());
    stage.send_through(&layer, &alice(NOW)).await.unwrap();
    assert_eq!(stage.hooked.take_calls(), [Asked::Record]);
    let rooms = stage.revoking();
    stage.enter(&rooms, NOW, &elsewhere(alice(NOW))).await;
    assert_eq!(stage.hooked.take_calls(), [Asked::Record, Asked::Revocations]);
    stage.enter(&rooms, NOW, &message()).await;
    assert_eq!(stage.hooked.take_calls(), [Asked::Find]);
}

#[tokio::test]
async fn a_token_is_accepted_once_where_that_is_configured() {
    let stage = Stage::new();
    let rooms = stage.rooms().with_single_use();
    let first = connect(&with_id("t1"));
    assert_eq!(stage.enter(&rooms, NOW, &first).await, 200);
    assert_eq!(
        stage.enter(&rooms, NOW, &first).await,
        200,
        "the same event, repeated"
    );
    let calls = stage.calls();
    assert_eq!(stage.enter(&rooms, NOW, &elsewhere(first.clone())).await, 401);
    assert_eq!(stage.registry.connections().len(), 1, "not recorded");
    let without_id = elsewhere(alice(NOW));
    assert_eq!(stage.enter(&rooms, NOW, &without_id).await, 401, "no jti");
    assert_eq!(stage.calls(), calls, "the handler was not called");
    assert_eq!(
        stage
            .enter(&rooms, NOW, &elsewhere(connect(&with_id("t2"))))
            .await,
        200
    );

    let unlimited = stage.rooms();
    assert_eq!(stage.enter(&unlimited, NOW, &elsewhere(first)).await, 200);
}

#[tokio::test]
async fn a_renewal_takes_no_token_that_was_revoked_or_used_or_is_of_another_user() {
    let stage = Stage::new();
    let rooms = stage.revoking().with_single_use();
    assert_eq!(stage.enter(&rooms, NOW, &connect(&with_id("t1"))).await, 200);
    assert_eq!(
        stage
            .enter(&rooms, NOW, &elsewhere(connect(&with_id("t2"))))
            .await,
        200
    );
    rooms.revoke_token("t3", at(NOW + 300)).await.unwrap();
    let claims = verifier_of_users(NOW).verify::<Value>(&with_id("t1")).unwrap();
    let (context, invocation) = (context_of(&message()), Context::default());
    let session = rooms.session(&claims, &context, &invocation);
    let bob = token_with("lobby", &json!({"user": "bob", "jti": "t4"}), NOW, 300);
    let recorded = stage.recorded();
    for (token, reason) in [
        (with_id("t2"), "used"),
        (with_id("t3"), "revoked"),
        (bob, "other_user"),
        (token("lobby", "alice", NOW, 300), "claims"),
    ] {
        let error = session.renew(&token).await.unwrap_err();
        let found = match &error {
            MembershipError::TokenUsed => "used",
            MembershipError::Revoked => "revoked",
            MembershipError::OtherUser => "other_user",
            MembershipError::Token(error) => {
                assert_eq!(
                    (error.kind(), error.member()),
                    (VerifyErrorKind::Claims, Some("jti"))
                );
                "claims"
            }
            error => panic!("{error:?}"),
        };
        assert_eq!(found, reason);
        assert!(error.is_refusal(), "{reason}");
        assert_eq!(stage.recorded(), recorded, "{reason}");
    }
    for _ in 0..2 {
        session
            .renew(&with_id("t5"))
            .await
            .expect("once, or once more by the same connection");
    }
    let mut third = connect(&with_id("t5"));
    third["requestContext"]["connectionId"] = json!("third=");
    assert_eq!(stage.enter(&rooms, NOW, &third).await, 401, "it was used");
}

#[tokio::test]
async fn a_renewal_during_a_revocation_does_not_outlive_it() {
    let stage = Arc::new(Stage::new());
    let rooms = stage.revoking();
    assert_eq!(stage.enter(&rooms, NOW, &alice(NOW)).await, 200);
    let claims = verifier_of_users(NOW)
        .verify::<Value>(&token("lobby", "alice", NOW, 300))
        .unwrap();
    let (context, invocation) = (context_of(&message()), Context::default());
    let session = rooms.session(&claims, &context, &invocation);
    // The markers have been read, and nothing has been written yet.
    let revoking = stage.clone();
    stage.hooked.before_next(Asked::Update, move || {
        assert_eq!(revoking.revoke_alice(), 1);
    });
    let error = session
        .renew(&token("lobby", "alice", NOW, 600))
        .await
        .unwrap_err();
    assert!(matches!(error, MembershipError::UnknownConnection), "{error:?}");
    assert!(stage.recorded().is_none());
}
