//! The transport over the AWS SDK, with a server that stands in for @connections.
#![allow(clippy::unwrap_used)]

mod conformance;
mod environment;
mod recorded;
mod stub;

use std::collections::BTreeSet;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;
use room_auth::transport::{MAX_MESSAGE_BYTES, ManagementApi};
use room_auth::{ApiEndpoint, ConnectionId, Transport, TransportError};
use stub::{Answer, Stub};

/// Loads the SDK's configuration of a function in Ireland, with credentials that nothing accepts.
async fn config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .load()
        .await
}

async fn transport(stub: &Stub) -> ManagementApi {
    transport_at(&format!("http://{}/dev", stub.address)).await
}

async fn transport_at(url: &str) -> ManagementApi {
    let transport = ManagementApi::new(&config().await).unwrap();
    transport.with_endpoint_url(url).unwrap()
}

/// Where the connections of the tests are recorded: a fixed endpoint is used in its place.
fn at() -> ApiEndpoint {
    "a1b2c3d4e5/prod".parse().unwrap()
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
        .post(&at(), &id("L0SM9cOFvHcCIhw="), frame.as_bytes())
        .await
        .unwrap();
    transport.close(&at(), &id("L0SM9cOFvHcCIhw=")).await.unwrap();

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
    transport(&stub)
        .await
        .post(&at(), &id("a/b+c=-_"), b"{}")
        .await
        .unwrap();
    assert_eq!(stub.requests()[0].path, "/dev/@connections/a%2Fb%2Bc%3D-_");
}

#[tokio::test]
async fn a_message_of_128_kb_goes_through_in_one_piece() {
    let stub = Stub::start(|_| Answer::Status(200, "")).await;
    let frame = vec![b'x'; MAX_MESSAGE_BYTES];
    transport(&stub)
        .await
        .post(&at(), &id("abc="), &frame)
        .await
        .unwrap();
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
        let post = transport
            .post(&at(), &id("abc="), b"sensitive")
            .await
            .unwrap_err();
        let close = transport.close(&at(), &id("abc=")).await.unwrap_err();
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
        transport(&stub)
            .await
            .post(&at(), &id("abc="), b"{}")
            .await
            .unwrap_err();
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
            transport.post(&at(), &id("bad"), b"{}").await,
            Err(TransportError::Throttled)
        ));
        transport.post(&at(), &id("good"), b"{}").await.unwrap();
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
    let error = transport.post(&at(), &id("abc="), b"{}").await.unwrap_err();
    assert!(matches!(error, TransportError::Timeout), "{error:?}");
}

#[tokio::test]
async fn nobody_listening_may_pass() {
    // Port 1 of loopback refuses.
    let transport = transport_at("http://127.0.0.1:1/dev").await;
    let error = transport.post(&at(), &id("abc="), b"{}").await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
}

#[tokio::test]
async fn an_endpoint_that_is_set_serves_every_connection() {
    let stub = Stub::start(|_| Answer::Status(200, "")).await;
    let transport = transport(&stub).await;
    assert!(transport.has_fixed_endpoint());
    for endpoint in ["a1b2c3d4e5/prod", "z9y8x7w6v5/canary"] {
        let endpoint = endpoint.parse().unwrap();
        transport.post(&endpoint, &id("abc="), b"{}").await.unwrap();
    }
    let paths: Vec<_> = stub.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/dev/@connections/abc%3D"; 2]);
}

#[tokio::test]
async fn an_endpoint_that_leads_nowhere_is_refused_when_it_is_set() {
    let transport = ManagementApi::new(&config().await).unwrap();
    for url in [
        "",
        "ws.example.com",
        "https://a1.execute-api.eu-west-1.amazonaws.com",
    ] {
        let told = transport.clone().with_endpoint_url(url).unwrap_err().to_string();
        assert!(
            told.starts_with("the endpoint URL ") && told.contains("; set it to https://"),
            "{told}"
        );
    }
}
