//! `@connections`, with plain HTTP and with the AWS SDK.

#![allow(clippy::unwrap_used)]

mod common;

use aws_sdk_apigatewaymanagement::{
    Client as Sdk,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
    error::ProvideErrorMetadata,
    primitives::Blob,
};
use common::{Log, builder, call, call_with, closed, connect_known, gateway, path_of, receive, try_connect};
use room_auth_gateway::Gateway;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

fn sdk(gateway: &Gateway) -> Sdk {
    let config = aws_sdk_apigatewaymanagement::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::for_tests())
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(gateway.management_endpoint())
        .build();
    Sdk::from_conf(config)
}

#[tokio::test]
async fn the_aws_sdk_posts_asks_and_deletes() {
    let (gateway, mut log) = gateway().await;
    let sdk = sdk(&gateway);
    let (mut client, _) = try_connect(&gateway, "", &[("user-agent", "tester/1")])
        .await
        .unwrap();
    let id = log.event().await["requestContext"]["connectionId"]
        .as_str()
        .unwrap()
        .to_owned();

    sdk.post_to_connection()
        .connection_id(&id)
        .data(Blob::new("hello"))
        .send()
        .await
        .unwrap();
    assert_eq!(receive(&mut client).await, Message::text("hello"));

    let found = sdk.get_connection().connection_id(&id).send().await.unwrap();
    let identity = found.identity().unwrap();
    assert_eq!(
        (identity.source_ip(), identity.user_agent()),
        (Some("127.0.0.1"), Some("tester/1"))
    );
    let (connected, active) = (
        found.connected_at().unwrap().secs(),
        found.last_active_at().unwrap().secs(),
    );
    assert!(
        connected > 1_700_000_000 && active >= connected,
        "{connected} {active}"
    );

    sdk.delete_connection().connection_id(&id).send().await.unwrap();
    let frame = closed(&mut client).await;
    assert_eq!(
        (u16::from(frame.code), frame.reason.as_str()),
        (1000, "Connection Closed Normally")
    );
    let context = &log.event().await["requestContext"];
    assert_eq!(context["disconnectStatusCode"], 1000);
    assert_eq!(context["disconnectReason"], "Connection Closed Normally");

    let gone = sdk
        .post_to_connection()
        .connection_id(&id)
        .data(Blob::new("hello"))
        .send()
        .await
        .unwrap_err();
    assert!(gone.into_service_error().is_gone_exception());
    assert!(
        sdk.get_connection()
            .connection_id(&id)
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_gone_exception()
    );
    let gone = sdk
        .delete_connection()
        .connection_id(&id)
        .send()
        .await
        .unwrap_err();
    assert!(gone.into_service_error().is_gone_exception());
}

#[tokio::test]
async fn the_aws_sdk_reads_the_errors_as_what_they_are() {
    let (builder, mut log) = builder();
    let gateway = builder
        .limits(|limits| limits.message_bytes = 1000)
        .start()
        .await
        .unwrap();
    let sdk = sdk(&gateway);
    let (mut client, id) = connect_known(&gateway, &mut log).await;
    let post = |id: &str, size: usize| {
        sdk.post_to_connection()
            .connection_id(id)
            .data(Blob::new("x".repeat(size)))
            .send()
    };

    let error = post(&id, 1001).await.unwrap_err().into_service_error();
    assert!(error.is_payload_too_large_exception(), "{error:?}");
    gateway.faults().throttle_posts_to(&id, 1);
    let error = post(&id, 1000).await.unwrap_err().into_service_error();
    assert!(error.is_limit_exceeded_exception(), "{error:?}");
    post(&id, 1000).await.unwrap();
    assert_eq!(
        receive(&mut client).await.len(),
        1000,
        "the first that was accepted"
    );
    gateway.faults().gone(&id);
    let error = post(&id, 10).await.unwrap_err().into_service_error();
    assert!(error.is_gone_exception(), "{error:?}");
    let error = post("no-id", 10).await.unwrap_err().into_service_error();
    assert_eq!(error.code(), Some("BadRequestException"));
    assert_eq!(error.message(), Some("Invalid connectionId: no-id"));
}

