//! What our issuer signs: the header and claims of the original backend, and nothing that a verifier refuses.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use room_auth::testing::FixedClock;
use room_auth::{Issuer, IssuerError, PublicKeys, RoomId, Verifier, VerifyErrorKind};
use room_auth_forge::{NOW, key};
use serde::Serialize;
use serde_json::{Value, json};

fn issuer() -> Issuer {
    living(Duration::from_mins(5))
}

fn living(lifetime: Duration) -> Issuer {
    Issuer::new(key().clone(), lifetime)
        .unwrap()
        .with_clock(FixedClock::at(NOW))
}

fn verifier() -> Verifier {
    Verifier::new(PublicKeys::from_pem(&key().public_key_pem()).unwrap()).with_clock(FixedClock::at(NOW))
}

fn lobby() -> RoomId {
    "lobby".parse().unwrap()
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn header_and_claims_are_those_of_the_original_backend_and_the_users_own() {
    let token = issuer().issue(&lobby(), &json!({"user": "alice"})).await.unwrap();
    let header = json!({"typ": "JWT", "alg": "RS256", "kid": key().key_id()});
    assert_eq!(part(token.as_str(), 0), header);
    let claims = json!({"sub": "lobby", "iat": NOW, "exp": NOW + 300, "user": "alice"});
    assert_eq!(part(token.as_str(), 1), claims);
    let claims = verifier()
        .verify::<BTreeMap<String, String>>(token.as_str())
        .unwrap();
    assert_eq!(claims.room_id(), &lobby());
    assert_eq!(claims.expires_at(), token.expires_at());
    assert_eq!(
        claims.into_custom(),
        BTreeMap::from([("user".to_owned(), "alice".to_owned())])
    );
}

#[tokio::test]
async fn issuer_and_audience_meet_a_verifier_that_demands_them() {
    let issuer = issuer()
        .with_issuer("https://backend.example")
        .with_audience("rooms");
    let token = issuer.issue(&lobby(), &()).await.unwrap();
    let demanding = verifier()
        .with_issuer("https://backend.example")
        .with_audience("rooms");
    demanding.verify::<()>(token.as_str()).unwrap();
    for other in [verifier(), verifier().with_audience("doors")] {
        let error = other.verify::<()>(token.as_str()).unwrap_err();
        assert_eq!(error.kind(), VerifyErrorKind::Claims);
    }
}

async fn refusal(claims: impl Serialize + Sync) -> IssuerError {
    issuer().issue(&lobby(), &claims).await.unwrap_err()
}

#[tokio::test]
async fn claims_that_no_verifier_would_take_are_not_signed() {
    for claims in [
        json!({"sub": "staff"}),
        json!({"exp": NOW + 9999}),
        json!({"iat": 0}),
        json!({"nbf": "now"}),
        json!({"nbf": -1}),
        json!({"nbf": null}),
        json!(["a list"]),
        json!("a text"),
        json!(7),
    ] {
        assert_eq!(refusal(&claims).await, IssuerError::Claims, "{claims}");
    }
    let twice = issuer()
        .with_audience("rooms")
        .issue(&lobby(), &json!({"aud": "doors"}))
        .await;
    assert_eq!(twice.unwrap_err(), IssuerError::Claims);
}

#[tokio::test]
async fn a_token_is_as_long_as_a_verifier_reads_or_it_is_not_signed() {
    let mut longest = 0;
    for length in 2600..2900 {
        match issuer()
            .issue(&lobby(), &json!({"pad": "x".repeat(length)}))
            .await
        {
            Ok(token) => {
                verifier().verify::<()>(token.as_str()).unwrap();
                longest = longest.max(token.as_str().len());
            }
            Err(error) => assert!(
                matches!(error, IssuerError::TooLong(length) if length > 4096),
                "{error}"
            ),
        }
    }
    assert!((4090..=4096).contains(&longest), "{longest}");
}

#[tokio::test]
async fn a_lifetime_is_at_least_a_second_and_ends_at_a_date() {
    for short in [Duration::ZERO, Duration::from_millis(999)] {
        assert_eq!(
            Issuer::new(key().clone(), short).unwrap_err(),
            IssuerError::Lifetime
        );
    }
    for long in [Duration::MAX, Duration::from_secs(1 << 53)] {
        let error = living(long).issue(&lobby(), &()).await.unwrap_err();
        assert_eq!(error, IssuerError::Lifetime);
    }
    for good in [1, (1 << 53) - NOW] {
        let token = living(Duration::from_secs(good))
            .issue(&lobby(), &())
            .await
            .unwrap();
        let verifier = verifier().with_max_lifetime(Duration::MAX);
        let claims = verifier.verify::<()>(token.as_str()).unwrap();
        assert_eq!(claims.expires_at(), token.expires_at());
    }
}

#[tokio::test]
async fn neither_token_nor_issuer_shows_anything_in_debug() {
    let issuer = issuer();
    let token = issuer.issue(&lobby(), &()).await.unwrap();
    let shown = format!("{token:?} {issuer:?} {:?}", key());
    for part in token.as_str().split('.') {
        assert!(!shown.contains(&part[..12]), "{shown}");
    }
    let pem = key().private_key_pem().unwrap();
    assert!(!shown.contains(pem.lines().nth(1).unwrap()), "{shown}");
}
