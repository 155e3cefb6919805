//! Nothing of a token is shown: not to the handler, not in the answer, not in any record of ours.

use room_auth::TokenSource;
use room_auth_forge::secret::shows;
use room_auth_forge::{HEADER, PAYLOAD, attacker_key, escaped, token, token_by, with_broken_signature};
use serde_json::{Value, json};

use super::harness::{Behind, authenticator, bare, good_token, with_members};

#[test]
fn the_search_for_tokens_finds_them() {
    let token = good_token();
    assert!(shows(&format!("x{}", &token[40..70]), &token));
    assert!(!shows("an innocent text", &token));
}

#[tokio::test]
async fn the_handler_sees_the_event_as_it_was_but_for_the_token() {
    let mut behind = Behind::<Value>::new(&authenticator());
    let mut event = bare();
    event["headers"]["Sec-WebSocket-Protocol"] = json!("room-auth, $T");
    event["multiValueHeaders"]["Sec-WebSocket-Protocol"] = json!(["room-auth, $T"]);
    event["headers"]["Referer"] = json!("https://chat.example/?token=$T&again=$T");
    event["headers"]["X-Unicode"] = json!("Zoë \u{1f600} \u{1} \"quoted\" \\ /");
    event["headers"]["x-$T"] = json!("a name with the token");
    event["stageVariables"] = json!({"numbers": [1, -2, 2.5, u64::MAX, 1e300], "nested": {"$T": ["$T$T"]}});
    event["body"] = json!("$T");
    let text = event.to_string();
    let masked: Value = serde_json::from_str(&text.replace("$T", "***")).unwrap();
    for token in [good_token(), escaped(&good_token())] {
        let outcome = behind.send(&text.replace("$T", &token)).await.unwrap();
        outcome.assert_accepted("the event");
        assert_eq!(outcome.seen.unwrap(), masked);
    }
}

#[tokio::test]
async fn the_token_is_masked_however_it_is_written() {
    let mut behind = Behind::<Value>::new(&authenticator());
    let token = good_token();
    let (front, back) = token.split_at(100);
    let spellings = [
        ("plain", token.clone()),
        ("all escaped", escaped(&token)),
        (
            "capital escapes",
            escaped(&token).to_uppercase().replace("\\U", "\\u"),
        ),
        ("half escaped", format!("{}{back}", escaped(front))),
        ("dots escaped", token.replace('.', "\\u002e")),
        ("first letter escaped", format!("\\u0065{}", &token[1..])),
    ];
    for (name, spelling) in spellings {
        for members in [
            r#""headers":{"Sec-WebSocket-Protocol":"room-auth, $T"}"#,
            r#""headers":{"Authorization":"Bearer $T"}"#,
            r#""queryStringParameters":{"token":"$T"}"#,
            r#""headers":{"Authorization":"Bearer $P","X-Copy":"$T"}"#,
            r#""headers":{"Authorization":"Bearer $T","X-Copy":"$P"}"#,
            r#""multiValueHeaders":{"Authorization":["Bearer $T"],"X-Copy":["a$T","$Tb"]}"#,
        ] {
            let event = with_members(members)
                .replace("$T", &spelling)
                .replace("$P", &token);
            let outcome = behind.send(&event).await.unwrap();
            outcome.assert_accepted(&format!("{name}: {members}"));
            let seen = outcome.seen.unwrap().to_string();
            assert!(!shows(&seen, &token), "{name}: {seen}");
            assert!(seen.contains("***"), "{name}: {seen}");
            assert!(!shows(&outcome.response, &token), "{name}: {}", outcome.response);
            assert!(!shows(&outcome.log, &token), "{name}: {}", outcome.log);
        }
    }
}

#[tokio::test]
async fn a_refused_token_is_shown_nowhere() {
    let expired = token(
        HEADER,
        &PAYLOAD
            .replace("iat\":1800000000", "iat\":1")
            .replace("1800000300", "1799999999"),
    );
    let no_room = token(HEADER, &PAYLOAD.replace("lobby", "no room"));
    let tokens = [
        ("malformed", format!("{}=", good_token())),
        ("forged", token_by(attacker_key(), HEADER, PAYLOAD)),
        ("broken", with_broken_signature(&good_token())),
        ("none", token(&HEADER.replace("RS256", "none"), PAYLOAD)),
        ("expired", expired),
        ("no room", no_room),
    ];
    let places = [
        r#""headers":{"Sec-WebSocket-Protocol":"room-auth, $T"}"#,
        r#""headers":{"Authorization":"Bearer $T"}"#,
        r#""headers":{"Authorization":"$T"}"#,
        r#""headers":{"Authorization":["$T"]}"#,
        r#""headers":{"$T":{"$T":"$T"}}"#,
        r#""headers":"$T""#,
        r#""headers":{"Authorization":"Bearer $T","authorization":"Bearer $T"}"#,
        r#""headers":{"Sec-WebSocket-Protocol":"$T, room-auth"}"#,
        r#""queryStringParameters":{"token":"$T"}"#,
        r#""headers":{"Cookie":"session=$T","Origin":"https://evil.example"}"#,
        r#""$T":"$T","headers":{"Authorization":"Bearer $T"},"queryStringParameters":{"token":"$T"}"#,
    ];
    let cookies = authenticator()
        .with_sources([
            TokenSource::subprotocol(),
            TokenSource::authorization(),
            TokenSource::query("token"),
            TokenSource::cookie("session", ["https://chat.example"]),
        ])
        .unwrap();
    let mut behind = Behind::<Value>::new(&cookies);
    for (name, token) in &tokens {
        for place in places {
            let name = format!("{name}: {place}");
            let outcome = behind
                .send(&with_members(place).replace("$T", token))
                .await
                .unwrap();
            let reason = outcome.reason().unwrap();
            outcome.assert_refused(&name, &reason);
            assert!(!shows(&outcome.log, token), "{name}: {}", outcome.log);
        }
    }
}

