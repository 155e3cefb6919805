//! What the tests share: the scripted function, a gateway around it, clients, and the events it saw.

#![allow(dead_code, reason = "not every test uses everything")]

#[cfg(feature = "cli")]
pub(crate) mod binary;
pub(crate) mod raw;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use room_auth_gateway::{Function, Gateway, GatewayBuilder, LogLine, LogSink};
use serde_json::Value;
use tokio::{net::TcpStream, sync::mpsc, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Error, Message, client::IntoClientRequest, handshake::client::Response, protocol::CloseFrame,
    },
};

/// Longer than anything here takes on a busy machine; a test that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The function `examples/scripted.rs`.
pub(crate) fn scripted() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| example("scripted")).clone()
}

/// A function of `examples`. Cargo builds examples for `cargo test` of everything, but not for `cargo test --test one`.
pub(crate) fn example(name: &str) -> PathBuf {
    // …/target/debug/deps/this-test
    let this = std::env::current_exe().unwrap();
    let profile_dir = this.parent().unwrap().parent().unwrap();
    let program = profile_dir
        .join("examples")
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let manifest_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = manifest_dir.join("examples").join(format!("{name}.rs"));
    let changed = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
    // Asking cargo would mean waiting for whatever else is being built.
    if changed(&program) > changed(&source) {
        return program;
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "build",
        "--quiet",
        "--offline",
        "--example",
        name,
        "--manifest-path",
    ]);
    cargo.arg(manifest_dir.join("Cargo.toml"));
    cargo.arg("--target-dir").arg(profile_dir.parent().unwrap());
    if profile_dir.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().unwrap().success(), "cargo build --example {name}");
    program
}

/// The events that the function saw, in their order, and its other lines.
pub(crate) struct Log(mpsc::UnboundedReceiver<LogLine>);

impl Log {
    pub(crate) fn channel() -> (LogSink, Self) {
        let (sink, lines) = LogSink::channel();
        (sink, Self(lines))
    }

    pub(crate) async fn line(&mut self) -> LogLine {
        timeout(PATIENCE, self.0.recv())
            .await
            .expect("a line in time")
            .expect("the sink is alive")
    }

    pub(crate) async fn event(&mut self) -> Value {
        loop {
            if let Some(event) = self.line().await.text.strip_prefix("EVENT ") {
                return serde_json::from_str(event).unwrap();
            }
        }
    }

    /// The lines that are there already.
    pub(crate) fn lines_so_far(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.0.try_recv().ok())
            .map(|line| line.text)
            .collect()
    }

    /// The events that are there already.
    pub(crate) fn events_so_far(&mut self) -> Vec<Value> {
        let lines = std::iter::from_fn(|| self.0.try_recv().ok());
        lines
            .filter_map(|line| {
                line.text
                    .strip_prefix("EVENT ")
                    .map(|e| serde_json::from_str(e).unwrap())
            })
            .collect()
    }
}

/// The scripted function, with time enough for a busy machine.
pub(crate) fn function() -> Function {
    Function::new(scripted()).timeout(PATIENCE)
}

/// A gateway with all routes to the scripted function, still to be changed.
pub(crate) fn builder() -> (GatewayBuilder, Log) {
    let (sink, log) = Log::channel();
    let builder = Gateway::builder()
        .function("scripted", function())
        .route("$connect", "scripted")
        .route("$disconnect", "scripted")
        .route("$default", "scripted")
        .route_with_response("echo", "scripted")
        .logs(sink);
    (builder, log)
}

pub(crate) async fn gateway() -> (Gateway, Log) {
    let (builder, log) = builder();
    (builder.start().await.unwrap(), log)
}

/// Connects with `suffix` after the URL and the given headers.
pub(crate) async fn try_connect(
    gateway: &Gateway,
    suffix: &str,
    headers: &[(&'static str, &str)],
) -> Result<(Client, Response), Error> {
    let mut request = (gateway.websocket_url() + suffix).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    timeout(PATIENCE, connect_async(request))
        .await
        .expect("an answer in time")
}

pub(crate) async fn connect(gateway: &Gateway) -> Client {
    try_connect(gateway, "", &[]).await.unwrap().0
}

/// Connects, and returns the connection's id, as the function was told it.
pub(crate) async fn connect_known(gateway: &Gateway, log: &mut Log) -> (Client, String) {
    let client = connect(gateway).await;
    let event = log.event().await;
    assert_eq!(event["requestContext"]["eventType"], "CONNECT");
    (
        client,
        event["requestContext"]["connectionId"]
            .as_str()
            .unwrap()
            .to_owned(),
    )
}

/// The status and body of a refused handshake.
pub(crate) async fn refused(
    gateway: &Gateway,
    suffix: &str,
    headers: &[(&'static str, &str)],
) -> (u16, String) {
    match try_connect(gateway, suffix, headers).await {
        Err(Error::Http(response)) => {
            let body = response.body().clone().unwrap_or_default();
            (response.status().as_u16(), String::from_utf8(body).unwrap())
        }
        other => panic!("not refused: {other:?}"),
    }
}

pub(crate) async fn send(client: &mut Client, text: impl Into<String>) {
    client.send(Message::text(text.into())).await.unwrap();
}

/// The next message of the client.
pub(crate) async fn receive(client: &mut Client) -> Message {
    timeout(PATIENCE, client.next())
        .await
        .expect("a message in time")
        .expect("a message")
        .unwrap()
}

pub(crate) async fn receive_json(client: &mut Client) -> Value {
    serde_json::from_str(receive(client).await.to_text().unwrap()).unwrap()
}

/// Reads until the other side closes.
pub(crate) async fn closed(client: &mut Client) -> CloseFrame {
    loop {
        match receive(client).await {
            Message::Close(frame) => return frame.expect("a close frame with a code"),
            Message::Text(_) | Message::Binary(_) => {}
            other => panic!("{other:?} before a close frame"),
        }
    }
}

/// The keys of a JSON object, sorted.
pub(crate) fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

/// What an HTTP call was answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// One HTTP call to the gateway, on a connection of its own.
pub(crate) async fn call(gateway: &Gateway, method: &str, path: &str, body: impl Into<Bytes>) -> Answer {
    call_with(gateway, method, path, &[], body).await
}

pub(crate) async fn call_with(
    gateway: &Gateway,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    call_at(gateway.local_addr(), method, path, headers, body).await
}

/// One HTTP call to whatever listens at `address`.
pub(crate) async fn call_at(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("Host", address.to_string());
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body.into())).unwrap();
    let answer = timeout(PATIENCE, sender.send_request(request))
        .await
        .expect("an answer in time")
        .unwrap();
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    connection.abort();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

/// The path of a connection under `@connections`.
pub(crate) fn path_of(connection_id: &str) -> String {
    format!("/dev/@connections/{}", connection_id.replace('=', "%3D"))
}

/// Waits until `is_true`, which something else brings about at once or soon, without an event to wait for.
pub(crate) async fn eventually(mut is_true: impl FnMut() -> bool) {
    let wait = async {
        while !is_true() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, wait).await.expect("it becomes true in time");
}
