//! What the whole layer costs, from the bytes of a `$connect` event to the call of the inner service, next to
//! the RSA verification in it: `cargo bench -p room-auth --bench layer`, and `-- ratios` for the table alone.
//!
//! The bytes become an event the way `lambda_runtime` does it. How much of the time is the handler's own event
//! type shows in the rows "no layer", which deserialize the same bytes into it and do nothing else.
//! Every call checks its outcome: the inner service called with the right claims, or refused for the right reason.
//!
//! glibc's allocator can hold a row in a slow state for a whole run, most of all the rows of the largest type
//! (25 µs instead of 9): what looks absurd is to be run again.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

#[path = "fixture/event.rs"]
mod event;
mod fixture;

use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use aws_lambda_events::apigw::ApiGatewayWebsocketProxyRequest;
use criterion::Criterion;
use fixture::ratio::{self, Candidate};
use fixture::{Keys, Signed};
use room_auth::{
    Authenticated, Incoming, LambdaEvent, PublicKeys, Rejection, RejectionKind, RoomAuth, RoomAuthLayer,
    Verifier, VerifyErrorKind, WebSocketEvent, WebSocketResponse, testing,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower::{Layer as _, Service};

/// An event type as a handler writes it that needs to know little. Filling it in is what is measured.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)]
struct Partial {
    request_context: PartialContext,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)]
struct PartialContext {
    connection_id: String,
    domain_name: String,
    stage: String,
}

/// What came of an event.
#[derive(Debug, PartialEq)]
enum Outcome {
    Called,
    Refused(RejectionKind),
}

impl WebSocketResponse for Outcome {
    fn from_rejection(rejection: Rejection) -> Self {
        Self::Refused(rejection.kind())
    }

    fn status_code(&self) -> u16 {
        200
    }

    fn set_subprotocol(&mut self, protocol: &str) {
        assert_eq!(protocol, "room-auth");
    }
}

/// A handler that does nothing, and says that it was called.
#[derive(Clone)]
struct Inner;

impl<E> Service<LambdaEvent<Authenticated<E>>> for Inner {
    type Response = Outcome;
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Outcome, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, event: LambdaEvent<Authenticated<E>>) -> Self::Future {
        let (authenticated, _) = event.into_parts();
        assert_eq!(authenticated.claims().room_id().as_str(), "lobby");
        black_box(authenticated.event());
        ready(Ok(Outcome::Called))
    }
}

/// The event as `lambda_runtime` reads it from the body of its response.
fn deserialize<E: DeserializeOwned>(bytes: &[u8]) -> LambdaEvent<E> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let event = serde_path_to_error::deserialize(&mut json).unwrap();
    LambdaEvent::new(event, lambda_runtime::Context::default())
}

fn through<E: DeserializeOwned + 'static>(mut service: RoomAuth<Inner, (), E>, bytes: &[u8]) -> Outcome {
    let event: LambdaEvent<Incoming> = deserialize(bytes);
    let response = pin!(service.call(event));
    match response.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(outcome)) => outcome,
        Poll::Pending => unreachable!("nothing waits"),
    }
}

fn main() {
    let keys = Keys::new();
    let verifier = Verifier::new(PublicKeys::from_pem(testing::public_key_pem()).unwrap());
    let service = RoomAuthLayer::<(), WebSocketEvent>::new(verifier.clone()).layer(Inner);
    let token = keys.token();
    let event = event::connect(&token);
    let [forged, expired, malformed] = [keys.forged_token(), keys.expired_token(), keys.malformed_token()]
        .map(|token| event::connect(&token));
    let two_tokens = event::connect_with_two_tokens(&token);
    let refused = |kind| Outcome::Refused(RejectionKind::Token(kind));

    let raw = keys.prepared();
    let signed = Signed::of(&token);
    let mut rows: Vec<Row<'_>> = vec![Row::new("raw aws-lc-rs, prepared key", || {
        let (message, signature) = black_box((&signed.message, &signed.signature));
        assert!(raw.verify_sig(message, signature).is_ok());
    })];
    both::<WebSocketEvent>(&mut rows, "WebSocketEvent", Some(1.20), &verifier, &event);
    both::<Partial>(&mut rows, "a partial struct", None, &verifier, &event);
    both::<ApiGatewayWebsocketProxyRequest>(
        &mut rows,
        "ApiGatewayWebsocketProxyRequest",
        None,
        &verifier,
        &event,
    );
    both::<Value>(&mut rows, "serde_json::Value", None, &verifier, &event);
    for (name, event, outcome) in [
        ("syntax", &malformed, refused(VerifyErrorKind::Malformed)),
        (
            "several tokens",
            &two_tokens,
            Outcome::Refused(RejectionKind::SeveralTokens),
        ),
        ("expired", &expired, refused(VerifyErrorKind::Expired)),
        ("bad signature", &forged, refused(VerifyErrorKind::Signature)),
    ] {
        let service = &service;
        rows.push(Row::new(format!("refused: {name}"), move || {
            assert_eq!(through(service.clone(), black_box(event)), outcome);
        }));
    }

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("layer");
    for row in &rows {
        group.bench_function(&row.name, |b| b.iter(&row.work));
    }
    group.finish();
    criterion.final_summary();

    if ratio::wanted() {
        let table = rows
            .iter()
            .map(|row| {
                Candidate::new(&row.name, &row.work)
                    .with_target(row.target)
                    .with_target_above(row.target_above)
            })
            .collect();
        let title = format!("the layer, on an event of {} bytes, RSA 2048", event.len());
        ratio::print_table(&title, table);
    }
}

/// One line of the table.
struct Row<'a> {
    name: String,
    target: Option<f64>,
    target_above: Option<f64>,
    work: Box<dyn Fn() + 'a>,
}

impl<'a> Row<'a> {
    fn new(name: impl Into<String>, work: impl Fn() + 'a) -> Self {
        Self {
            name: name.into(),
            target: None,
            target_above: None,
            work: Box::new(work),
        }
    }
}

/// The event deserialized into `E` and no more, as a function without the layer has it; and the event through
/// the layer to the inner service.
fn both<'a, E: DeserializeOwned + 'static>(
    rows: &mut Vec<Row<'a>>,
    name: &str,
    target: Option<f64>,
    verifier: &Verifier,
    event: &'a [u8],
) {
    let service = RoomAuthLayer::new(verifier.clone()).layer(Inner);
    rows.push(Row::new(format!("no layer, E = {name}"), move || {
        black_box(deserialize::<E>(black_box(event)));
    }));
    rows.push(Row {
        target,
        target_above: Some(1.25),
        ..Row::new(format!("layer, E = {name}"), move || {
            assert_eq!(through::<E>(service.clone(), black_box(event)), Outcome::Called);
        })
    });
}
