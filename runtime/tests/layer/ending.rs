//! Connections whose claims have expired, or end while something else happens to them.

use room_auth::registry::{MAX_CONNECTION_AGE, Written};
use room_auth::{Registry as _, RegistryError, TransportError};

use super::*;

#[tokio::test]
async fn an_expired_connection_is_told_closed_and_forgotten_and_its_message_is_not_handled() {
    let stage = Stage::new();
    stage.connect().await;
    assert_eq!(stage.send(NOW + 300, &message()).await, unauthorized());
    assert_eq!(stage.calls(), 1, "only $connect");
    assert_eq!(stage.sent(), [EXPIRED_FRAME, "closed"]);
    assert!(stage.recorded().is_none());
}

#[tokio::test]
async fn an_expired_connection_that_could_not_be_closed_is_closed_by_its_next_message() {
    let stage = Stage::new();
    stage.connect().await;
    for _ in 0..2 {
        stage.transport.fail_next(&id(), TransportError::Throttled);
    }
    assert_eq!(stage.send(NOW + 300, &message()).await, unauthorized());
    assert!(stage.sent().is_empty());
    assert!(
        stage.recorded().is_none(),
        "it gets no frame and is not heard any more"
    );
    assert_eq!(stage.send(NOW + 301, &message()).await, unauthorized());
    assert_eq!(stage.calls(), 1, "only $connect");
    assert_eq!(stage.sent(), ["closed"]);
}

#[tokio::test]
async fn a_renewal_in_between_keeps_an_expiring_connection() {
    let stage = Stage::new();
    stage.connect().await;
    let recorded = stage.recorded().unwrap();
    let claims = json!({"sub": "lobby", "iat": NOW, "exp": NOW + 900, "user": "alice"}).to_string();
    let renewed = recorded.renewed(claims, at(NOW + 900));
    // The layer has seen it expired; before it forgets, the renewal comes.
    let registry = stage.registry.clone();
    stage.hooked.before_next(Asked::Forget, move || {
        let written = registry.update(&recorded, &renewed, None).now_or_never();
        assert_eq!(written.unwrap().unwrap(), Written::Done);
    });
    assert_eq!(stage.send(NOW + 300, &message()).await, unauthorized());
    assert_eq!(
        stage.calls(),
        1,
        "the message of an expired connection is not handled"
    );
    assert!(stage.sent().is_empty(), "neither told nor closed");
    assert_eq!(stage.recorded().unwrap().expires_at, at(NOW + 900));
    assert_eq!(stage.send(NOW + 301, &message()).await["statusCode"], 200);
}

#[tokio::test(start_paused = true)]
async fn ending_a_connection_takes_two_seconds_at_most() {
    let stage = Stage::new();
    stage.connect().await;
    stage.transport.silence(&id());
    let began = tokio::time::Instant::now();
    assert_eq!(stage.send(NOW + 300, &message()).await, unauthorized());
    assert!(began.elapsed() <= Duration::from_secs(2), "{:?}", began.elapsed());
    assert!(stage.recorded().is_none());
    // Nor does it for one that is not recorded.
    let began = tokio::time::Instant::now();
    assert_eq!(stage.send(NOW + 301, &message()).await, unauthorized());
    assert!(began.elapsed() <= Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_connection_that_could_not_be_forgotten_is_refused_all_the_same() {
    let stage = Stage::new();
    stage.connect().await;
    let registry = stage.registry.clone();
    let fails = move || registry.fail_next(RegistryError::throttled("forget the connection"));
    stage.hooked.before_next(Asked::Forget, fails);
    assert_eq!(stage.send(NOW + 300, &message()).await, unauthorized());
    assert_eq!(stage.calls(), 1, "only $connect");
}

#[tokio::test]
async fn a_connection_lasts_two_hours_at_most_however_long_its_token_does() {
    let stage = Stage::new();
    let day = 24 * 60 * 60;
    stage
        .send(NOW, &connect(&token("lobby", "alice", NOW, day)))
        .await;
    let end = NOW + MAX_CONNECTION_AGE.as_secs();
    assert_eq!(stage.recorded().unwrap().expires_at, at(end));
    assert_eq!(stage.send(end - 1, &message()).await["statusCode"], 200);
    assert_eq!(stage.send(end, &message()).await, unauthorized());
}
