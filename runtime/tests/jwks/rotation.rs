//! When keys are fetched again, and how often.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::Notify;

use super::issuer::{Answer, LocalIssuer};
use super::*;

#[tokio::test]
async fn a_rotation_is_taken_up_without_a_refused_token() {
    let (hands, old, new) = (Hands::new(), key(), key());
    let issuer = LocalIssuer::start(Answer::set(&[("old", &old)])).await;
    let function = Function::new(jwks(issuer.url(), &hands).fetch().await.unwrap());
    function.accepts(&token("old", &old)).await;
    assert_eq!(issuer.asked(), 1, "at init");

    issuer.answers(Answer::set(&[("old", &old), ("new", &new)]));
    function.accepts(&token("old", &old)).await;
    function.accepts(&token("new", &new)).await;
    function.accepts(&token("old", &old)).await;
    assert_eq!(issuer.asked(), 2, "for the new key");

    hands.advance(Duration::from_secs(10));
    issuer.answers(Answer::set(&[("newer", &old), ("new", &new)]));
    function.accepts(&token("newer", &old)).await;
    assert_eq!(issuer.asked(), 3);
}

#[tokio::test]
async fn ten_thousand_tokens_of_unknown_keys_cause_one_fetch() {
    let (hands, known, stranger) = (Hands::new(), key(), key());
    let issuer = LocalIssuer::start(Answer::set(&[("known", &known)])).await;
    let function = Function::new(jwks(issuer.url(), &hands).fetch().await.unwrap());
    let signed = token("stranger", &stranger);
    let (_, rest) = signed.split_once('.').unwrap();
    for number in 0..10_000 {
        let header = room_auth_forge::b64(format!(r#"{{"alg":"EdDSA","kid":"unknown {number}"}}"#));
        assert_eq!(function.connect(&format!("{header}.{rest}")).await, 401);
    }
    assert_eq!((issuer.asked(), function.calls()), (2, 0));

    for (later, asked) in [(9, 2), (1, 3), (9, 3), (1, 4)] {
        hands.advance(Duration::from_secs(later));
        function.refuses(&signed).await;
        assert_eq!(issuer.asked(), asked);
    }
    hands.set_back(Duration::from_hours(1));
    function.refuses(&signed).await;
    assert_eq!(
        issuer.asked(),
        5,
        "a clock that was set back does not stop fetches"
    );
}

#[tokio::test]
async fn concurrent_requests_share_one_fetch() {
    let (hands, old, new) = (Hands::new(), key(), key());
    let issuer = LocalIssuer::start(Answer::set(&[("old", &old)])).await;
    let function = Function::new(jwks(issuer.url(), &hands).fetch().await.unwrap());
    let until = Arc::new(Notify::new());
    let rotated = Answer::set(&[("new", &new)]).into_bytes();
    issuer.answers(Answer::Held(until.clone(), rotated));
    let (good, bad) = (token("new", &new), token("other", &new));

    issuer.arrival().await; // of the fetch at init
    let opened = async {
        issuer.arrival().await;
        until.notify_one();
    };
    let good = join_all((0..50).map(|_| function.connect(&good)));
    let bad = join_all((0..50).map(|_| function.connect(&bad)));
    // The one who has started the fetch goes away: those who wait for it carry it on.
    let first = tokio::spawn({
        let (function, token) = (function.clone(), token("new", &new));
        async move { function.connect(&token).await }
    });
    tokio::task::yield_now().await;
    first.abort();
    let ((), good, bad) = tokio::join!(opened, good, bad);
    assert_eq!(good, [200; 50]);
    // Signed by a key of the set, though under another name: accepted as with keys that were given.
    assert_eq!(bad, [200; 50]);
    assert_eq!((issuer.asked(), function.calls()), (2, 100));
}

#[tokio::test]
async fn a_fetch_that_all_have_given_up_does_not_stop_the_next_one() {
    let (hands, old, new) = (Hands::new(), key(), key());
    let issuer = LocalIssuer::start(Answer::set(&[("old", &old)])).await;
    let function = Function::new(jwks(issuer.url(), &hands).fetch().await.unwrap());
    issuer.arrival().await; // of the fetch at init
    issuer.answers(Answer::Nothing);
    let token = token("new", &new);
    tokio::select! {
        _ = function.connect(&token) => panic!("nothing was answered"),
        () = issuer.arrival() => {}
    }
    issuer.answers(Answer::set(&[("new", &new)]));
    hands.advance(Duration::from_secs(10));
    function.accepts(&token).await;
    assert_eq!(issuer.asked(), 3);
}

#[tokio::test]
async fn a_token_that_is_refused_anyway_causes_no_fetch() {
    let (hands, known, stranger) = (Hands::new(), key(), key());
    let issuer = LocalIssuer::start(Answer::set(&[("known", &known)])).await;
    let function = Function::new(jwks(issuer.url(), &hands).fetch().await.unwrap());
    for token in [
        "not a token",
        "",
        &token_with(r#""alg":"EdDSA","kid":"other","crit":["b64"]"#, &stranger),
        &token_with(r#""alg":"EdDSA","kid":1"#, &stranger),
        // Of a key that the set has, and of none by name.
        &token("known", &stranger),
        &token_with(r#""alg":"EdDSA""#, &stranger),
        &format!("{}{}", token("other", &stranger), "A".repeat(5000)),
    ] {
        function.refuses(token).await;
    }
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn a_set_is_good_for_as_long_as_its_answer_says_within_bounds() {
    for (fields, seconds) in [
        ("", 3600),
        ("cache-control: public, max-age=1800\r\n", 1800),
        ("cache-control: public\r\ncache-control: max-age=1800\r\n", 1800),
        ("cache-control: max-age=0\r\n", 300),
        ("cache-control: no-store\r\n", 300),
        ("cache-control: max-age=31536000\r\n", 86_400),
        ("cache-control: max-age=soon\r\n", 3600),
    ] {
        let (hands, withdrawn, key) = (Hands::new(), key(), key());
        let token = token("withdrawn", &withdrawn);
        let issuer = LocalIssuer::start(Answer::set_with(fields, &[("withdrawn", &withdrawn)])).await;
        let verifier = jwks(issuer.url(), &hands).fetch().await.unwrap();
        let function = Function::new(verifier.with_leeway(Duration::from_mins(1)).unwrap());
        issuer.answers(Answer::set(&[("key", &key)]));

        hands.advance(Duration::from_secs(seconds - 1));
        function.accepts(&token).await;
        assert_eq!(issuer.asked(), 1, "{fields:?}");
        hands.advance(Duration::from_secs(1));
        function.refuses(&token).await;
        assert_eq!(issuer.asked(), 2, "{fields:?}");
    }
}
