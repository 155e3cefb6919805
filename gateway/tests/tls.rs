//! TLS on the same port, and custom domains.

#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used)]

mod common;

use std::{fs, io, sync::Arc};

use common::{Log, builder, call, call_with, example, function, receive, send, try_connect};
use room_auth_gateway::{Function, Gateway};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

/// Connects as a client that trusts the gateway's certificate, and calls it by `name`.
async fn handshake(gateway: &Gateway, name: &'static str) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(gateway.ca_file().unwrap()).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(gateway.local_addr()).await?;
    let name = ServerName::try_from(name).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

async fn connect(gateway: &Gateway) -> WebSocketStream<TlsStream<TcpStream>> {
    let stream = handshake(gateway, "127.0.0.1").await.unwrap();
    client_async(gateway.websocket_url(), stream).await.unwrap().0
}

#[tokio::test]
async fn one_port_speaks_tls_to_those_who_begin_with_it_and_http_to_others() {
    let (builder, mut log) = builder();
    let gateway = builder.tls().start().await.unwrap();
    assert!(gateway.websocket_url().starts_with("wss://127.0.0.1:"));
    let mut client = connect(&gateway).await;
    let connected = log.event().await;
    assert_eq!(connected["headers"]["X-Forwarded-Proto"], "https");
    let id = connected["requestContext"]["connectionId"].as_str().unwrap();
    // In plain, as the endpoint in the environment.
    call(&gateway, "POST", &common::path_of(id), "hello").await;
    let message = futures_util::StreamExt::next(&mut client).await.unwrap().unwrap();
    assert_eq!(message, Message::text("hello"));
    let url = gateway.websocket_url().replace("wss://", "ws://");
    let _plain = tokio_tungstenite::connect_async(url).await.unwrap();
    assert_eq!(log.event().await["headers"]["X-Forwarded-Proto"], "http");
}

#[tokio::test]
async fn the_endpoint_of_the_samples_works_with_the_sdk_for_rust() {
    let (sink, mut log) = Log::channel();
    let gateway = Gateway::builder()
        .function(
            "posting",
            Function::new(example("posting")).timeout(common::PATIENCE),
        )
        .route("$default", "posting")
        .logs(sink)
        .tls()
        .start()
        .await
        .unwrap();
    let mut client = connect(&gateway).await;
    futures_util::SinkExt::send(&mut client, Message::text("hi"))
        .await
        .unwrap();
    let answer = futures_util::StreamExt::next(&mut client).await.unwrap().unwrap();
    assert_eq!(answer, Message::text("over TLS"), "{:?}", log.lines_so_far());
}

#[tokio::test]
async fn the_certificate_is_for_its_names_only_and_goes_with_the_gateway() {
    let (builder, _log) = builder();
    let gateway = builder.tls().allow_host("gateway.test").start().await.unwrap();
    for name in ["localhost", "127.0.0.1", "gateway.test"] {
        handshake(&gateway, name).await.expect(name);
    }
    assert!(handshake(&gateway, "elsewhere.test").await.is_err());

    let file = gateway.ca_file().unwrap().to_owned();
    let dir = file.parent().unwrap().to_owned();
    let written = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    assert!(
        !written.collect::<String>().contains("PRIVATE"),
        "no key is written"
    );
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&dir).unwrap().permissions());
        assert_eq!(mode & 0o077, 0, "nobody else can change what is trusted");
    }
    gateway.shutdown().await;
    common::eventually(|| !dir.exists()).await;
}

#[tokio::test]
async fn functions_trust_the_certificate_besides_those_of_the_system() {
    let (sink, mut log) = Log::channel();
    let variables = "$AWS_CA_BUNDLE $REQUESTS_CA_BUNDLE $SSL_CERT_FILE $NODE_EXTRA_CA_CERTS";
    let script = format!("echo {variables}; exec {}", common::scripted().display());
    let shell = Function::new("/bin/sh").arg("-c").arg(script);
    let gateway = Gateway::builder()
        .function("f", shell)
        .logs(sink)
        .tls()
        .start()
        .await
        .unwrap();
    let line = log.line().await.text;
    let files: Vec<&str> = line.split(' ').collect();
    assert_eq!(files.len(), 4, "{line}");
    let authority = fs::read_to_string(gateway.ca_file().unwrap()).unwrap();
    for file in files {
        assert!(
            fs::read_to_string(file).unwrap().starts_with(&authority),
            "{file}"
        );
    }
}

#[tokio::test]
async fn a_client_that_says_nothing_or_nonsense_leaves_the_port_as_it_is() {
    let (builder, _log) = builder();
    let gateway = builder.tls().start().await.unwrap();
    let _silent = TcpStream::connect(gateway.local_addr()).await.unwrap();
    let mut nonsense = TcpStream::connect(gateway.local_addr()).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut nonsense, &[0x16, 3, 1, 0xff, 0xff, 1, 2, 3])
        .await
        .unwrap();
    connect(&gateway).await;
}

#[tokio::test]
async fn behind_a_custom_domain_there_is_no_stage_in_the_path_and_names_are_in_lower_case() {
    let (builder, mut log) = builder();
    let gateway = builder.custom_domain("chat.example").start().await.unwrap();
    assert_eq!(gateway.websocket_url(), format!("ws://{}", gateway.local_addr()));
    assert_eq!(
        gateway.management_endpoint(),
        format!("http://{}", gateway.local_addr())
    );
    let (mut client, _) = try_connect(&gateway, "/?a=b", &[("X-Mine", "1")]).await.unwrap();
    let event = log.event().await;
    let names = |part: &str| -> Vec<String> { event[part].as_object().unwrap().keys().cloned().collect() };
    for part in ["headers", "multiValueHeaders"] {
        let names = names(part);
        assert!(names.iter().all(|name| *name == name.to_lowercase()), "{names:?}");
        assert!(
            ["host", "x-mine", "x-forwarded-for"]
                .iter()
                .all(|name| names.contains(&(*name).to_owned()))
        );
    }
    let context = &event["requestContext"];
    assert_eq!(
        (&context["domainName"], &context["stage"]),
        (&"chat.example".into(), &"dev".into())
    );
    let id = context["connectionId"].as_str().unwrap().replace('=', "%3D");
    let host = [("host", "chat.example")];
    let posted = call_with(&gateway, "POST", &format!("/@connections/{id}"), &host, "hello").await;
    assert_eq!(posted.status, 200);
    assert_eq!(receive(&mut client).await, Message::text("hello"));
    let with_stage = call(&gateway, "POST", &format!("/dev/@connections/{id}"), "hello").await;
    assert_eq!(with_stage.status, 403, "as on AWS");
    send(&mut client, r#"{"do":"accept"}"#).await;
    assert_eq!(log.event().await["requestContext"]["eventType"], "MESSAGE");
}

#[tokio::test]
async fn a_stage_is_the_whole_first_segment_of_the_path() {
    let gateway = Gateway::builder()
        .function("f", function())
        .start()
        .await
        .unwrap();
    for path in ["/devel", "/de", "/", "/dev%2F", "//dev"] {
        let answer = call(&gateway, "GET", path, "").await;
        assert_eq!(answer.status, 403, "{path}");
        assert_eq!(
            answer.json(),
            Value::from_iter([("message", "Forbidden")]),
            "{path}"
        );
    }
    assert_eq!(call(&gateway, "GET", "/dev/", "").await.status, 426);
}
