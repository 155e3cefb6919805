//! An issuer that fails after the start: the last good keys go on, and every decision is made within a second.

use room_auth_forge::capture::Capture;
use tokio::time::Instant;

use super::issuer::{Answer, LocalIssuer};
use super::*;

/// What can go wrong, by name, and what the log says about it.
pub(crate) fn failures(key: &SigningKey) -> Vec<(&'static str, Answer, &'static str)> {
    let json = |text: &str| Answer::json(text);
    let jwk = super::issuer::jwk("one", key);
    let private = jwk.replace(r#""kid""#, r#""d":"AAAA","kid""#);
    let nine: Vec<String> = (0..9)
        .map(|id| super::issuer::jwk(&id.to_string(), key))
        .collect();
    let set = |keys: &[&str]| json(&format!(r#"{{"keys":[{}]}}"#, keys.join(",")));
    let good = super::issuer::set(&[("one", key)]);
    let with_type =
        |media_type: &str| Answer::new("200 OK", &format!("content-type: {media_type}\r\n"), &good);
    let page = "<!doctype html><title>Sign in</title>";
    vec![
        (
            "empty set",
            set(&[]),
            "its JWK set has no keys; take the `jwks_uri`",
        ),
        (
            "symmetric key only",
            set(&[r#"{"kty":"oct","k":"AAAA"}"#]),
            "its JWK set has a symmetric key, so that anybody can sign; let the issuer",
        ),
        (
            "symmetric key beside a good one",
            set(&[&jwk, r#"{"kty":"oct","k":"AAAA"}"#]),
            "its JWK set has a symmetric key",
        ),
        (
            "private key",
            set(&[&private]),
            "its JWK set has a private key, so that anybody can sign; replace",
        ),
        (
            "duplicate kid",
            set(&[&jwk, &jwk]),
            "two keys with the same `kid`; give each",
        ),
        (
            "nine keys",
            set(&nine.iter().map(String::as_str).collect::<Vec<_>>()),
            "its JWK set has 9 keys that can verify, and at most 8 are taken; remove",
        ),
        (
            "keys for encryption",
            set(&[&jwk.replace("sig", "enc")]),
            "no key of its JWK set can verify tokens: the public key text (key 1 of the JWK set) holds a JWK whose `use`",
        ),
        (
            "one key without a set",
            json(&jwk),
            "it answers with JSON that has no `keys`; take",
        ),
        (
            "the configuration",
            json(r#"{"issuer":"https://issuer.example/","jwks_uri":"https://issuer.example/keys"}"#),
            "it is the URL of the issuer's configuration, not of its keys; take the `jwks_uri` in it",
        ),
        (
            "not JSON",
            json("keys"),
            "it answers with something that is not a JWK set in JSON",
        ),
        (
            "half a set",
            json(&good[..good.len() / 2]),
            "it answers with something that is not a JWK set",
        ),
        (
            "members twice",
            json(r#"{"keys":[],"keys":[]}"#),
            "with unique members; take",
        ),
        (
            "a page as JSON",
            json(page),
            "it answers with something that is not a JWK set",
        ),
        (
            "nothing as JSON",
            json(""),
            "it answers with something that is not a JWK set",
        ),
        (
            "not UTF-8",
            Answer::Bytes(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1\r\n\r\n\xff"
                    .to_vec(),
            ),
            "not a JWK set",
        ),
        (
            "a page",
            Answer::new("200 OK", "content-type: text/html; charset=utf-8\r\n", page),
            "it answers with `text/html`, and `application/json` or `application/jwk-set+json` is needed; take",
        ),
        (
            "a set as a file",
            with_type("application/octet-stream"),
            "it answers with `application/octet-stream`",
        ),
        (
            "a set as script",
            with_type("text/javascript"),
            "it answers with `text/javascript`",
        ),
        (
            "no type",
            Answer::new("200 OK", "", &good),
            "it answers without a Content-Type",
        ),
        (
            "not found",
            Answer::new("404 Not Found", "", ""),
            "nothing is there (status 404); take",
        ),
        (
            "forbidden",
            Answer::new("403 Forbidden", "", ""),
            "it refuses to answer (status 403)",
        ),
        (
            "a fault",
            Answer::new("503 Service Unavailable", "", ""),
            "it answers with status 503; check",
        ),
        (
            "no content",
            Answer::new("204 No Content", "", ""),
            "it answers with status 204",
        ),
        (
            "a redirect",
            Answer::new("302 Found", "location: /jwks.json\r\n", &good),
            "it redirects (status 302), and keys are taken from the given URL only",
        ),
        (
            "a permanent redirect",
            Answer::new(
                "308 Permanent Redirect",
                "location: https://other.example/\r\n",
                "",
            ),
            "it redirects (status 308)",
        ),
        (
            "huge",
            json(&format!(
                r#"{{"keys":[{jwk}],"padding":"{}"}}"#,
                "x".repeat(256 * 1024)
            )),
            "it answers with more than 256 KiB, which is no JWK set",
        ),
        (
            "endless",
            Answer::Endless(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n".to_vec()),
            "it answers with more than 256 KiB",
        ),
        (
            "broken off",
            Answer::Bytes(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{".to_vec(),
            ),
            "its answer breaks off",
        ),
        ("closed", Answer::Closed, "there is no connection ("),
        (
            "another protocol",
            Answer::Bytes(b"220 mail.example ESMTP\r\n".to_vec()),
            "there is no connection (",
        ),
    ]
}

/// Issuers that let everybody wait. Time is paused for these.
pub(crate) fn delays(key: &SigningKey) -> Vec<(&'static str, Answer)> {
    let good = Answer::set(&[("two", key)]).into_bytes();
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n";
    vec![
        ("hanging", Answer::Nothing),
        ("slow", Answer::Slowly(good)),
        (
            "slow after the head",
            Answer::Slowly([&head[..], b"{                            "].concat()),
        ),
    ]
}

#[tokio::test]
async fn a_fetch_that_fails_keeps_the_last_good_set() {
    let (one, two) = (key(), key());
    for (name, answer, problem) in failures(&one) {
        let hands = Hands::new();
        let issuer = LocalIssuer::start(Answer::set(&[("one", &one)])).await;
        let function = Function::new(jwks(issuer.url(), &hands).fetch().await.unwrap());

        issuer.answers(answer);
        let log = Capture::start();
        function.refuses(&token("two", &two)).await;
        let said = log.take();
        assert!(
            said.contains("the issuer's keys were not fetched again; the last ones are used"),
            "{name}: {said}"
        );
        assert!(said.contains(problem), "{name}: {said}");
        function.accepts(&token("one", &one)).await;
        assert_eq!(issuer.asked(), 2, "{name}");

        // Stale as well, and still failing: asked again, and the last good set goes on.
        hands.advance(Duration::from_hours(2));
        function.accepts(&token("one", &one)).await;
        function.accepts(&token("one", &one)).await;
        function.refuses(&token("two", &two)).await;
        assert_eq!(issuer.asked(), 3, "{name}");

        issuer.answers(Answer::set(&[("two", &two)]));
        hands.advance(Duration::from_secs(10));
        function.accepts(&token("two", &two)).await;
        function.refuses(&token("one", &one)).await;
        assert_eq!(issuer.asked(), 4, "{name}");
    }
}

#[tokio::test]
async fn an_issuer_that_cannot_be_reached_any_more_keeps_the_last_good_set() {
    let (hands, one, two) = (Hands::new(), key(), key());
    let issuer = LocalIssuer::start(Answer::set(&[("one", &one)])).await;
    let function = Function::new(jwks(issuer.url(), &hands).fetch().await.unwrap());
    drop(issuer);
    tokio::task::yield_now().await;
    let log = Capture::start();
    function.refuses(&token("two", &two)).await;
    function.accepts(&token("one", &one)).await;
    let said = log.take();
    assert!(said.contains("Connection refused"), "{said}");
}

#[tokio::test]
async fn a_decision_waits_for_a_slow_issuer_for_less_than_a_second() {
    let (one, two) = (key(), key());
    for (name, answer) in delays(&two) {
        let hands = Hands::new();
        let issuer = LocalIssuer::start(Answer::set(&[("one", &one)])).await;
        let function = Function::new(jwks(issuer.url(), &hands).fetch().await.unwrap());
        issuer.answers(answer);
        hands.advance(Duration::from_hours(2));
        let (good, bad) = (token("one", &one), token("two", &two));

        tokio::time::pause();
        let started = Instant::now();
        let (accepted, refused) = tokio::join!(function.connect(&good), function.connect(&bad));
        let took = started.elapsed();
        // At once, until it may be asked again.
        let again = Instant::now();
        function.accepts(&good).await;
        function.refuses(&bad).await;
        assert_eq!(again.elapsed(), Duration::ZERO, "{name}");
        tokio::time::resume();

        assert_eq!((accepted, refused), (200, 401), "{name}");
        let whole = Duration::from_millis(800);
        assert!(
            (whole..whole + Duration::from_millis(50)).contains(&took),
            "{name}: {took:?}"
        );
        assert_eq!(function.calls(), 2, "{name}");
    }
}
