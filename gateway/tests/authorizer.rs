//! A REQUEST authorizer in front of `$connect`.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::{Log, builder, keys, refused, send, try_connect};
use room_auth_gateway::{Function, Gateway, IdentitySources, LogSink};
use serde_json::{Value, json};

/// A gateway whose authorizer is the scripted function, its log, and that of the function behind it.
async fn gateway(sources: IdentitySources) -> (Gateway, Log, Log) {
    let (builder, log) = builder();
    let (sink, authorizer_log) = Log::channel();
    let authorizer = common::function().logs(sink);
    let gateway = builder
        .function("gate", authorizer)
        .authorizer("gate", sources)
        .stage_variable("tier", "gold")
        .limits(|limits| limits.integration_timeout = Duration::from_secs(2))
        .start()
        .await
        .unwrap();
    (gateway, authorizer_log, log)
}

/// A query that orders the authorizer.
fn auth(orders: &Value) -> String {
    let mut query = form_urlencoded::Serializer::new(String::from("?"));
    query.append_pair("auth", &orders.to_string()).finish()
}

fn policy(effect: &str, resource: &str) -> Value {
    let statement = json!({"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource});
    json!({"principalId": "p", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}})
}

fn with_condition(range: &str) -> Value {
    let mut answer = policy("Allow", "*");
    answer["policyDocument"]["Statement"][0]["Condition"] = json!({"IpAddress": {"aws:SourceIp": range}});
    answer
}

fn with_operator(operator: &str) -> Value {
    let mut answer = with_condition("10.0.0.0/8");
    answer["policyDocument"]["Statement"][0]["Condition"][operator] = json!({"aws:SourceIp": "x"});
    answer
}

fn answer(answer: &Value) -> String {
    auth(&json!({"do": "answer", "with": answer.to_string()}))
}

#[tokio::test]
async fn what_the_authorizer_says_is_part_of_every_later_event() {
    let (gateway, mut authorizer, mut log) = gateway(IdentitySources::new()).await;
    let (mut client, _) = try_connect(&gateway, "?token=x", &[("user-agent", "tester/1")])
        .await
        .unwrap();
    let asked = authorizer.event().await;
    assert_eq!(
        keys(&asked),
        [
            "headers",
            "methodArn",
            "multiValueHeaders",
            "multiValueQueryStringParameters",
            "queryStringParameters",
            "requestContext",
            "stageVariables",
            "type",
        ]
    );
    assert_eq!(asked["type"], "REQUEST");
    assert_eq!(
        asked["methodArn"],
        "arn:aws:execute-api:us-east-1:000000000000:local/dev/$connect"
    );
    assert_eq!(asked["headers"]["Upgrade"], "websocket");
    // R
    assert_eq!(asked["headers"]["content-length"], "0");
    assert_eq!(asked["multiValueQueryStringParameters"], json!({"token": ["x"]}));
    assert_eq!(asked["stageVariables"], json!({"tier": "gold"}));
    assert_eq!(asked["requestContext"]["eventType"], "CONNECT");
    assert_eq!(asked["requestContext"]["routeKey"], "$connect");
    assert_eq!(
        asked["requestContext"]["identity"],
        json!({"sourceIp": "127.0.0.1", "userAgent": "tester/1"})
    );

    send(&mut client, "hello").await;
    client.close(None).await.unwrap();
    let mut types = Vec::new();
    for _ in 0..3 {
        let event = log.event().await;
        let context = &event["requestContext"];
        assert_eq!(context["connectionId"], asked["requestContext"]["connectionId"]);
        let mut said = context["authorizer"].clone();
        assert!(said["integrationLatency"].is_u64(), "{said}");
        said.as_object_mut().unwrap().remove("integrationLatency");
        // Numbers and booleans become texts on their way.
        assert_eq!(
            said,
            json!({"principalId": "somebody", "room": "lobby", "level": "7", "staff": "true"})
        );
        types.push(context["eventType"].as_str().unwrap().to_owned());
    }
    types.sort_unstable();
    assert_eq!(types, ["CONNECT", "DISCONNECT", "MESSAGE"]);
}

#[tokio::test]
async fn without_a_query_the_authorizer_gets_empty_maps() {
    let (gateway, mut authorizer, _log) = gateway(IdentitySources::new()).await;
    try_connect(&gateway, "", &[]).await.unwrap();
    let asked = authorizer.event().await;
    assert_eq!(
        (
            &asked["queryStringParameters"],
            &asked["multiValueQueryStringParameters"]
        ),
        (&json!({}), &json!({}))
    );
}

#[tokio::test]
async fn a_missing_identity_source_is_401_without_a_call() {
    let sources = IdentitySources::new().header("Authorization").query("token");
    let (gateway, mut authorizer, mut log) = gateway(sources).await;
    let header = [("authorization", "Bearer x")];
    for (suffix, headers) in [
        ("", &[][..]),
        ("?token=x", &[]),
        ("", &header),
        ("?token=", &header),
        ("?TOKEN=x", &header),
    ] {
        let (status, body) = refused(&gateway, suffix, headers).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (status, &body["message"]),
            (401, &json!("Unauthorized")),
            "{suffix} {headers:?}"
        );
    }
    try_connect(&gateway, "?token=x", &header).await.unwrap();
    log.event().await;
    assert_eq!(
        authorizer.events_so_far().len(),
        1,
        "one call, for the one that had both"
    );
}

