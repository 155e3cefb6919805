//! Which handshakes open a socket, and what the others get.

use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt, StreamExt};
use room_auth::{Issuer, RoomId};
use room_auth_tests::forge::{
    attacker_key, key, other_key, sign_hs256, signed, token, token_by, with_broken_signature,
};
use room_auth_tests::secret::shows;
use tokio_tungstenite::tungstenite::Message;

use super::client::{Offer, Open, Refusal, Served, everything, serve};

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

const HEADER: &str = room_auth_tests::forge::HEADER;

fn payload(issued_at: u64, expires_at: u64) -> String {
    format!(r#"{{"sub":"lobby","iat":{issued_at},"exp":{expires_at}}}"#)
}

fn good_payload() -> String {
    payload(now() - 1, now() + 300)
}

fn good() -> String {
    token(HEADER, &good_payload())
}

async fn one_key() -> Served {
    serve(&key().public_key_pem()).await
}

/// The room that the function was told, and the subprotocol that the client was.
async fn assert_open(served: &mut Served, name: &str, offer: &Offer, token: &str, protocol: Option<&str>) {
    let opened = served.connect(offer).await;
    let Open { mut socket, response } = opened.unwrap_or_else(|refusal| panic!("{name}: {refusal:?}"));
    let (room, printed) = served.told("room").await;
    assert_eq!(room, "lobby", "{name}");
    assert!(!shows(&printed, token), "{name}: {printed}");
    let echoed = response.headers().get("Sec-WebSocket-Protocol");
    assert_eq!(echoed.map(|value| value.to_str().unwrap()), protocol, "{name}");
    assert!(
        !everything(&response).contains(token.split('.').nth(2).unwrap()),
        "{name}"
    );
    socket.send(Message::Ping("are you there".into())).await.unwrap();
    assert_eq!(
        socket.next().await.unwrap().unwrap(),
        Message::Pong("are you there".into()),
        "{name}"
    );
    socket.close(None).await.unwrap();
    while socket.next().await.is_some() {}
}

#[tokio::test]
async fn a_token_opens_a_socket_from_each_of_its_places() {
    let mut served = one_key().await;
    let token = good();
    let rows = [
        (
            "subprotocol",
            Offer::default().header("Sec-WebSocket-Protocol", format!("room-auth, {token}")),
            Some("room-auth"),
        ),
        (
            "header",
            Offer::default().header("Authorization", format!("Bearer {token}")),
            None,
        ),
        (
            "header in lower case",
            Offer::default().header("authorization", format!("bearer {token}")),
            None,
        ),
        ("query", Offer::default().query(format!("?token={token}")), None),
        (
            "query among others",
            Offer::default().query(format!("?lang=en&token={token}&lang=de")),
            None,
        ),
        (
            "query, percent-encoded",
            Offer::default().query(format!("?token={}", token.replace('.', "%2E"))),
            None,
        ),
    ];
    for (name, offer, protocol) in rows {
        assert_open(&mut served, name, &offer, &token, protocol).await;
    }
    served.gateway.shutdown().await;
}

#[tokio::test]
async fn a_token_of_our_issuer_opens_a_socket() {
    let mut served = one_key().await;
    let issuer = Issuer::new(key().clone(), std::time::Duration::from_secs(30)).unwrap();
    let room: RoomId = "lobby".parse().unwrap();
    let token = issuer
        .issue(&room, &serde_json::json!({"user": "alice"}))
        .await
        .unwrap();
    let offer = Offer::default().header("Authorization", format!("Bearer {}", token.as_str()));
    assert_open(&mut served, "issuer", &offer, token.as_str(), None).await;
    served.gateway.shutdown().await;
}

#[tokio::test]
async fn during_a_rotation_tokens_of_both_keys_open_sockets() {
    let mut served = serve(&(key().public_key_pem() + &other_key().public_key_pem())).await;
    for key in [key(), other_key()] {
        let with_kid = format!(r#"{{"typ":"JWT","alg":"RS256","kid":"{}"}}"#, key.key_id());
        for header in [HEADER, &with_kid] {
            let token = token_by(key, header, &good_payload());
            let offer = Offer::default().query(format!("?token={token}"));
            assert_open(&mut served, header, &offer, &token, None).await;
        }
    }
    served.gateway.shutdown().await;
}

/// What is presented, and the reason that only the operator reads.
fn refused() -> Vec<(&'static str, Offer, &'static str)> {
    let query = |token: &str| Offer::default().query(format!("?token={token}"));
    let bearer = |token: &str| Offer::default().header("Authorization", format!("Bearer {token}"));
    let protocol = |list: String| Offer::default().header("Sec-WebSocket-Protocol", list);
    let good = good();
    let of_key = |members: &str| token(&format!(r#"{{"typ":"JWT",{members}}}"#), &good_payload());
    let hs256 = signed(r#"{"typ":"JWT","alg":"HS256"}"#, &good_payload(), |message| {
        sign_hs256(key().public_key_pem().as_bytes(), message)
    });
    #[rustfmt::skip]
    let rows = vec![
        ("no token", Offer::default(), "token_missing"),
        ("a token in another header", Offer::default().header("X-Token", good.clone()), "token_missing"),
        ("a token in a cookie", Offer::default().header("Cookie", format!("token={good}")), "token_missing"),
        ("a token in another parameter", Offer::default().query(format!("?jwt={good}")), "token_missing"),
        ("a token in the path's fragment", Offer::default().query(format!("?a=b#token={good}")), "token_missing"),
        ("header and query", bearer(&good).query(format!("?token={good}")), "several_tokens"),
        ("the header twice", bearer(&good).header("Authorization", format!("Bearer {good}")), "several_tokens"),
        ("the parameter twice", Offer::default().query(format!("?token={good}&token={good}")), "several_tokens"),
        ("Basic", Offer::default().header("Authorization", "Basic dXNlcjpwYXNz"), "token_missing"), // another scheme is not ours
        ("an empty parameter", query(""), "token_form"),
        ("the subprotocol without a token", protocol("room-auth".into()), "token_form"),
        ("a token for a subprotocol", protocol(good.clone()), "token_missing"), // a list without `room-auth` is not ours
        ("the subprotocol behind the token", protocol(format!("{good}, room-auth")), "token_form"),
        ("another subprotocol before", protocol(format!("chat, room-auth, {good}")), "token_form"),
        ("not a token", query("x"), "malformed"),
        ("padded", query(&format!("{good}%3D%3D")), "malformed"),
        ("too long", bearer(&"A".repeat(4097)), "malformed"),
        ("crit", query(&of_key(r#""alg":"RS256","crit":["exp"]"#)), "header"),
        ("alg none", query(&of_key(r#""alg":"none""#)), "algorithm"),
        ("HS256 with the public key", query(&hs256), "algorithm"),
        ("forged", bearer(&token_by(attacker_key(), HEADER, &good_payload())), "signature"),
        ("broken", protocol(format!("room-auth, {}", with_broken_signature(&good))), "signature"),
        ("no room", query(&token(HEADER, &good_payload().replace("lobby", "no room"))), "claims"),
        ("for somebody else", query(&token(HEADER, &good_payload().replace('}', r#","aud":"x"}"#))), "claims"),
        ("not yet valid", bearer(&token(HEADER, &payload(now() + 120, now() + 300))), "not_yet_valid"),
        ("expired", bearer(&token(HEADER, &payload(now() - 300, now() - 1))), "expired"),
        ("expired, in the query", query(&token(HEADER, &payload(1, 2))), "expired"),
    ];
    rows
}

#[tokio::test]
async fn every_other_handshake_gets_the_same_401() {
    let mut served = one_key().await;
    let mut first: Option<Refusal> = None;
    for (name, offer, reason) in refused() {
        let opened = served.connect(&offer).await.map(|_| ());
        let refusal = opened.expect_err(name);
        assert_eq!(refusal.status, 401, "{name}");
        let (told, printed) = served.told("reason").await;
        assert_eq!(told, reason, "{name}: {printed}");
        let presented = std::iter::once(&offer.query).chain(offer.headers.iter().map(|(_, value)| value));
        for token in presented.filter(|text| text.contains('.')) {
            assert!(!shows(&printed, token), "{name}: {printed}");
            assert!(!shows(&format!("{refusal:?}"), token), "{name}: {refusal:?}");
        }
        assert_eq!(&refusal, first.get_or_insert_with(|| refusal.clone()), "{name}");
        assert_eq!(served.gateway.connection_count(), 0, "{name}");
    }
    let token = good();
    let offer = Offer::default().header("Authorization", format!("Bearer {token}"));
    assert_open(&mut served, "after all of them", &offer, &token, None).await;
    served.gateway.shutdown().await;
}
