//! The layer under `lambda_runtime::run` and `run_concurrent`, in a real process behind a Runtime API.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use room_auth_gateway::{Function, FunctionPool, InvokeError, LogLine, LogSink};
use room_auth_tests::fixture;
use room_auth_tests::secret::shows;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

/// A CONNECT event without a token.
fn bare() -> Value {
    serde_json::from_str(&fixture::text("events/connect.json")).unwrap()
}

type Lines = UnboundedReceiver<LogLine>;

/// Longer than anything takes here on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

async fn start(concurrent: bool) -> (FunctionPool, Lines) {
    let (sink, lines) = LogSink::channel();
    let mut function = Function::new(env!("CARGO_BIN_EXE_layered"))
        .env("PUBLIC_KEY", room_auth_forge::key().public_key_pem())
        .concurrency(1)
        .timeout(PATIENCE)
        .logs(sink);
    if concurrent {
        function = function.env("RUN_CONCURRENT", "1").invocations_per_process(8);
    }
    (function.start().await.unwrap(), lines)
}

/// What was printed until the handler had told of this many events.
async fn printed(lines: &mut Lines, handled: usize) -> String {
    let mut text = String::new();
    let mut told = 0;
    while told < handled {
        let line = tokio::time::timeout(PATIENCE, lines.recv()).await;
        let line = line.expect("a record in time").expect("the function runs").text;
        told += usize::from(line.contains(r#""message":"handling""#));
        text += &line;
        text.push('\n');
    }
    text
}

fn with_token(token: &str) -> Value {
    let mut event = bare();
    event["headers"]["Authorization"] = json!(format!("Bearer {token}"));
    event["multiValueHeaders"]["Authorization"] = json!([format!("Bearer {token}")]);
    event
}

fn token(room: &str) -> String {
    room_auth_forge::fresh_token(room)
}

async fn invoke(function: &FunctionPool, event: impl Into<Vec<u8>>) -> Result<Value, InvokeError> {
    let answer = function.invoke(event.into()).await?;
    Ok(serde_json::from_slice(&answer).unwrap())
}

async fn assert_serves(function: &FunctionPool, room: &str) -> Value {
    let answer = invoke(function, with_token(&token(room)).to_string())
        .await
        .unwrap();
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["room"], room);
    body
}

fn refused() -> Value {
    json!({"statusCode": 401, "body": r#"{"message":"Unauthorized"}"#})
}

async fn hostile_events_are_answered_and_the_next_is_served(concurrent: bool) {
    let (function, mut lines) = start(concurrent).await;
    let process = function.processes();
    let secret = token("lobby");
    let forged = room_auth_tests::forge::with_broken_signature(&secret);
    let mut two = with_token(&secret);
    two["queryStringParameters"]["token"] = json!(secret);
    let mut no_context = with_token(&secret);
    no_context["requestContext"] = Value::Null;
    let mut long = with_token(&secret);
    long["headers"]["Authorization"] = json!(format!("Bearer {}", "A".repeat(1 << 20)));
    long["multiValueHeaders"] = Value::Null;
    let rows = [
        ("no token", bare().to_string()),
        ("forged", with_token(&forged).to_string()),
        ("two tokens", two.to_string()),
        ("no context", no_context.to_string()),
        ("a megabyte", long.to_string()),
        ("null", "null".to_owned()),
        ("a text", format!("\"{secret}\"")),
        ("an array", format!("[\"{secret}\"]")),
        ("an empty object", "{}".to_owned()),
        (
            "nested deeply",
            format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)),
        ),
    ];
    let count = rows.len();
    for (name, event) in rows {
        let answer = invoke(&function, event).await.unwrap();
        assert_eq!(answer, refused(), "{name}");
        assert_serves(&function, "lobby").await;
    }
    assert_eq!(function.processes(), process, "a process has ended");
    let printed = printed(&mut lines, count).await;
    for reason in [
        "token_missing",
        "signature",
        "several_tokens",
        "event",
        "malformed",
    ] {
        assert!(
            printed.contains(&format!(r#""reason":"{reason}""#)),
            "{reason}: {printed}"
        );
    }
    assert!(
        !shows(&printed, &secret) && !shows(&printed, &forged),
        "{printed}"
    );
    function.shutdown().await;
}

#[tokio::test]
async fn run_answers_hostile_events_and_serves_the_next() {
    hostile_events_are_answered_and_the_next_is_served(false).await;
}

#[tokio::test]
async fn run_concurrent_answers_hostile_events_and_serves_the_next() {
    hostile_events_are_answered_and_the_next_is_served(true).await;
}

/// What is no JSON never reaches the layer: the runtime answers with an error, which must not quote it.
async fn what_is_no_json_is_an_error_that_quotes_nothing(concurrent: bool) {
    let (function, mut lines) = start(concurrent).await;
    let process = function.processes();
    let secret = token("lobby");
    let good = with_token(&secret).to_string();
    let rows: [(&str, Vec<u8>); 6] = [
        ("empty", Vec::new()),
        ("cut off", good.as_bytes()[..good.len() - 1].to_vec()),
        (
            "a raw line end in a header",
            good.replace("Bearer ", "Bearer \n").into_bytes(),
        ),
        (
            "a raw NUL in a header",
            good.replace("Bearer ", "Bearer \0").into_bytes(),
        ),
        (
            "no UTF-8 in a header",
            replace(good.as_bytes(), *b"gzip", *b"\xff\xfe\xfd\xfc"),
        ),
        ("a bare token", secret.clone().into_bytes()),
    ];
    let count = rows.len();
    for (name, event) in rows {
        match invoke(&function, event).await {
            Err(InvokeError::Function { payload, .. }) => {
                let payload = String::from_utf8_lossy(&payload).into_owned();
                assert!(!shows(&payload, &secret), "{name}: {payload}");
            }
            other => panic!("{name}: {other:?}"),
        }
        assert_serves(&function, "lobby").await;
    }
    assert_eq!(function.processes(), process, "a process has ended");
    let printed = printed(&mut lines, count).await;
    assert!(!shows(&printed, &secret), "{printed}");
    function.shutdown().await;
}

fn replace(text: &[u8], from: [u8; 4], to: [u8; 4]) -> Vec<u8> {
    let at = text.windows(4).position(|window| window == from).unwrap();
    let mut text = text.to_vec();
    text[at..at + 4].copy_from_slice(&to);
    text
}

#[tokio::test]
async fn run_quotes_nothing_of_what_is_no_json() {
    what_is_no_json_is_an_error_that_quotes_nothing(false).await;
}

#[tokio::test]
async fn run_concurrent_quotes_nothing_of_what_is_no_json() {
    what_is_no_json_is_an_error_that_quotes_nothing(true).await;
}

#[tokio::test]
async fn the_event_is_masked_in_a_real_process_too() {
    let (function, mut lines) = start(false).await;
    let secret = token("lobby");
    let event = with_token(&secret).to_string();
    let escaped = event.replace(&secret, &room_auth_tests::forge::escaped(&secret));
    for event in [event, escaped] {
        let answer = invoke(&function, event).await.unwrap();
        let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        assert_eq!(body["event"], with_token("***"));
    }
    let printed = printed(&mut lines, 2).await;
    assert!(
        printed.contains("Bearer ***"),
        "the handler logged its event: {printed}"
    );
    assert!(!shows(&printed, &secret), "{printed}");
    function.shutdown().await;
}

#[tokio::test]
async fn concurrent_invocations_in_one_process_keep_their_claims_apart() {
    let (function, _lines) = start(true).await;
    let invocations = (0..64).map(|index| {
        let function = &function;
        async move {
            if index % 4 == 0 {
                let answer = invoke(function, bare().to_string()).await.unwrap();
                assert_eq!(answer, refused());
            } else {
                assert_serves(function, &format!("room-{index}")).await;
            }
        }
    });
    futures_util::future::join_all(invocations).await;
    assert_eq!(function.processes().len(), 1);
    function.shutdown().await;
}
