//! An issuer that fails after the start: the last good keys go on, and every decision is made within a second.

use room_auth_forge::capture::Capture;
use tokio::time::Instant;

use super::issuer::{Answer, LocalIssuer};
use super::unusable::{delays, failures};
use super::*;

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
