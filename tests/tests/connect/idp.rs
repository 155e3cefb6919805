//! The real `idp` function, with a real issuer that publishes its keys and hands out tokens by password.

use std::time::Duration;

use demo::LocalIssuer;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use room_auth_gateway::Function;
use room_auth_tests::forge::{attacker_key, key, token_by};
use room_auth_tests::program;
use room_auth_tests::secret::shows;
use serde_json::Value;

use super::client::{Offer, Open, Served, serve_function};

async fn issuer() -> LocalIssuer {
    LocalIssuer::start(Duration::from_mins(5)).await.unwrap()
}

async fn serve_idp(issuer: &LocalIssuer) -> Served {
    let function = Function::new(program::idp()).env("RUST_LOG", "room_auth=trace,idp=trace");
    let function = issuer
        .environment()
        .into_iter()
        .fold(function, |function, (name, value)| function.env(name, value));
    serve_function("idp", function).await
}

/// Asks the issuer's token endpoint.
async fn ask(issuer: &LocalIssuer, form: &str) -> (StatusCode, Value) {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::post(format!("{}token", issuer.url()))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(Full::<Bytes>::from(form.to_owned()))
        .unwrap();
    let answer = client.request(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

/// What the issuer hands out to a user, whose password is the name.
async fn log_in(issuer: &LocalIssuer, user: &str) -> Value {
    let form = format!("grant_type=password&username={user}&password={user}");
    let (status, tokens) = ask(issuer, &form).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    tokens
}

fn text(tokens: &Value, name: &str) -> String {
    tokens[name].as_str().unwrap().to_owned()
}

fn offer(token: &str, query: &str) -> Offer {
    Offer::default()
        .header("Sec-WebSocket-Protocol", format!("room-auth, {token}"))
        .query(query)
}

#[tokio::test]
async fn a_user_gets_into_each_room_that_the_token_lists() {
    let issuer = issuer().await;
    let mut served = serve_idp(&issuer).await;
    let token = text(&log_in(&issuer, "alice").await, "access_token");
    for (query, room) in [("?room=lobby", "lobby"), ("?v=2&room=st%61ff", "staff")] {
        let opened = served.connect(&offer(&token, query)).await;
        let Open { response, .. } = opened.unwrap_or_else(|refusal| panic!("{query}: {refusal:?}"));
        assert_eq!(response.headers()["Sec-WebSocket-Protocol"], "room-auth");
        let (told, printed) = served.told("room").await;
        assert_eq!(told, room);
        assert!(
            !shows(&printed, &token) && !printed.contains("alice"),
            "{printed}"
        );
    }
    served.gateway.shutdown().await;
}

#[tokio::test]
async fn every_other_handshake_is_refused_and_the_operator_reads_why() {
    let issuer = issuer().await;
    let mut served = serve_idp(&issuer).await;
    let tokens = log_in(&issuer, "bob").await;
    let bob = text(&tokens, "access_token");
    let refresh = text(&tokens, "refresh_token");
    let of_another = text(&log_in(&self::issuer().await, "bob").await, "access_token");
    let [header, payload, _] = bob.split('.').collect::<Vec<_>>().try_into().unwrap();
    let decoded = |part| String::from_utf8(room_auth_tests::forge::unb64(part)).unwrap();
    let forged = token_by(
        attacker_key(),
        &decoded(header).replace("ES256", "RS256"),
        &decoded(payload),
    );
    let backends = token_by(key(), room_auth_tests::forge::HEADER, r#"{"sub":"lobby"}"#);
    for (what, token, query, told) in [
        ("no room", &bob, "", ["claims", "room"]),
        ("a room of others", &bob, "?room=staff", ["claims", "rooms"]),
        ("two rooms", &bob, "?room=lobby&room=staff", ["claims", "room"]),
        ("no room id", &bob, "?room=%20", ["claims", "room"]),
        (
            "a token for the issuer itself",
            &refresh,
            "?room=lobby",
            ["claims", "aud"],
        ),
        ("another issuer", &of_another, "?room=lobby", ["signature", ""]),
        ("forged", &forged, "?room=lobby", ["algorithm", "alg"]),
        ("of a backend", &backends, "?room=lobby", ["algorithm", "alg"]),
    ] {
        let opened = served.connect(&offer(token, query)).await.map(|_| ());
        assert_eq!(opened.expect_err(what).status, 401, "{what}");
        let (reason, printed) = served.told("reason").await;
        let record: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
        let member = record["member"].as_str().unwrap_or_default();
        assert_eq!([reason.as_str(), member], told, "{what}: {printed}");
        assert!(!shows(&printed, token), "{what}: {printed}");
    }
    served
        .connect(&offer(&bob, "?room=lobby"))
        .await
        .expect("his own");
    served.gateway.shutdown().await;
}

#[tokio::test]
async fn the_issuer_hands_out_tokens_for_the_right_password_only_and_renews_them() {
    let issuer = issuer().await;
    let tokens = log_in(&issuer, "alice").await;
    assert_eq!(tokens["token_type"], "Bearer");
    assert!(tokens["expires_in"].as_u64().is_some_and(|left| left <= 300));
    let refresh = |token: &str| format!("grant_type=refresh_token&refresh_token={token}");
    let (status, renewed) = ask(&issuer, &refresh(&text(&tokens, "refresh_token"))).await;
    assert_eq!(status, StatusCode::OK, "{renewed}");
    for form in [
        "grant_type=password&username=alice&password=bob".to_owned(),
        "grant_type=password&username=mallory&password=mallory".to_owned(),
        refresh(&text(&tokens, "access_token")),
        refresh("not.a.token"),
    ] {
        let (status, answer) = ask(&issuer, &form).await;
        assert_eq!(
            (status, answer["error"].as_str()),
            (StatusCode::BAD_REQUEST, Some("invalid_grant")),
            "{form}"
        );
    }
}