#[tokio::test]
async fn claims_that_are_refused_are_shown_nowhere() {
    let payload =
        r#"{"sub":"lobby","iat":1800000000,"exp":1800000300,"aud":"s3cret-audience","user":"s3cret-user"}"#;
    let mut behind = Behind::<Value>::new(&authenticator());
    let mut event = bare();
    event["headers"]["Authorization"] = json!(format!("Bearer {}", token(HEADER, payload)));
    let outcome = behind.send(&event.to_string()).await.unwrap();
    outcome.assert_refused("aud", "claims");
    assert!(!outcome.log.contains("s3cret"), "{}", outcome.log);
}

#[tokio::test]
async fn an_event_that_does_not_fit_the_handler_is_not_quoted() {
    #[derive(serde::Deserialize, serde::Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Strict {
        headers: std::collections::HashMap<String, u8>,
    }
    let mut behind = Behind::<Strict>::new(&authenticator());
    let mut event = bare();
    event["headers"] = json!({"Authorization": format!("Bearer {}", good_token()), "X-Secret": "s3cret"});
    let outcome = behind.send(&event.to_string()).await.unwrap();
    outcome.assert_failed("Strict", "payload");
    assert!(!shows(&outcome.log, &good_token()), "{}", outcome.log);
    assert!(!outcome.log.contains("s3cret"), "{}", outcome.log);
    assert!(
        outcome.log.contains("Strict"),
        "the operator is told which type: {}",
        outcome.log
    );
}

#[tokio::test]
async fn the_operator_is_told_the_room_the_connection_and_the_route() {
    let mut behind = Behind::<Value>::new(&authenticator());
    let good = behind.send(&super::harness::good().to_string()).await.unwrap();
    for field in [
        r#""room_id":"lobby""#,
        r#""connection_id":"XdK3ufl0FiACEvw=""#,
        r#""route":"$connect""#,
    ] {
        assert!(good.log.contains(field), "{field}: {}", good.log);
    }
    let refused = behind.send(&bare().to_string()).await.unwrap();
    for field in [
        r#""reason":"token_missing""#,
        r#""connection_id":"XdK3ufl0FiACEvw=""#,
        r#""route":"$connect""#,
    ] {
        assert!(refused.log.contains(field), "{field}: {}", refused.log);
    }
    assert!(!refused.log.contains("room_id"), "{}", refused.log);
    assert!(refused.log.contains(r#""target":"room_auth""#), "{}", refused.log);
}

#[tokio::test]
async fn the_operator_is_told_which_member_is_to_blame_and_not_what_it_holds() {
    let mut behind = Behind::<Value>::new(&authenticator());
    let with_token = |header: &str, payload: &str| {
        let mut event = bare();
        event["headers"]["Authorization"] = json!(format!("Bearer {}", token(header, payload)));
        event
    };
    let payload = |members: &str| format!(r#"{{"sub":"lobby","iat":1800000000,{members}}}"#);
    let without = |member: &str| {
        let mut event = super::harness::good();
        event["requestContext"][member] = Value::Null;
        event
    };
    let rows = [
        (with_token(&HEADER.replace("JWT", "s3cret"), PAYLOAD), "typ"),
        (with_token(r#"{"alg":"RS256","kid":null}"#, PAYLOAD), "kid"),
        (with_token(HEADER, &payload(r#""exp":"s3cret""#)), "exp"),
        (with_token(HEADER, &payload(r#""exp":1800000300000"#)), "exp"),
        (
            with_token(HEADER, &payload(r#""exp":1800000300,"aud":"s3cret""#)),
            "aud",
        ),
        (
            with_token(HEADER, &payload(r#""exp":1800000300,"nbf":"s3cret""#)),
            "nbf",
        ),
        (
            with_token(HEADER, &PAYLOAD.replace("lobby", "s3cret room")),
            "sub",
        ),
        (without("eventType"), "eventType"),
        (without("routeKey"), "routeKey"),
        (without("connectionId"), "connectionId"),
        (json!({"headers": {}}), "requestContext"),
    ];
    for (event, member) in rows {
        let outcome = behind.send(&event.to_string()).await.unwrap();
        outcome.assert_refused(member, &outcome.reason().unwrap());
        let field = format!(r#""member":"{member}""#);
        assert!(outcome.log.contains(&field), "{member}: {}", outcome.log);
        assert!(!outcome.log.contains("s3cret"), "{member}: {}", outcome.log);
    }
    let refused = behind.send(&bare().to_string()).await.unwrap();
    assert!(
        !refused.log.contains("member"),
        "nothing to blame: {}",
        refused.log
    );
}

#[tokio::test]
async fn lone_surrogates_beside_the_token_fail_closed() {
    let mut behind = Behind::<Value>::new(&authenticator());
    for members in [
        r#""headers":{"Authorization":"Bearer $T","X-A":"\ud800"}"#,
        r#""headers":{"Authorization":"Bearer $T"},"body":"\udfff\ud800""#,
        r#""headers":{"Authorization":"Bearer $T","X-A":["\ud83d\u0041"]}"#,
    ] {
        let outcome = behind
            .send(&with_members(members).replace("$T", &good_token()))
            .await
            .unwrap();
        outcome.assert_failed(members, "payload");
        behind.assert_still_serves(members).await;
    }
}