#[tokio::test]
async fn the_answers_have_the_statuses_headers_and_bodies_of_aws() {
    let (gateway, mut log) = gateway().await;
    let (_client, id) = connect_known(&gateway, &mut log).await;
    let path = path_of(&id);
    let unknown = path_of("AAAAAAAAAAAAAAA=");

    let posted = call(&gateway, "POST", &path, "hello").await;
    assert_eq!((posted.status, posted.body.as_str()), (200, ""));
    assert_aws_headers(&posted);
    // Not every client encodes the `=`.
    assert_eq!(
        call(&gateway, "POST", &format!("/dev/@connections/{id}"), "hello")
            .await
            .status,
        200
    );

    let found = call(&gateway, "GET", &path, "").await;
    assert_eq!(
        (found.status, found.header("content-type")),
        (200, Some("application/json"))
    );
    assert_eq!(
        common::keys(&found.json()),
        ["connectedAt", "identity", "lastActiveAt"]
    );
    assert_aws_headers(&found);
    // R: as recorded in 2020, with its spaces and milliseconds.
    let text = |member: &Value| member.as_str().unwrap().to_owned();
    let state = found.json();
    let expected = format!(
        "{{\n  \"identity\" : {{\n    \"sourceIp\" : \"127.0.0.1\",\n    \"userAgent\" : \"\"\n  }},\n  \
         \"connectedAt\" : \"{}\",\n  \"lastActiveAt\" : \"{}\"\n}}",
        text(&state["connectedAt"]),
        text(&state["lastActiveAt"])
    );
    assert_eq!(found.body, expected);
    for time in [text(&state["connectedAt"]), text(&state["lastActiveAt"])] {
        assert!(
            time.len() == 24 && time.ends_with('Z') && &time[19..20] == ".",
            "{time}"
        );
    }

    let gone = call(&gateway, "POST", &unknown, "hello").await;
    assert_eq!(
        (gone.status, gone.header("x-amzn-errortype")),
        (410, Some("GoneException"))
    );
    assert_eq!(gone.body, "");
    assert_aws_headers(&gone);
    let large = call(&gateway, "POST", &path, "x".repeat(128 * 1024 + 1)).await;
    assert_eq!(
        (large.status, large.header("x-amzn-errortype")),
        (413, Some("PayloadTooLargeException"))
    );
    assert_eq!(large.json()["connectionId"], id.as_str());
    let invalid = call(&gateway, "POST", "/dev/@connections/x%2Fy", "hello").await;
    assert_eq!(
        (invalid.status, invalid.header("x-amzn-errortype")),
        (400, Some("BadRequestException"))
    );
    assert_eq!(invalid.body, r#"{"message":"Invalid connectionId: x/y"}"#);
    assert!(invalid.header("x-amz-apigw-id").is_some());
    let put = call(&gateway, "PUT", &path, "hello").await;
    assert_eq!(
        (put.status, put.header("x-amzn-errortype")),
        (403, Some("MissingAuthenticationTokenException"))
    );

    let deleted = call(&gateway, "DELETE", &path, "").await;
    assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));
}

/// R: the headers of recorded answers, those without a body included.
fn assert_aws_headers(answer: &common::Answer) {
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("x-amzn-requestid").unwrap().len(), 36);
    assert_eq!(answer.header("x-amz-apigw-id").unwrap().len(), 16);
    assert!(answer.header("x-amzn-trace-id").unwrap().starts_with("Root=1-"));
}

/// P: what functions get whose role lacks `execute-api:ManageConnections`.
#[tokio::test]
async fn a_denied_post_is_an_access_denied_exception() {
    let (gateway, mut log) = gateway().await;
    let (_client, id) = connect_known(&gateway, &mut log).await;
    gateway.faults().deny_posts(2);
    let denied = call(&gateway, "POST", &path_of(&id), "hello").await;
    assert_eq!(
        (denied.status, denied.header("x-amzn-errortype")),
        (403, Some("AccessDeniedException"))
    );
    let message = denied.json()["Message"].as_str().unwrap().to_owned();
    let arn = format!("arn:aws:execute-api:us-east-1:000000000000:local/dev/POST/@connections/{id}");
    assert!(
        message.contains("is not authorized to perform: execute-api:ManageConnections")
            && message.ends_with(&arn),
        "{message}"
    );
    let post = || {
        sdk(&gateway)
            .post_to_connection()
            .connection_id(&id)
            .data(Blob::new("hello"))
            .send()
    };
    let error = post().await.unwrap_err().into_service_error();
    assert_eq!(error.code(), Some("AccessDeniedException"));
    post().await.unwrap();
}

/// A page that is open in a browser on this machine must not reach `@connections`.
#[tokio::test]
async fn calls_of_web_pages_are_refused() {
    let (builder, mut log) = builder();
    let gateway = builder.allow_host("gateway.test").start().await.unwrap();
    let (mut client, id) = connect_known(&gateway, &mut log).await;
    let address = gateway.local_addr().to_string();
    let refused: [&[(&str, &str)]; 5] = [
        &[("host", "rebind.evil.example")],
        &[("host", &address), ("origin", "https://evil.example")],
        &[("host", &address), ("origin", "null")],
        &[("host", &address), ("sec-fetch-site", "cross-site")],
        &[("host", "gateway.test"), ("origin", "http://gateway.test")],
    ];
    for headers in refused {
        for method in ["POST", "GET", "DELETE", "OPTIONS"] {
            let answer = call_with(&gateway, method, &path_of(&id), headers, "forged").await;
            assert_eq!(
                (answer.status, answer.header("x-amzn-errortype")),
                (403, Some("ForbiddenException")),
                "{method} {headers:?}"
            );
            assert_eq!(answer.header("access-control-allow-origin"), None);
        }
    }
    let port = gateway.local_addr().port();
    for host in [&address, "gateway.test", &format!("localhost:{port}")] {
        let answer = call_with(
            &gateway,
            "POST",
            &path_of(&id),
            &[("host", host)],
            host.to_owned(),
        )
        .await;
        assert_eq!(answer.status, 200, "{host}");
        assert_eq!(receive(&mut client).await, Message::text(host));
    }
    // Browsers are the clients of the WebSocket itself, from any page.
    let page = [
        ("origin", "https://app.example"),
        ("sec-fetch-site", "cross-site"),
    ];
    try_connect(&gateway, "", &page).await.unwrap();
}

