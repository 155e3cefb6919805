//! What a browser does with the demo: log in, get tokens, open sockets, watch what happens.
#![allow(dead_code)]

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, StatusCode,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, COOKIE, HeaderMap, SET_COOKIE},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest as _},
};

/// Longer than anything takes that is going to happen.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A browser, with its cookies.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    url: String,
    client: Client<HttpConnector, Full<Bytes>>,
    /// By name. It sends all of them with every request.
    cookies: BTreeMap<String, String>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// What the backend hands out for a room.
#[derive(Clone, Debug, serde::Deserialize)]
pub(crate) struct Ticket {
    pub(crate) token: String,
    pub(crate) url: String,
    pub(crate) expires_at: u64,
}

impl Browser {
    /// One that has not logged in. `url` ends with a slash.
    pub(crate) fn new(url: &str) -> Self {
        Self::with(url, HttpConnector::new())
    }

    /// One on another machine, which has this address.
    pub(crate) fn at(url: &str, address: IpAddr) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_local_address(Some(address));
        Self::with(url, connector)
    }

    fn with(url: &str, connector: HttpConnector) -> Self {
        Self {
            url: url.trim_end_matches('/').to_owned(),
            client: Client::builder(TokioExecutor::new()).build(connector),
            cookies: BTreeMap::new(),
        }
    }

    /// One that has logged in with the password that is the name.
    pub(crate) async fn of(url: &str, user: &str) -> Self {
        let mut browser = Self::new(url);
        let answer = browser.log_in(user, user).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
        browser
    }

    pub(crate) async fn log_in(&mut self, user: &str, password: &str) -> Answer {
        let answer = self
            .post("/api/login", json!({"user": user, "password": password}))
            .await;
        for cookie in answer.headers.get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = cookie.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path, &[], None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.request(Method::POST, path, &[], Some(body)).await
    }

    pub(crate) async fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let answer = timeout(PATIENCE, self.send(method, path, headers, body))
            .await
            .unwrap();
        let (parts, body) = answer.into_parts();
        let bytes = timeout(PATIENCE, body.collect())
            .await
            .unwrap()
            .unwrap()
            .to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            bytes,
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> hyper::Response<Incoming> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url));
        if !self.cookies.is_empty() {
            let cookies = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
            request = request.header(COOKIE, cookies.collect::<Vec<_>>().join("; "));
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.client
            .request(request.body(Full::from(body)).unwrap())
            .await
            .unwrap()
    }

    pub(crate) async fn ticket(&self, room: &str) -> Ticket {
        let answer = self.post("/api/token", json!({"room": room})).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        serde_json::from_slice(&answer.bytes).unwrap()
    }

    /// Connects to the room as the page does.
    pub(crate) async fn join(&self, room: &str) -> Socket {
        Socket::open(&self.ticket(room).await).await.unwrap()
    }

    /// What happens inside from now on.
    pub(crate) async fn events(&self) -> Events {
        let answer = timeout(PATIENCE, self.send(Method::GET, "/api/events", &[], None))
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        Events {
            body: answer.into_body(),
            read: String::new(),
        }
    }
}

/// Server-sent events.
#[derive(Debug)]
pub(crate) struct Events {
    body: Incoming,
    read: String,
}

impl Events {
    /// The next event that `matches`.
    pub(crate) async fn find(&mut self, matches: impl Fn(&Value) -> bool) -> Value {
        let find = async {
            loop {
                while let Some(end) = self.read.find("\n\n") {
                    let event: String = self.read.drain(..end + 2).collect();
                    let data = event.trim().strip_prefix("data: ");
                    let data = data.map(|data| serde_json::from_str(data).unwrap());
                    if let Some(event) = data.filter(&matches) {
                        return event;
                    }
                }
                let frame = self.body.frame().await.expect("the stream goes on").unwrap();
                self.read
                    .push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
            }
        };
        timeout(PATIENCE, find).await.expect("the event comes")
    }

    /// The next step of this name, on this route.
    pub(crate) async fn step(&mut self, step: &str, route: &str) -> Value {
        self.find(|event| event["step"] == step && event["route"] == route)
            .await
    }
}

impl Events {
    /// The next steps of these names on this route, in whatever order they come.
    pub(crate) async fn steps<const N: usize>(&mut self, names: [&str; N], route: &str) -> [Value; N] {
        let mut found = [const { Value::Null }; N];
        while let Some(missing) = found.iter().position(Value::is_null) {
            let is_missing = |event: &Value| {
                let name = names.iter().position(|name| event["step"] == *name);
                event["route"] == route && name.is_some_and(|name| found[name].is_null())
            };
            let step = self.find(is_missing).await;
            let place = names.iter().position(|name| step["step"] == *name);
            found[place.unwrap_or(missing)] = step;
        }
        found
    }
}

/// A WebSocket to the gateway.
#[derive(Debug)]
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Opens one with the token in the subprotocol, which must be the answer's.
    pub(crate) async fn open(ticket: &Ticket) -> Result<Self, StatusCode> {
        let mut request = ticket.url.as_str().into_client_request().unwrap();
        let protocol = format!("room-auth, {}", ticket.token).parse().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        match timeout(PATIENCE, connect_async(request))
            .await
            .expect("the handshake is answered")
        {
            Ok((socket, response)) => {
                assert_eq!(response.headers()["sec-websocket-protocol"], "room-auth");
                Ok(Self(socket))
            }
            Err(tungstenite::Error::Http(response)) => Err(response.status()),
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn send(&mut self, message: &Value) {
        self.send_text(&message.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next message.
    pub(crate) async fn next(&mut self) -> Value {
        match self.next_or_close().await {
            Ok(message) => message,
            Err(code) => panic!("closed with {code:?}"),
        }
    }

    /// The next message, or the code of the close frame.
    pub(crate) async fn next_or_close(&mut self) -> Result<Value, Option<u16>> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("something comes") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Err(frame.map(|frame| frame.code.into())),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                None => return Err(None),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Everything that has come up to now: asks for a pong, and returns what comes before it.
    pub(crate) async fn until_pong(&mut self) -> Vec<Value> {
        self.send(&json!({"action": "ping"})).await;
        let mut before = Vec::new();
        loop {
            match self.next().await {
                pong if pong == json!({"type": "pong"}) => return before,
                message => before.push(message),
            }
        }
    }

    pub(crate) async fn close(mut self) {
        self.0.close(None).await.unwrap();
        while let Some(Ok(_)) = self.0.next().await {}
    }
}