#[tokio::test]
async fn what_the_authorizer_answers_decides_the_status() {
    let (gateway, _authorizer, mut log) = gateway(IdentitySources::new()).await;
    let here = "arn:aws:execute-api:us-east-1:000000000000:local/dev/$connect";
    let too_large = {
        let mut policy = policy("Allow", here);
        policy["context"] = json!({"a": "x".repeat(8192)});
        policy
    };
    let nested = {
        let mut policy = policy("Allow", here);
        policy["context"] = json!({"a": {"b": 1}});
        policy
    };
    let table = [
        (
            "Unauthorized",
            auth(&json!({"do": "fail", "message": "Unauthorized"})),
            401,
        ),
        (
            "another error",
            auth(&json!({"do": "fail", "message": "unauthorized"})),
            500,
        ),
        ("a crash", auth(&json!({"do": "exit"})), 500),
        ("no answer", auth(&json!({"do": "hang"})), 500),
        ("deny", answer(&policy("Deny", here)), 403),
        (
            "allow another stage",
            answer(&policy("Allow", &here.replace("/dev/", "/prod/"))),
            403,
        ),
        ("no policy", answer(&json!({"principalId": "p"})), 500),
        (
            "an HTTP API's answer",
            answer(&json!({"isAuthorized": true})),
            500,
        ),
        (
            "no principal",
            answer(&json!({"policyDocument": policy("Allow", here)["policyDocument"]})),
            500,
        ),
        ("a context of objects", answer(&nested), 500),
        (
            "a condition that does not hold",
            answer(&with_condition("10.0.0.0/8")),
            403,
        ),
        (
            "an unknown operator beside one that does not hold",
            answer(&with_operator("OnlyOnSundays")),
            500,
        ),
    ];
    for (name, query, expected) in table {
        let (status, body) = refused(&gateway, &query, &[]).await;
        assert_eq!(status, expected, "{name}");
        let body: Value = serde_json::from_str(&body).unwrap();
        let message = match expected {
            401 => "Unauthorized",
            403 => "Forbidden",
            _ => "Internal server error",
        };
        assert_eq!(body["message"], message, "{name}");
        assert_eq!(keys(&body), ["connectionId", "message", "requestId"], "{name}");
    }
    try_connect(&gateway, &answer(&with_condition("127.0.0.0/8")), &[])
        .await
        .unwrap();
    log.event().await;
    log.event().await;
    assert_eq!(log.events_so_far(), [] as [Value; 0], "$connect was never called");
    try_connect(
        &gateway,
        &answer(&policy("Allow", "arn:aws:execute-api:*:*:local/dev/*")),
        &[],
    )
    .await
    .unwrap();

    // Too long for a query, so as the default of another function.
    drop(gateway);
    let script = format!(
        r#"
        while true; do
            id=$(curl -s -D - -o /dev/null "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next" |
                tr -d '\r' | sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: //p')
            curl -s -d '{too_large}' "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response"
        done"#
    );
    let gate = Function::new("/bin/sh")
        .arg("-c")
        .arg(script)
        .logs(LogSink::discard());
    let gateway = Gateway::builder()
        .function("gate", gate)
        .authorizer("gate", IdentitySources::new());
    let gateway = gateway.start().await.unwrap();
    assert_eq!(
        refused(&gateway, "", &[]).await.0,
        500,
        "a result of more than 8 KB"
    );
}
