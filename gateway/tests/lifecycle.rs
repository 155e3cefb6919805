//! Starts that fail, and ends.

#![allow(clippy::unwrap_used)]

mod common;

use common::{builder, closed, connect, connect_known, eventually, gateway, scripted};
use room_auth_gateway::{Function, Gateway, GatewayBuilder, IdentitySources, StartError};

#[tokio::test]
async fn a_shutdown_closes_the_sockets_tells_the_functions_and_ends_them() {
    let (gateway, mut log) = gateway().await;
    let (mut client, id) = connect_known(&gateway, &mut log).await;
    let address = gateway.local_addr();
    let shutdown = tokio::spawn(gateway.shutdown());
    let frame = closed(&mut client).await;
    assert_eq!(
        (u16::from(frame.code), frame.reason.as_str()),
        (1001, "Going away")
    );
    drop(client);
    let context = &log.event().await["requestContext"];
    assert_eq!(
        (&context["eventType"], &context["connectionId"]),
        (&"DISCONNECT".into(), &id.into())
    );
    shutdown.await.unwrap();
    // The port is free again. Another test may get it meanwhile, and gives it back.
    eventually(|| std::net::TcpStream::connect(address).is_err()).await;
}

#[tokio::test]
async fn dropping_a_gateway_ends_everything_too() {
    let (gateway, mut log) = gateway().await;
    let mut client = connect(&gateway).await;
    log.event().await;
    let address = gateway.local_addr();
    drop(gateway);
    assert_eq!(u16::from(closed(&mut client).await.code), 1001);
    eventually(|| std::net::TcpStream::connect(address).is_err()).await;
}

#[tokio::test]
async fn functions_are_told_where_the_management_endpoint_is() {
    let (sink, mut log) = common::Log::channel();
    let script = format!(
        "echo $AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI; exec {}",
        scripted().display()
    );
    let shell = || Function::new("/bin/sh").arg("-c").arg(&script);
    let gateway = Gateway::builder()
        .stage("prod")
        .function("f", shell())
        .logs(sink.clone())
        .start()
        .await
        .unwrap();
    assert_eq!(
        gateway.management_endpoint(),
        format!("http://{}/prod", gateway.local_addr())
    );
    assert_eq!(
        gateway.websocket_url(),
        format!("ws://{}/prod", gateway.local_addr())
    );
    assert_eq!(log.line().await.text, gateway.management_endpoint());
    let own = shell().env("AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI", "http://elsewhere");
    let _gateway = Gateway::builder()
        .function("f", own)
        .logs(sink)
        .start()
        .await
        .unwrap();
    assert_eq!(log.line().await.text, "http://elsewhere");
}

#[tokio::test]
async fn parts_that_do_not_fit_together_are_refused_with_what_is_wrong() {
    let f = || Gateway::builder().function("f", Function::new(scripted()));
    let table: [(GatewayBuilder, &str); 9] = [
        (
            f().route("$connect", "g"),
            "route `$connect` refers to the unknown function `g`; add a function of this name",
        ),
        (
            f().authorizer("g", IdentitySources::new()),
            "the authorizer refers to the unknown function `g`; add a function of this name",
        ),
        (f().route("a", "f").route("a", "f"), "there are two routes `a`"),
        (
            f().function("f", Function::new("x")),
            "there are two functions named `f`",
        ),
        (f().route("$other", "f"), "`$other` is not a route key"),
        (f().route("", "f"), "`` is not a route key"),
        (f().stage("a/b"), "`a/b` is not a stage name"),
        (f().stage(""), "`` is not a stage name"),
        (
            f().function("g", Function::new("nope")),
            "function g: nope does not exist",
        ),
    ];
    for (builder, expected) in table {
        let error = builder.start().await.expect_err(expected).to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[tokio::test]
async fn a_taken_port_is_named_with_what_to_do() {
    let (first, _log) = gateway().await;
    let (second, _log) = builder();
    let error = second.listen(first.local_addr()).start().await.unwrap_err();
    assert!(matches!(error, StartError::Listen { .. }));
    let error = error.to_string();
    assert!(
        error.starts_with(&format!("cannot listen on {}", first.local_addr())),
        "{error}"
    );
    assert!(
        error.ends_with("choose another one, or 0 for any free port"),
        "{error}"
    );
}
