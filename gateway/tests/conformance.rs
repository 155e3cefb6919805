//! What AWS does, point by point, where it is easily missed. A letter says how it is known: D documented by AWS, R
//! recorded from AWS, P reported by people, ? not known, and so the strictest reading.

#![allow(clippy::unwrap_used)]

mod common;

use common::{
    Log, builder, call_with, connect_known, gateway, receive, receive_json, refused, scripted, send,
};
use room_auth_gateway::{Function, FunctionFault, Gateway, IdentitySources, LogLine, LogSink, LogStream};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

const UPGRADE: [(&str, &str); 4] = [
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// R: one space behind each comma, and behind the first colon.
#[tokio::test]
async fn an_error_frame_has_the_spaces_of_api_gateway() {
    let (gateway, mut log) = gateway().await;
    let (mut client, id) = connect_known(&gateway, &mut log).await;
    send(&mut client, r#"{"do":"fail","message":"no"}"#).await;
    let frame = receive(&mut client).await;
    let request_id = log.event().await["requestContext"]["requestId"].clone();
    let expected =
        format!(r#"{{"message": "Internal server error", "connectionId":"{id}", "requestId":{request_id}}}"#);
    assert_eq!(frame, Message::text(expected));
}

/// D: the quota is 128 KB in both directions. ?: the frame that takes the place of a larger response.
#[tokio::test]
async fn a_response_of_more_than_128_kb_is_an_internal_server_error() {
    let (gateway, mut log) = gateway().await;
    let (mut client, _) = connect_known(&gateway, &mut log).await;
    let large = |bytes: usize| json!({"action": "echo", "do": "large", "bytes": bytes}).to_string();
    send(&mut client, large(131_072)).await;
    assert_eq!(receive(&mut client).await.len(), 131_072);
    send(&mut client, large(131_073)).await;
    assert_eq!(
        receive_json(&mut client).await["message"],
        "Internal server error"
    );
}

/// P: a route response without a body is an empty message.
#[tokio::test]
async fn a_response_without_a_body_is_an_empty_message() {
    let (gateway, mut log) = gateway().await;
    let (mut client, _) = connect_known(&gateway, &mut log).await;
    send(&mut client, r#"{"action":"echo"}"#).await;
    assert_eq!(receive(&mut client).await, Message::text(""));
}

/// D: 500 if Lambda rejects the invocation, 502 if the function runs and fails.
#[tokio::test]
async fn a_throttled_connect_is_500_and_a_failed_one_502() {
    let (gateway, _log) = gateway().await;
    for (fault, status) in [(FunctionFault::Throttle, 500), (FunctionFault::Error, 502)] {
        gateway.faults().function("scripted", fault, 1);
        let (found, body) = refused(&gateway, "", &[]).await;
        assert_eq!(found, status, "{fault:?}");
        assert!(body.contains("Internal server error"), "{body}");
    }
}

/// D: a function has 3 seconds unless configured otherwise, and one that takes longer has failed: 502, not 504.
#[tokio::test]
async fn a_function_has_three_seconds_by_default() {
    let gateway = Gateway::builder()
        .function("scripted", Function::new(scripted()).logs(LogSink::discard()))
        .route("$connect", "scripted");
    let gateway = gateway.start().await.unwrap();
    let started = std::time::Instant::now();
    assert_eq!(refused(&gateway, "?do=hang", &[]).await.0, 502);
    let took = started.elapsed().as_secs_f64();
    assert!((3.0..10.0).contains(&took), "{took} s");
}

/// P: the names by which the AWS SDKs know the refusals of handshakes. I for 401 and 403: those of REST APIs.
#[tokio::test]
async fn refused_handshakes_name_their_exception() {
    let (builder, _log) = builder();
    let gateway = builder
        .function("gate", common::function().logs(LogSink::discard()))
        .authorizer("gate", IdentitySources::new().query("auth"))
        .start()
        .await
        .unwrap();
    let deny =
        r#"{"principalId":"p","policyDocument":{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}}"#;
    let path = |orders: serde_json::Value| {
        form_urlencoded::Serializer::new(String::from("/dev?"))
            .append_pair("auth", &orders.to_string())
            .finish()
    };
    let table = [
        ("/dev".to_owned(), 401, "UnauthorizedException"),
        (
            path(json!({"do": "fail", "message": "Unauthorized"})),
            401,
            "UnauthorizedException",
        ),
        (
            path(json!({"do": "answer", "with": deny})),
            403,
            "ForbiddenException",
        ),
        (
            path(json!({"do": "answer", "with": "{}"})),
            500,
            "AuthorizerConfigurationException",
        ),
        ("/prod".to_owned(), 403, "ForbiddenException"),
    ];
    for (path, status, exception) in table {
        let answer = call_with(&gateway, "GET", &path, &UPGRADE, "").await;
        assert_eq!(
            (answer.status, answer.header("x-amzn-errortype")),
            (status, Some(exception)),
            "{path}"
        );
    }
}

/// ?: what AWS does with a part of a policy that is not known here. To ignore it could let somebody in.
#[tokio::test]
async fn an_unknown_part_of_a_policy_refuses_and_says_so_in_the_log_of_the_authorizer() {
    let (builder, _log) = builder();
    let (sink, mut log) = Log::channel();
    let gateway = builder
        .function("gate", common::function().logs(sink))
        .authorizer("gate", IdentitySources::new())
        .start()
        .await
        .unwrap();
    let answer = json!({"principalId": "p", "policyDocument": {"Statement": {
        "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Odd": {"aws:SourceIp": "x"}},
    }}});
    let orders = json!({"do": "answer", "with": answer.to_string()}).to_string();
    let query = form_urlencoded::Serializer::new(String::from("?"))
        .append_pair("auth", &orders)
        .finish();
    assert_eq!(refused(&gateway, &query, &[]).await.0, 500);
    log.event().await;
    let LogLine {
        process,
        stream,
        text,
        ..
    } = log.line().await;
    assert_eq!((process, stream), (0, LogStream::Stderr));
    assert!(
        text.contains("the condition operator `Odd` is not known here"),
        "{text}"
    );
}

/// P: the grammar that the service states in its error.
#[tokio::test]
async fn an_identity_source_with_other_characters_than_api_gateway_takes_is_refused_at_the_start() {
    let (builder, _log) = builder();
    let sources = IdentitySources::new().header("X Y");
    let error = builder.authorizer("scripted", sources).start().await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("`route.request.header.X Y` is not an identity source"),
        "{error}"
    );
}

/// D: the account of the function's ARN is that of the API.
#[tokio::test]
async fn the_arn_of_a_function_has_the_account_of_the_gateway() {
    let script = r#"
        api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
        head=$(curl -s -D - -o /dev/null "$api/invocation/next" | tr -d '\r')
        echo "$head" | sed -n 's/^[Ll]ambda-[Rr]untime-[Ii]nvoked-[Ff]unction-[Aa]rn: //p'
        exec sleep 1000
    "#;
    let (sink, mut log) = Log::channel();
    let function = Function::new("/bin/sh").arg("-c").arg(script).logs(sink);
    let gateway = Gateway::builder()
        .account_id("123456789012")
        .region("eu-west-1")
        .function("f", function)
        .route("$connect", "f");
    let gateway = gateway.start().await.unwrap();
    let (_, line) = tokio::join!(refused(&gateway, "", &[]), log.line());
    assert_eq!(line.text, "arn:aws:lambda:eu-west-1:123456789012:function:f");
}
