//! Other places for tokens, cookies with their origins, and application protocols.

use room_auth::{Authenticator, TokenSource};
use room_auth_forge::attacker_key;
use serde_json::Value;

use super::harness::{Behind, authenticator, good_token, with_members};

/// `Ok`: accepted, with this subprotocol in the answer; `Err`: refused for this reason.
type Row = (
    &'static str,
    &'static str,
    Result<Option<&'static str>, &'static str>,
);

async fn check(authenticator: Authenticator, rows: &[Row]) {
    let mut behind = Behind::<Value>::new(&authenticator);
    for (name, members, expected) in rows {
        let event = with_members(members).replace("$T", &good_token());
        let outcome = behind.send(&event).await.unwrap();
        match expected {
            Ok(subprotocol) => {
                outcome.assert_accepted(name);
                assert_eq!(outcome.subprotocol().as_deref(), *subprotocol, "{name}");
            }
            Err(reason) => outcome.assert_refused(name, reason),
        }
    }
}

#[tokio::test]
async fn only_the_sources_that_are_named_are_looked_at() {
    let authenticator = authenticator()
        .with_sources([
            TokenSource::query("access_token"),
            TokenSource::bearer("X-Room-Token"),
        ])
        .unwrap();
    #[rustfmt::skip]
    let rows: &[Row] = &[
        ("the renamed parameter", r#""queryStringParameters":{"access_token":"$T"}"#, Ok(None)),
        ("the renamed header", r#""headers":{"x-room-token":"Bearer $T"}"#, Ok(None)),
        ("both", r#""headers":{"X-Room-Token":"Bearer $T"},"queryStringParameters":{"access_token":"$T"}"#, Err("several_tokens")),
        ("the usual parameter", r#""queryStringParameters":{"token":"$T"}"#, Err("token_missing")),
        ("the usual header", r#""headers":{"Authorization":"Bearer $T"}"#, Err("token_missing")),
        ("the subprotocol", r#""headers":{"Sec-WebSocket-Protocol":"room-auth, $T"}"#, Err("token_missing")),
        ("the usual header beside", r#""headers":{"X-Room-Token":"Bearer $T","Authorization":"Basic x"}"#, Ok(None)),
    ];
    check(authenticator, rows).await;
}

#[tokio::test]
async fn a_cookie_counts_only_from_an_allowed_origin() {
    let authenticator = authenticator()
        .with_sources([
            TokenSource::cookie("session", ["https://chat.example", "http://localhost:8080"]),
            TokenSource::authorization(),
        ])
        .unwrap();
    #[rustfmt::skip]
    let rows: &[Row] = &[
        ("from the page", r#""headers":{"Cookie":"session=$T","Origin":"https://chat.example"}"#, Ok(None)),
        ("from the other page", r#""headers":{"Cookie":"session=$T","Origin":"http://localhost:8080"}"#, Ok(None)),
        ("names in lower case", r#""headers":{"cookie":"session=$T","origin":"https://chat.example"}"#, Ok(None)),
        ("among other cookies", r#""headers":{"Cookie":"a=b; session=$T; c","Origin":"https://chat.example"}"#, Ok(None)),
        ("no origin", r#""headers":{"Cookie":"session=$T"}"#, Err("origin")),
        ("origin null", r#""headers":{"Cookie":"session=$T","Origin":"null"}"#, Err("origin")),
        ("origin empty", r#""headers":{"Cookie":"session=$T","Origin":""}"#, Err("origin")),
        ("another origin", r#""headers":{"Cookie":"session=$T","Origin":"https://evil.example"}"#, Err("origin")),
        ("another scheme", r#""headers":{"Cookie":"session=$T","Origin":"http://chat.example"}"#, Err("origin")),
        ("another port", r#""headers":{"Cookie":"session=$T","Origin":"https://chat.example:8443"}"#, Err("origin")),
        ("a longer host", r#""headers":{"Cookie":"session=$T","Origin":"https://chat.example.evil.example"}"#, Err("origin")),
        ("a host before", r#""headers":{"Cookie":"session=$T","Origin":"https://evil-chat.example"}"#, Err("origin")),
        ("a subdomain", r#""headers":{"Cookie":"session=$T","Origin":"https://a.chat.example"}"#, Err("origin")),
        ("a path behind", r#""headers":{"Cookie":"session=$T","Origin":"https://chat.example/"}"#, Err("origin")),
        ("capitals", r#""headers":{"Cookie":"session=$T","Origin":"https://CHAT.example"}"#, Err("origin")),
        ("two origins", r#""headers":{"Cookie":"session=$T","Origin":"https://chat.example https://evil.example"}"#, Err("origin")),
        ("origin twice", r#""headers":{"Cookie":"session=$T","Origin":"https://chat.example","origin":"https://evil.example"}"#, Err("several_tokens")),
        ("the cookie twice", r#""headers":{"Cookie":"session=$T; session=$T","Origin":"https://chat.example"}"#, Err("several_tokens")),
        ("the cookie header twice", r#""headers":{"Cookie":"session=$T","cookie":"a=b","Origin":"https://chat.example"}"#, Err("several_tokens")),
        ("cookie and header", r#""headers":{"Cookie":"session=$T","Authorization":"Bearer $T","Origin":"https://chat.example"}"#, Err("several_tokens")),
        ("cookie empty", r#""headers":{"Cookie":"session=","Origin":"https://chat.example"}"#, Err("token_form")),
        ("cookie in other case", r#""headers":{"Cookie":"Session=$T","Origin":"https://chat.example"}"#, Err("token_missing")),
        ("another cookie", r#""headers":{"Cookie":"xsession=$T","Origin":"https://chat.example"}"#, Err("token_missing")),
        ("cookie in the query", r#""queryStringParameters":{"session":"$T"},"headers":{"Origin":"https://chat.example"}"#, Err("token_missing")),
        ("a header needs no origin", r#""headers":{"Authorization":"Bearer $T","Cookie":"a=b","Origin":"https://evil.example"}"#, Ok(None)),
    ];
    check(authenticator, rows).await;
}

#[tokio::test]
async fn an_application_protocol_that_is_allowed_may_stand_before_ours_and_is_echoed() {
    let authenticator = authenticator()
        .with_application_protocols(["graphql-transport-ws", "graphql-ws"])
        .unwrap();
    let graphql = Ok(Some("graphql-transport-ws"));
    #[rustfmt::skip]
    let rows: &[Row] = &[
        ("ours alone", r#""headers":{"Sec-WebSocket-Protocol":"room-auth, $T"}"#, Ok(Some("room-auth"))),
        ("one before", r#""headers":{"Sec-WebSocket-Protocol":"graphql-transport-ws, room-auth, $T"}"#, graphql),
        ("two before", r#""headers":{"Sec-WebSocket-Protocol":"graphql-ws, graphql-transport-ws, room-auth, $T"}"#, Ok(Some("graphql-ws"))),
        ("alone, the token in the header", r#""headers":{"Sec-WebSocket-Protocol":"graphql-transport-ws","Authorization":"Bearer $T"}"#, graphql),
        ("alone, the token in the query", r#""headers":{"Sec-WebSocket-Protocol":"graphql-transport-ws"},"queryStringParameters":{"token":"$T"}"#, graphql),
        ("alone, no token", r#""headers":{"Sec-WebSocket-Protocol":"graphql-transport-ws"}"#, Err("token_missing")),
        ("behind", r#""headers":{"Sec-WebSocket-Protocol":"room-auth, $T, graphql-transport-ws"}"#, Err("token_form")),
        ("between", r#""headers":{"Sec-WebSocket-Protocol":"room-auth, graphql-transport-ws, $T"}"#, Err("token_form")),
        ("in other case", r#""headers":{"Sec-WebSocket-Protocol":"GraphQL-WS, room-auth, $T"}"#, Err("token_form")),
        ("one that is not allowed as well", r#""headers":{"Sec-WebSocket-Protocol":"graphql-ws, soap, room-auth, $T"}"#, Err("token_form")),
        ("an empty one", r#""headers":{"Sec-WebSocket-Protocol":", room-auth, $T"}"#, Err("token_form")),
        ("its name for a token", r#""headers":{"Sec-WebSocket-Protocol":"room-auth, graphql-ws"}"#, Err("malformed")),
        ("before ours, the token in two places", r#""headers":{"Sec-WebSocket-Protocol":"graphql-ws, room-auth, $T","Authorization":"Bearer $T"}"#, Err("several_tokens")),
    ];
    check(authenticator, rows).await;
}

#[tokio::test]
async fn an_allowed_origin_is_written_as_people_paste_it() {
    // What is unambiguous is undone: capitals, white space, one slash at the end, the default port.
    for (allowed, origin) in [
        ("https://a.example/", "https://a.example"),
        ("https://A.example", "https://a.example"),
        (" https://a.example\n", "https://a.example"),
        ("https://a.example:443", "https://a.example"),
        ("http://a.example:80/", "http://a.example"),
        ("https://a.example:8443", "https://a.example:8443"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("ionic://localhost", "ionic://localhost"),
        ("tauri://localhost", "tauri://localhost"),
        ("chrome-extension://abcdefgh", "chrome-extension://abcdefgh"),
    ] {
        let authenticator = authenticator()
            .with_sources([TokenSource::cookie("session", [allowed])])
            .unwrap();
        let mut behind = Behind::<Value>::new(&authenticator);
        for (origin, is_accepted) in [(origin, true), ("https://evil.example", false)] {
            let members = format!(r#""headers":{{"Cookie":"session=$T","Origin":"{origin}"}}"#);
            let event = with_members(&members).replace("$T", &good_token());
            let outcome = behind.send(&event).await.unwrap();
            if is_accepted {
                outcome.assert_accepted(allowed);
            } else {
                outcome.assert_refused(allowed, "origin");
            }
        }
    }
}

#[test]
fn sources_that_could_not_be_meant_are_refused_with_what_to_do() {
    let rows: Vec<(&str, Vec<TokenSource>, &str)> = vec![
        ("none", vec![], "at least one"),
        (
            "a header with a space",
            vec![TokenSource::bearer("X Token")],
            "header name",
        ),
        (
            "a header without a name",
            vec![TokenSource::bearer("")],
            "header name",
        ),
        (
            "a parameter without a name",
            vec![TokenSource::query("")],
            "needs a name",
        ),
        (
            "a cookie with an equals sign",
            vec![TokenSource::cookie("a=b", ["https://a.example"])],
            "cookie name",
        ),
        (
            "a cookie without origins",
            vec![TokenSource::cookie("a", Vec::<String>::new())],
            "allowed origin",
        ),
        (
            "an origin with a path",
            vec![TokenSource::cookie("a", ["https://a.example/chat"])],
            "has a path",
        ),
        (
            "an origin with a wildcard",
            vec![TokenSource::cookie("a", ["https://*.example"])],
            "has a wildcard",
        ),
        (
            "an origin without a scheme",
            vec![TokenSource::cookie("a", ["chat.example"])],
            "has no scheme",
        ),
        (
            "any origin",
            vec![TokenSource::cookie("a", ["*"])],
            "scheme://host",
        ),
        (
            "the origin null",
            vec![TokenSource::cookie("a", ["null"])],
            "scheme://host",
        ),
        (
            "one good origin and a bad one",
            vec![TokenSource::cookie("a", ["https://a.example", "a"])],
            "scheme://host",
        ),
        (
            "the same header twice",
            vec![TokenSource::authorization(), TokenSource::bearer("AUTHORIZATION")],
            "twice",
        ),
        (
            "the same parameter twice",
            vec![TokenSource::query("t"), TokenSource::query("t")],
            "twice",
        ),
        (
            "subprotocol twice",
            vec![TokenSource::subprotocol(), TokenSource::subprotocol()],
            "twice",
        ),
    ];
    for (name, sources, says) in rows {
        let error = authenticator().with_sources(sources).unwrap_err().to_string();
        assert!(error.contains(says), "{name}: {error}");
        assert_eq!(error.lines().count(), 1, "{name}: {error}");
    }
    for protocol in ["", "room-auth", "a b", "a,b", "a/b", "ä"] {
        let error = authenticator()
            .with_application_protocols([protocol])
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("application protocols: "), "{error}");
    }
}

#[tokio::test]
async fn whatever_the_place_the_token_is_verified() {
    let forged = room_auth_forge::token_by(attacker_key(), room_auth_forge::HEADER, room_auth_forge::PAYLOAD);
    let authenticator = authenticator()
        .with_sources([
            TokenSource::subprotocol(),
            TokenSource::authorization(),
            TokenSource::query("token"),
            TokenSource::cookie("session", ["https://chat.example"]),
        ])
        .unwrap();
    let mut behind = Behind::<Value>::new(&authenticator);
    for members in [
        r#""headers":{"Sec-WebSocket-Protocol":"room-auth, $T"}"#,
        r#""headers":{"Authorization":"Bearer $T"}"#,
        r#""queryStringParameters":{"token":"$T"}"#,
        r#""headers":{"Cookie":"session=$T","Origin":"https://chat.example"}"#,
    ] {
        let outcome = behind
            .send(&with_members(members).replace("$T", &forged))
            .await
            .unwrap();
        outcome.assert_refused(members, "signature");
        assert_eq!(outcome.subprotocol(), None, "{members}");
    }
}
