//! New claims for a live connection.

use room_auth::rooms::MembershipError;
use room_auth::{RegistryError, VerifyErrorKind};

use super::*;

impl Stage {
    /// Renews by `token` within a message of `event`, as a handler does.
    async fn renew(
        &self,
        now: u64,
        event: &Value,
        token: &str,
        accept: impl FnOnce(&RoomClaims<Value>) -> bool,
    ) -> Result<RoomClaims<Value>, MembershipError> {
        let claims = testing_claims();
        let (context, invocation) = (context_of(event), Context::default());
        let rooms = self.rooms().with_verifier(verifier_at(now));
        let session = rooms.session(&claims, &context, &invocation);
        session.renew_if(token, accept).await
    }
}

fn testing_claims() -> RoomClaims<Value> {
    testing::claims("lobby", json!({"user": "alice"}))
}

fn same_user(new: &RoomClaims<Value>) -> bool {
    new.custom()["user"] == "alice"
}

#[tokio::test]
async fn a_renewal_moves_the_expiry() {
    let stage = Stage::new();
    stage.connect().await;
    let new = token("lobby", "alice", NOW + 200, 300);
    let renewed = stage.renew(NOW + 200, &message(), &new, same_user).await.unwrap();
    assert_eq!(renewed.expires_at(), at(NOW + 500));
    assert_eq!(stage.recorded().unwrap().expires_at, at(NOW + 500));
    assert_eq!(stage.send(NOW + 499, &message()).await["statusCode"], 200);
    assert_eq!(stage.send(NOW + 500, &message()).await, unauthorized());
}

#[tokio::test]
async fn a_renewal_that_is_refused_leaves_the_claims_as_they_were() {
    let stage = Stage::new();
    stage.connect().await;
    let now = NOW + 200;
    let mut other_connection = message();
    other_connection["requestContext"]["connectionId"] = json!("other=");
    let mut other_api = message();
    other_api["requestContext"]["apiId"] = json!("other");
    let mut earlier = message();
    earlier["requestContext"]["connectedAt"] = json!((NOW - 61) * 1000);
    let good = token("lobby", "alice", now, 300);
    let rows = [
        (
            "another room",
            message(),
            token("staff", "alice", now, 300),
            "other_room",
        ),
        (
            "another user",
            message(),
            token("lobby", "bob", now, 300),
            "not_accepted",
        ),
        (
            "expired",
            message(),
            token("lobby", "alice", NOW - 200, 300),
            "expired",
        ),
        ("not a token", message(), "not.a.token".to_owned(), "malformed"),
        (
            "another connection",
            other_connection,
            good.clone(),
            "unknown_connection",
        ),
        ("another API", other_api, good.clone(), "unknown_connection"),
        (
            "an earlier connection of this id",
            earlier,
            good,
            "unknown_connection",
        ),
    ];
    for (what, event, token, reason) in rows {
        let error = stage.renew(now, &event, &token, same_user).await.unwrap_err();
        let found = match &error {
            MembershipError::Token(error) => error.kind().as_str(),
            MembershipError::OtherRoom => "other_room",
            MembershipError::NotAccepted => "not_accepted",
            MembershipError::UnknownConnection => "unknown_connection",
            error => panic!("{what}: {error:?}"),
        };
        assert_eq!(found, reason, "{what}");
        assert!(error.is_refusal(), "{what}");
        assert_eq!(stage.recorded().unwrap().expires_at, at(NOW + 300), "{what}");
    }
}

#[tokio::test]
async fn a_renewal_does_not_outlast_the_connection() {
    let stage = Stage::new();
    stage.connect().await;
    let new = token("lobby", "alice", NOW, 24 * 60 * 60);
    stage.renew(NOW, &message(), &new, same_user).await.unwrap();
    assert_eq!(stage.recorded().unwrap().expires_at, at(NOW + 2 * 60 * 60));
}

#[tokio::test]
async fn a_fault_is_not_taken_for_a_refusal() {
    let stage = Stage::new();
    stage.connect().await;
    let new = token("lobby", "alice", NOW, 300);
    stage
        .registry
        .fail_next(RegistryError::new("find the connection", "no table"));
    let error = stage.renew(NOW, &message(), &new, same_user).await.unwrap_err();
    assert!(
        matches!(error, MembershipError::Registry(_)) && !error.is_refusal(),
        "{error:?}"
    );

    let (claims, context, invocation) = (testing_claims(), context_of(&message()), Context::default());
    let rooms = stage.rooms();
    let error = rooms
        .session(&claims, &context, &invocation)
        .renew(&new)
        .await
        .unwrap_err();
    assert!(
        matches!(error, MembershipError::NoVerifier) && !error.is_refusal(),
        "{error:?}"
    );
}

#[tokio::test]
async fn rooms_that_a_layer_was_given_verify_as_it_does() {
    let stage = Stage::new();
    let rooms = stage.rooms();
    let _layer: RoomAuthLayer = RoomAuthLayer::new(verifier_at(NOW + 200)).with_rooms(rooms.clone());
    stage.connect().await;
    let (claims, context, invocation) = (testing_claims(), context_of(&message()), Context::default());
    let session = rooms.session(&claims, &context, &invocation);
    let expired = token("lobby", "alice", NOW - 200, 300);
    let error = session.renew(&expired).await.unwrap_err();
    assert!(matches!(&error, MembershipError::Token(error) if error.kind() == VerifyErrorKind::Expired));
    session
        .renew(&token("lobby", "alice", NOW + 200, 300))
        .await
        .unwrap();
}
