//! The start: what fails it, what it says then, and how a bundled set stands in.

use room_auth::PublicKeys;
use room_auth_forge::capture::Capture;

use super::issuer::{Answer, LocalIssuer, set};
use super::unusable::{delays, failures};
use super::*;

#[tokio::test]
async fn a_set_that_cannot_be_used_fails_the_start_by_name() {
    let key = key();
    for (name, answer, problem) in failures(&key) {
        let issuer = LocalIssuer::start(answer).await;
        let error = jwks(issuer.url(), &Hands::new())
            .fetch()
            .await
            .unwrap_err()
            .to_string();
        let start = format!("no keys were taken from {}: ", issuer.url());
        assert!(error.starts_with(&start), "{name}: {error}");
        assert!(error.contains(problem), "{name}: {error}");
        assert!(error.contains("; "), "says what to do: {name}: {error}");
        assert_eq!(issuer.asked(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_bundled_set_stands_in_for_whatever_fails_at_the_start() {
    let (bundled_key, published) = (key(), key());
    let bundled = PublicKeys::from_jwk(&set(&[("bundled", &bundled_key)])).unwrap();
    for (name, answer, problem) in failures(&published) {
        let hands = Hands::new();
        let issuer = LocalIssuer::start(answer).await;
        let log = Capture::start();
        let jwks = jwks(issuer.url(), &hands).with_bundled_keys(bundled.clone());
        let function = Function::new(jwks.fetch().await.unwrap());
        let said = log.take();
        assert!(
            said.contains("the bundled ones are used") && said.contains(problem),
            "{name}: {said}"
        );
        assert!(said.contains(r#""level":"WARN""#), "{name}: {said}");

        function.accepts(&token("bundled", &bundled_key)).await;
        function.refuses(&token("published", &published)).await;
        assert_eq!(issuer.asked(), 2, "the bundled set is stale: {name}");

        issuer.answers(Answer::set(&[("published", &published)]));
        hands.advance(Duration::from_secs(10));
        function.refuses(&token("bundled", &bundled_key)).await;
        function.accepts(&token("published", &published)).await;
        assert_eq!(issuer.asked(), 3, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_issuer_fails_the_start_in_less_than_a_second() {
    let key = key();
    for (name, answer) in delays(&key) {
        let issuer = LocalIssuer::start(answer).await;
        let started = tokio::time::Instant::now();
        let error = jwks(issuer.url(), &Hands::new())
            .fetch()
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("it did not answer within 800 ms; check the URL"),
            "{name}: {error}"
        );
        assert!(started.elapsed() < Duration::from_secs(1), "{name}");
    }
}

#[tokio::test]
async fn the_published_set_goes_before_the_bundled_one() {
    let (bundled_key, published) = (key(), key());
    let bundled = PublicKeys::from_jwk(&set(&[("bundled", &bundled_key)])).unwrap();
    let issuer = LocalIssuer::start(Answer::set(&[("published", &published)])).await;
    let jwks = jwks(issuer.url(), &Hands::new()).with_bundled_keys(bundled);
    let function = Function::new(jwks.fetch().await.unwrap());
    function.accepts(&token("published", &published)).await;
    function.refuses(&token("bundled", &bundled_key)).await;
}

#[tokio::test]
async fn an_unusable_configuration_is_named_before_anybody_is_asked() {
    let issuer = LocalIssuer::start(Answer::set(&[("one", &key())])).await;
    let url = issuer.url();
    for (url, iss, aud, problem) in [
        (
            "http://issuer.example/jwks.json",
            ISSUER,
            AUDIENCE,
            "anybody on the way could put in keys",
        ),
        ("issuer.example", ISSUER, AUDIENCE, "is not absolute"),
        (&*url, "", AUDIENCE, "the issuer of the tokens is empty"),
        (&*url, ISSUER, " ", "the audience of the tokens is empty"),
    ] {
        let error = Verifier::from_jwks_url(url, iss, aud)
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(problem), "{error}");
    }
    assert_eq!(issuer.asked(), 0);
}

#[tokio::test]
async fn issuer_and_audience_are_required() {
    let key = key();
    let issuer = LocalIssuer::start(Answer::set(&[("one", &key)])).await;
    let function = Function::new(jwks(issuer.url(), &Hands::new()).fetch().await.unwrap());
    function.accepts(&token("one", &key)).await;
    let expires = NOW + 300;
    for claims in [
        String::new(),
        format!(r#","iss":"{ISSUER}""#),
        format!(r#","aud":"{AUDIENCE}""#),
        format!(r#","iss":"{ISSUER}","aud":"other""#),
        format!(r#","iss":"https://other.example/","aud":"{AUDIENCE}""#),
        format!(r#","iss":"https://issuer.example","aud":"{AUDIENCE}""#),
    ] {
        let payload = format!(r#"{{"sub":"lobby","iat":{NOW},"exp":{expires}{claims}}}"#);
        let header = r#"{"alg":"EdDSA","kid":"one"}"#;
        function
            .refuses(&room_auth_forge::token_by(&key, header, &payload))
            .await;
    }
}
