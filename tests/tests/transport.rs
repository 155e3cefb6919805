//! The transport over the AWS SDK, against a server that stands in for @connections.
#![allow(clippy::unwrap_used)]

#[path = "support/stub.rs"]
mod stub;

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;
use room_auth::transport::{ENDPOINT_VARIABLE, MAX_MESSAGE_BYTES, ManagementApi};
use room_auth::{ApiEndpoint, ConnectionId, Transport, TransportError};
use stub::{Answer, Stub};

/// The SDK's configuration of a function in Ireland, with credentials that are good for nothing.
async fn config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .load()
        .await
}

async fn transport(stub: &Stub) -> ManagementApi {
    ManagementApi::new(&config().await).with_endpoint(&format!("http://{}/dev", stub.address))
}

fn id(text: &str) -> ConnectionId {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_frame_is_posted_to_the_connection_as_it_is() {
    let stub = Stub::start(|_| Answer::Status(200, "")).await;
    let transport = transport(&stub).await;
    let frame = r#"{"text":"zoë 😀"}"#;
    transport
        .post(&id("L0SM9cOFvHcCIhw="), frame.as_bytes())
        .await
        .unwrap();
    transport.close(&id("L0SM9cOFvHcCIhw=")).await.unwrap();

    let requests = stub.requests();
    let [post, close] = &requests[..] else {
        panic!("{requests:?}")
    };
    assert_eq!(
        (post.method.as_str(), post.path.as_str()),
        ("POST", "/dev/@connections/L0SM9cOFvHcCIhw%3D")
    );
    assert_eq!(post.body, frame.as_bytes());
    assert_eq!(
        (close.method.as_str(), close.path.as_str()),
        ("DELETE", "/dev/@connections/L0SM9cOFvHcCIhw%3D")
    );
    for request in [post, close] {
        assert!(
            request
                .authorization
                .contains("/eu-west-1/execute-api/aws4_request"),
            "{}",
            request.authorization
        );
    }
    assert_eq!(post.peer, close.peer, "one connection, used again");
}

#[tokio::test]
async fn every_character_of_an_id_is_encoded_once() {
    let stub = Stub::start(|_| Answer::Status(200, "")).await;
    transport(&stub).await.post(&id("a/b+c=-_"), b"{}").await.unwrap();
    assert_eq!(stub.requests()[0].path, "/dev/@connections/a%2Fb%2Bc%3D-_");
}

#[tokio::test]
async fn a_message_of_128_kb_goes_through_in_one_piece() {
    let stub = Stub::start(|_| Answer::Status(200, "")).await;
    let frame = vec![b'x'; MAX_MESSAGE_BYTES];
    transport(&stub).await.post(&id("abc="), &frame).await.unwrap();
    assert_eq!(stub.requests()[0].body, frame);
}

#[tokio::test]
async fn an_answer_is_told_by_what_it_means() {
    for (answer, expected) in [
        (Answer::Status(410, "GoneException"), "Gone"),
        (Answer::Status(429, "LimitExceededException"), "Throttled"),
        (Answer::Status(413, "PayloadTooLargeException"), "TooLarge"),
        (Answer::Status(403, "ForbiddenException"), "Forbidden"),
        (Answer::Status(400, "BadRequestException"), "BadRequest"),
        (Answer::Status(410, ""), "Gone"),
        (Answer::Status(500, "InternalServerErrorException"), "Unavailable"),
        (Answer::Status(503, ""), "Unavailable"),
        (Answer::Status(404, ""), "Other"),
        (Answer::Cut, "Unavailable"),
    ] {
        let stub = Stub::start(move |_| answer).await;
        let transport = transport(&stub).await;
        let post = transport.post(&id("abc="), b"sensitive").await.unwrap_err();
        let close = transport.close(&id("abc=")).await.unwrap_err();
        for error in [post, close] {
            let told = format!("{error:?}");
            assert!(told.starts_with(expected), "{answer:?}: {told}");
            assert!(!told.contains("sensitive"), "{told}");
        }
    }
}

#[tokio::test]
async fn a_request_is_made_once() {
    for answer in [
        Answer::Status(429, "LimitExceededException"),
        Answer::Status(500, ""),
    ] {
        let stub = Stub::start(move |_| answer).await;
        transport(&stub).await.post(&id("abc="), b"{}").await.unwrap_err();
        assert_eq!(
            stub.requests().len(),
            1,
            "{answer:?}: what is tried again is decided by connection"
        );
    }
}

#[tokio::test]
async fn throttling_of_some_takes_no_requests_from_others() {
    // The SDK's retries share a token bucket of 500, and a throttled one costs 5: 200 would empty it.
    let stub = Stub::start(|request| {
        if request.path.ends_with("/bad") {
            Answer::Status(429, "LimitExceededException")
        } else {
            Answer::Status(200, "")
        }
    })
    .await;
    let transport = transport(&stub).await;
    for _ in 0..200 {
        assert!(matches!(
            transport.post(&id("bad"), b"{}").await,
            Err(TransportError::Throttled)
        ));
        transport.post(&id("good"), b"{}").await.unwrap();
    }
    assert_eq!(stub.requests().len(), 400);
    let peers: BTreeSet<_> = stub.requests().iter().map(|request| request.peer).collect();
    assert_eq!(peers.len(), 1, "one connection, used again");
}

#[tokio::test]
async fn silence_ends_with_the_attempts_timeout() {
    let stub = Stub::start(|_| Answer::Silence).await;
    let transport = transport(&stub)
        .await
        .with_attempt_timeout(Duration::from_millis(100));
    let error = transport.post(&id("abc="), b"{}").await.unwrap_err();
    assert!(matches!(error, TransportError::Timeout), "{error:?}");
}

#[tokio::test]
async fn nobody_listening_may_pass() {
    // Port 1 of loopback refuses.
    let transport = ManagementApi::new(&config().await).with_endpoint("http://127.0.0.1:1/dev");
    let error = transport.post(&id("abc="), b"{}").await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
}

#[tokio::test]
async fn without_an_event_it_does_not_know_its_way_and_says_so() {
    let transport = ManagementApi::new(&config().await);
    let error = transport.post(&id("abc="), b"{}").await.unwrap_err();
    assert!(!error.is_transient(), "trying again is useless");
    let told = std::error::Error::source(&error).unwrap().to_string();
    assert!(told.contains(ENDPOINT_VARIABLE), "{told}");
}

#[tokio::test]
async fn an_override_serves_every_api() {
    let stub = Stub::start(|_| Answer::Status(200, "")).await;
    let endpoint = ApiEndpoint::new("a1.execute-api.eu-west-1.amazonaws.com", "prod");
    assert!(transport(&stub).await.at(&endpoint).is_none());
    assert!(ManagementApi::new(&config().await).at(&endpoint).is_some());
}

/// `from_env` is tried in a process of its own: tests share their environment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_env_finds_the_endpoint_in_the_environment() {
    let stub = Stub::start(|_| Answer::Status(200, "")).await;
    let run = |endpoint: &str| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "--ignored", "--nocapture", "in_a_child_process"])
            .env_clear()
            .env("IN_A_CHILD_PROCESS", "1")
            .env(ENDPOINT_VARIABLE, endpoint)
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            // Not the machine's own role, if it has one.
            .env("AWS_EC2_METADATA_DISABLED", "true");
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.success(), told)
    };
    let (succeeded, told) = run(&format!("http://{}/dev", stub.address));
    assert!(succeeded, "{told}");
    assert_eq!(stub.requests()[0].path, "/dev/@connections/child%3D");
    let (succeeded, told) = run("127.0.0.1:3000/dev");
    assert!(!succeeded && told.contains(ENDPOINT_VARIABLE), "{told}");
}

#[tokio::test]
#[ignore = "run by from_env_finds_the_endpoint_in_the_environment"]
async fn in_a_child_process() {
    // Its environment is made by the test that starts it; among the other ignored ones there is nothing to see.
    if std::env::var_os("IN_A_CHILD_PROCESS").is_none() {
        return;
    }
    let transport = ManagementApi::from_env().await.unwrap();
    transport.post(&id("child="), b"{}").await.unwrap();
}
