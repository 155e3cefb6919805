//! A client of the inspector, and a gateway that has one.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Empty};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use room_auth_gateway::Gateway;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};

use crate::common::{Answer, Log, PATIENCE, builder, call_at};

pub(crate) const JSON: (&str, &str) = ("content-type", "application/json");
pub(crate) const FILES: [&str; 7] = [
    "/",
    "/style.css",
    "/inspector.js",
    "/model.js",
    "/details.js",
    "/faults.js",
    "/dom.js",
];

pub(crate) async fn inspected() -> (Gateway, Log, SocketAddr) {
    let (builder, log) = builder();
    let gateway = builder.inspect(0).start().await.unwrap();
    let address = address_of(&gateway);
    (gateway, log, address)
}

pub(crate) fn address_of(gateway: &Gateway) -> SocketAddr {
    let url = gateway.inspector_url().unwrap();
    let address = url.strip_prefix("http://").unwrap().trim_end_matches('/');
    address.parse().unwrap()
}

pub(crate) async fn post(address: SocketAddr, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    call_at(address, "POST", path, headers, body.to_string()).await
}

/// Reads the event stream from its beginning until `is_enough`: its text, and its entries.
pub(crate) async fn stream(
    address: SocketAddr,
    is_enough: impl Fn(&[Value]) -> bool,
) -> (String, Vec<Value>) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("/api/events").header("Host", address.to_string());
    let response = sender
        .send_request(request.body(Empty::<Bytes>::new()).unwrap())
        .await
        .unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let mut text = String::new();
    let reading = async {
        loop {
            let entries: Vec<Value> = text
                .lines()
                .filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok())
                .collect();
            if is_enough(&entries) {
                return entries;
            }
            let frame = body.frame().await.expect("more events").unwrap();
            text.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
        }
    };
    let entries = timeout(PATIENCE, reading)
        .await
        .expect("what is waited for happens");
    (text, entries)
}

/// The first entry of this kind.
pub(crate) fn find<'a>(entries: &'a [Value], kind: &str) -> Option<&'a Value> {
    entries.iter().find(|entry| entry["kind"] == kind)
}

pub(crate) fn count(entries: &[Value], kind: &str) -> usize {
    entries.iter().filter(|entry| entry["kind"] == kind).count()
}
