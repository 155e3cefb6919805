//! A gateway with a function behind it, and what a client learns from a handshake.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use room_auth_gateway::{Function, Gateway, LogLine, LogSink};
use room_auth_tests::program;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::Response;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// Longer than anything takes here on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running function.
pub(crate) struct Served {
    pub(crate) gateway: Gateway,
    lines: UnboundedReceiver<LogLine>,
}

/// Starts `connect` with these keys; it tells everything of ours that it can tell.
pub(crate) async fn serve(public_keys: &str) -> Served {
    serve_program(program::connect(), public_keys).await
}

/// The same with another build of `connect`.
pub(crate) async fn serve_program(program: &Path, public_keys: &str) -> Served {
    let function = Function::new(program)
        .env("PUBLIC_KEY", public_keys)
        .env("RUST_LOG", "room_auth=trace,connect=trace");
    serve_function("connect", function).await
}

/// The same with any function, as it is configured.
pub(crate) async fn serve_function(name: &str, function: Function) -> Served {
    let (sink, lines) = LogSink::channel();
    let gateway = Gateway::builder()
        .function(name, function.timeout(PATIENCE))
        .route("$connect", name)
        .logs(sink)
        .start()
        .await
        .unwrap();
    Served { gateway, lines }
}

/// What a client presents.
#[derive(Clone, Default)]
pub(crate) struct Offer {
    pub(crate) query: String,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Offer {
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn query(mut self, query: impl Into<String>) -> Self {
        self.query = query.into();
        self
    }
}

/// An open socket, and the response that opened it.
pub(crate) struct Open {
    pub(crate) socket: Socket,
    pub(crate) response: Response<Option<Vec<u8>>>,
}

/// An HTTP answer in place of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) body: String,
    /// Without `Date` and the request's id, which tell nothing of the request.
    pub(crate) headers: BTreeMap<String, String>,
}

impl Served {
    pub(crate) async fn connect(&self, offer: &Offer) -> Result<Open, Refusal> {
        let mut request = format!("{}{}", self.gateway.websocket_url(), offer.query)
            .into_client_request()
            .unwrap();
        for (name, value) in &offer.headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        match connect_async(request).await {
            Ok((socket, response)) => Ok(Open { socket, response }),
            Err(Error::Http(response)) => Err(refusal(&response)),
            Err(error) => panic!("no answer: {error}"),
        }
    }

    /// The records of the function until one has a `field`; its value, and all that was printed meanwhile.
    pub(crate) async fn told(&mut self, field: &str) -> (String, String) {
        let mut printed = String::new();
        loop {
            let line = tokio::time::timeout(PATIENCE, self.lines.recv()).await;
            let line = line.expect("a record in time").expect("the function runs").text;
            printed += &line;
            printed.push('\n');
            let record: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(value) = record[field].as_str() {
                return (value.to_owned(), printed);
            }
        }
    }
}

fn refusal(response: &Response<Option<Vec<u8>>>) -> Refusal {
    let headers = response
        .headers()
        .iter()
        .filter(|(name, _)| *name != "date" && *name != "x-amzn-requestid")
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let body = response.body().clone().unwrap_or_default();
    Refusal {
        status: response.status().as_u16(),
        body: String::from_utf8(body).unwrap(),
        headers,
    }
}

/// Everything of a response that a client can read.
pub(crate) fn everything(response: &Response<Option<Vec<u8>>>) -> String {
    format!("{response:?}")
}
