//! The walk of docs/rotation.md, with the real `connect` function: no valid token is refused on the way.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "connect/client.rs"]
mod client;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use client::{Offer, Served, serve};
use room_auth::testing::FixedClock;
use room_auth::{Issuer, SigningKey};

const LIFETIME: Duration = Duration::from_mins(5);

/// A token that `key` signed this long ago.
async fn signed_ago(key: &SigningKey, ago: Duration) -> String {
    let now = (SystemTime::now() - ago).duration_since(UNIX_EPOCH).unwrap();
    let issuer = Issuer::new(key.clone(), LIFETIME)
        .unwrap()
        .with_clock(FixedClock::at(now.as_secs()));
    let token = issuer.issue(&"lobby".parse().unwrap(), &()).await.unwrap();
    token.as_str().to_owned()
}

async fn admits(function: &Served, token: &str) -> bool {
    let offer = Offer::default().header("Authorization", format!("Bearer {token}"));
    match function.connect(&offer).await {
        Ok(_) => true,
        Err(refusal) => {
            assert_eq!(refusal.status, 401);
            false
        }
    }
}

#[tokio::test]
async fn a_rotation_refuses_no_valid_token() {
    let (old, new) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    let both = format!("{}{}", old.public_key_pem(), new.public_key_pem());
    let just_now = Duration::ZERO;

    // Before.
    let function = serve(&old.public_key_pem()).await;
    let first = signed_ago(&old, just_now).await;
    assert!(admits(&function, &first).await);
    function.gateway.shutdown().await;

    // 1. The functions learn the new key. The issuer still signs with the old one.
    let function = serve(&both).await;
    let second = signed_ago(&old, just_now).await;
    for token in [&first, &second] {
        assert!(admits(&function, token).await);
    }

    // 2. The issuer switches; with several backends, one after the other.
    let third = signed_ago(&new, just_now).await;
    let straggler = signed_ago(&old, just_now).await;
    for token in [&first, &second, &third, &straggler] {
        assert!(admits(&function, token).await);
    }

    // 3. The longest token life later nothing that the old key signed is valid.
    let last_of_old = signed_ago(&old, LIFETIME).await;
    assert!(
        !admits(&function, &last_of_old).await,
        "it has expired, whatever the keys"
    );
    function.gateway.shutdown().await;

    // 4. The functions forget the old key.
    let function = serve(&new.public_key_pem()).await;
    assert!(admits(&function, &third).await);
    assert!(admits(&function, &signed_ago(&new, just_now).await).await);
    assert!(!admits(&function, &straggler).await, "this is why step 3 waits");
    function.gateway.shutdown().await;
}
