//! The least that can stand between a WebSocket and a function: a message becomes an event of the Runtime API, and a post
//! to `@connections` a frame. What a round trip through it takes is the function's and the machine's, not the gateway's.
//!
//! One function and one process of it; no routes, no authorizer, no limits, no log, nothing frozen. A message waits until
//! the function asks for it.
#![allow(clippy::print_stdout)]

use std::{
    collections::HashMap,
    net::SocketAddr,
    process::Stdio,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};
use tokio_tungstenite::tungstenite::Message;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// On one thread, like the gateway.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = std::env::args_os().nth(1).ok_or("name the function's binary")?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let apis = TcpListener::bind(("127.0.0.1", 0)).await?;
    // Ends with this process, as its only API does.
    let _function = start(Command::new(function), apis.local_addr()?)?;
    println!("ws://{}/", listener.local_addr()?);
    let (sender, events) = unbounded_channel();
    let relay = Arc::new(Relay {
        clients: Mutex::default(),
        sender,
        events: tokio::sync::Mutex::new(events),
    });
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, address) = accepted?;
                tokio::spawn(relay.clone().socket(stream, format!("{}=", address.port())));
            }
            accepted = apis.accept() => {
                tokio::spawn(relay.clone().serve(accepted?.0));
            }
        }
    }
}

fn start(mut function: Command, apis: SocketAddr) -> Result<Child, Error> {
    let child = function
        .env("AWS_LAMBDA_RUNTIME_API", apis.to_string())
        .env(
            "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI",
            format!("http://{apis}/stage"),
        )
        .env("AWS_LAMBDA_FUNCTION_NAME", "echo")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/echo")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "echo")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        // It complains when the API goes away.
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    Ok(child)
}

struct Relay {
    /// Where the frames for a connection go, by its id.
    clients: Mutex<HashMap<String, UnboundedSender<Message>>>,
    sender: UnboundedSender<String>,
    /// What the function has not yet asked for.
    events: tokio::sync::Mutex<UnboundedReceiver<String>>,
}

impl Relay {
    /// Serves a client, until one of both has gone.
    async fn socket(self: Arc<Self>, stream: TcpStream, id: String) -> Result<(), Error> {
        stream.set_nodelay(true)?;
        let mut socket = tokio_tungstenite::accept_async(stream).await?;
        let (sender, mut frames) = unbounded_channel();
        self.clients
            .lock()
            .expect("nobody panics")
            .insert(id.clone(), sender);
        loop {
            tokio::select! {
                message = socket.next() => match message {
                    Some(message) => {
                        if let Message::Text(text) = message? {
                            self.sender.send(event(&id, &text))?;
                        }
                    }
                    None => return Ok(()),
                },
                Some(frame) = frames.recv() => socket.send(frame).await?,
            }
        }
    }

    /// Serves the Runtime API and `@connections`.
    async fn serve(self: Arc<Self>, stream: TcpStream) -> Result<(), Error> {
        stream.set_nodelay(true)?;
        let service = service_fn(|request| self.answer(request));
        http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await?;
        Ok(())
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Error> {
        if request.method() == Method::GET {
            let event = self.events.lock().await.recv().await.ok_or("no more events")?;
            return Ok(Response::builder()
                .header(
                    "Lambda-Runtime-Aws-Request-Id",
                    "8476a536-e9f4-4d1c-9739-2dfe598c3fcd",
                )
                .header("Lambda-Runtime-Deadline-Ms", "4102444800000")
                .body(event.into())?);
        }
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let status = match head.uri.path().split_once("/@connections/") {
            Some((_, id)) => {
                let text = String::from_utf8(body.into())?;
                let clients = self.clients.lock().expect("nobody panics");
                let client = clients.get(&id.replace("%3D", "=")).ok_or("no such connection")?;
                client.send(Message::text(text))?;
                StatusCode::OK
            }
            // The function's answer, which nobody waits for.
            None => StatusCode::ACCEPTED,
        };
        Ok(Response::builder().status(status).body(Full::default())?)
    }
}

/// An event with the members of the gateway's.
fn event(connection_id: &str, body: &str) -> String {
    json!({
        "requestContext": {
            "routeKey": "$default",
            "messageId": "abcdefghijklmno=",
            "eventType": "MESSAGE",
            "extendedRequestId": "abcdefghijklmno=",
            "requestTime": "30/Nov/2026:12:00:00 +0000",
            "messageDirection": "IN",
            "stage": "stage",
            "connectedAt": 1_796_040_000_000_u64,
            "requestTimeEpoch": 1_796_040_000_000_u64,
            "identity": {"sourceIp": "127.0.0.1"},
            "requestId": "abcdefghijklmno=",
            "domainName": "127.0.0.1",
            "connectionId": connection_id,
            "apiId": "abcdefghij"
        },
        "body": body,
        "isBase64Encoded": false
    })
    .to_string()
}