#[tokio::test]
async fn a_message_of_128_kb_is_the_largest_and_arrives_in_frames_of_32_kb() {
    let (gateway, mut log) = gateway().await;
    let (client, id) = connect_known(&gateway, &mut log).await;
    let text = "0123456789abcdef".repeat(8 * 1024);
    assert_eq!(
        call(&gateway, "POST", &path_of(&id), text.clone()).await.status,
        200
    );

    // Frame by frame, as the bytes come in: a client's library shows the whole message only.
    let mut stream = client.into_inner();
    let mut received = Vec::new();
    for frame in 0..4 {
        use tokio::io::AsyncReadExt;
        let mut head = [0; 4];
        stream.read_exact(&mut head).await.unwrap();
        let expected = match frame {
            0 => 0x01,
            3 => 0x80,
            _ => 0x00,
        };
        assert_eq!(head[0], expected, "first byte of frame {frame}");
        assert_eq!(head[1], 126, "a length in two bytes");
        let mut payload = vec![0; usize::from(u16::from_be_bytes([head[2], head[3]]))];
        assert_eq!(payload.len(), 32 * 1024, "frame {frame}");
        stream.read_exact(&mut payload).await.unwrap();
        received.extend(payload);
    }
    assert_eq!(received, text.as_bytes());
}

#[tokio::test]
async fn nobody_can_post_to_a_connection_before_its_connect_has_succeeded() {
    let (gateway, mut log) = gateway().await;
    let connecting = try_connect(&gateway, "?do=sleep&ms=300", &[]);
    let posting = async {
        let id = id_of(&mut log).await;
        let answer = call(&gateway, "POST", &path_of(&id), "too early").await;
        (id, answer.status)
    };
    let (connected, (id, status)) = tokio::join!(connecting, posting);
    assert_eq!(status, 410);
    // And from the moment that the client knows, everybody can.
    assert_eq!(call(&gateway, "POST", &path_of(&id), "in time").await.status, 200);
    assert_eq!(receive(&mut connected.unwrap().0).await, Message::text("in time"));
}

async fn id_of(log: &mut Log) -> String {
    let event: Value = log.event().await;
    event["requestContext"]["connectionId"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_signature_can_be_demanded() {
    let (builder, mut log) = builder();
    let gateway = builder.signed_management_only().start().await.unwrap();
    let (_client, id) = connect_known(&gateway, &mut log).await;
    let answer = call(&gateway, "POST", &path_of(&id), "hello").await;
    assert_eq!(
        (answer.status, answer.header("x-amzn-errortype")),
        (403, Some("MissingAuthenticationTokenException"))
    );
    assert_eq!(answer.body, r#"{"message":"Missing Authentication Token"}"#);
    let signed = [("authorization", "AWS4-HMAC-SHA256 Credential=x")];
    assert_eq!(
        call_with(&gateway, "POST", &path_of(&id), &signed, "hello")
            .await
            .status,
        200
    );
    sdk(&gateway)
        .post_to_connection()
        .connection_id(&id)
        .data(Blob::new("hello"))
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn other_paths_are_forbidden_and_other_requests_are_told_to_upgrade() {
    let (gateway, _log) = gateway().await;
    for path in [
        "/",
        "/prod",
        "/dev/x",
        "/dev/@connections",
        "/devil",
        "/prod/@connections/AAAAAAAAAAAAAAA=",
    ] {
        let answer = call(&gateway, "GET", path, "").await;
        assert_eq!(
            (answer.status, answer.json()),
            (403, json!({"message": "Forbidden"})),
            "{path}"
        );
        // P
        assert_eq!(
            answer.header("x-amzn-errortype"),
            Some("ForbiddenException"),
            "{path}"
        );
    }
    let answer = call(&gateway, "GET", "/dev", "").await;
    assert_eq!(
        (answer.status, answer.header("sec-websocket-version")),
        (426, Some("13"))
    );
    let old = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "8"),
    ];
    assert_eq!(call_with(&gateway, "GET", "/dev", &old, "").await.status, 426);
    let keyless = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
    ];
    assert_eq!(call_with(&gateway, "GET", "/dev", &keyless, "").await.status, 400);
}
