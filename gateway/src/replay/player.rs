//! Doing what recorded clients did.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    io,
    sync::Arc,
    time::Duration,
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::{
    net::TcpStream,
    task::JoinHandle,
    time::{Instant, timeout},
};

use super::{
    client::{self, Answer, Socket},
    difference::Difference,
    matching::Matching,
    received::Received,
    steps::{Method, Step, What},
    tokens,
};
use crate::{
    clock::ManualClock,
    gateway::Gateway,
    journal::ClosedBy,
    masks::Masks,
    observations::Observations,
    observe::{Observation, ObservedEvent},
};

/// How long the right message may come after a wrong one.
const AFTER_ANOTHER: Duration = Duration::from_secs(1);

/// What a query string keeps as it is.
const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What a replay is told besides the recording.
pub(super) struct Setting<'r> {
    /// The address of the recorded gateway.
    pub(super) address: &'r str,
    pub(super) tokens: &'r BTreeMap<String, String>,
    pub(super) patience: Duration,
}

pub(super) struct Player<'r> {
    gateway: Gateway,
    clock: ManualClock,
    setting: Setting<'r>,
    masks: Masks,
    matching: Matching,
    observations: Observations,
    /// By their recorded ids.
    connections: HashMap<&'r str, Connection>,
    differences: Vec<Difference>,
}

struct Connection {
    /// The id in the replay.
    id: Arc<str>,
    state: State,
    /// What has come and was not asked for yet.
    pending: VecDeque<Received>,
}

enum State {
    Handshake(JoinHandle<io::Result<Answer>>),
    Open(Socket),
    /// It has ended as it was recorded.
    Ended,
    /// It has gone another way, so that nothing further can be compared.
    Lost,
}

impl<'r> Player<'r> {
    pub(super) fn new(gateway: Gateway, clock: ManualClock, setting: Setting<'r>) -> Self {
        let (masks, mut matching) = (Masks::default(), Matching::default());
        for (name, value) in setting.tokens {
            matching.pair(&format!("{{{name}}}"), &masks.placeholder(value));
        }
        Self {
            observations: gateway.observations(),
            gateway,
            clock,
            setting,
            masks,
            matching,
            connections: HashMap::new(),
            differences: Vec::new(),
        }
    }

    /// Plays all steps, and returns what was different.
    pub(super) async fn play(mut self, steps: &'r [Step]) -> Vec<Difference> {
        let mut now = Duration::ZERO;
        for (index, step) in steps.iter().enumerate() {
            self.clock.advance(step.at.saturating_sub(now));
            now = now.max(step.at);
            self.step(step, &steps[index + 1..]).await;
        }
        self.end(now).await
    }

    async fn step(&mut self, step: &'r Step, later: &[Step]) {
        match &step.what {
            What::Handshake { uri, headers } => {
                if let Err(error) = self.connect(step, uri, headers).await {
                    self.differ(step, "the handshake", Some("a request".to_owned()), Some(error));
                }
            }
            What::Called { method, body, status } => self.call(step, *method, body, *status).await,
            what => {
                let Some(mut connection) = self.connections.remove(step.connection.as_str()) else {
                    return;
                };
                if !matches!(connection.state, State::Lost) {
                    self.go_on(&mut connection, step, what, later).await;
                }
                self.connections.insert(&step.connection, connection);
            }
        }
    }

    async fn go_on(&mut self, connection: &mut Connection, step: &Step, what: &What, later: &[Step]) {
        match what {
            What::HandshakeAnswered {
                status,
                protocol,
                body,
            } => {
                self.answer(connection, step, (*status, protocol.as_ref(), body))
                    .await;
            }
            What::Sent(text) => {
                let text = self.filled(text);
                if let State::Open(socket) = &mut connection.state
                    && !socket.send(text).await
                {
                    self.lose(connection, step, "a message from the client", "it was sent");
                }
            }
            What::Received(text) => {
                self.receive(connection, step, Received::Message(text.clone()), later)
                    .await;
            }
            What::Answered { route, took } => self.function(connection, step, route.as_deref(), *took).await,
            What::Closed { by, code, reason } => {
                self.close(connection, step, *by, (*code, reason), later).await;
            }
            What::Handshake { .. } | What::Called { .. } => {}
        }
    }

    /// Begins a handshake, and waits until the gateway has noticed it.
    async fn connect(
        &mut self,
        step: &'r Step,
        uri: &str,
        headers: &[(String, String)],
    ) -> Result<(), String> {
        let stream = TcpStream::connect(self.gateway.reachable_at).await;
        let stream = stream.map_err(|error| error.to_string())?;
        let port = stream.local_addr().map_err(|error| error.to_string())?.port();
        let uri = tokens::replace(&self.moved(uri), |name| {
            utf8_percent_encode(self.token(name), IN_QUERY).to_string()
        });
        let mut request = format!("GET {uri} HTTP/1.1\r\n");
        for (name, value) in headers {
            let value = tokens::replace(&self.moved(value), |name| self.token(name).to_owned());
            request += &format!("{name}: {value}\r\n");
        }
        request += "\r\n";
        let handshake = tokio::spawn(client::request(stream, request));
        let is_ours = |seen: &Observation| matches!(seen.event, ObservedEvent::Handshake { source_port, .. } if source_port == port);
        let patience = self.setting.patience;
        let seen = self.observations.until_within(patience, is_ours).await;
        let id = seen
            .map_err(|_| "the gateway does not take it as a handshake".to_owned())?
            .connection_id;
        self.matching.pair(&step.connection, &id);
        self.connections.insert(
            &step.connection,
            Connection {
                id,
                state: State::Handshake(handshake),
                pending: VecDeque::new(),
            },
        );
        Ok(())
    }

    async fn answer(
        &mut self,
        connection: &mut Connection,
        step: &Step,
        (status, protocol, body): (u16, Option<&String>, &str),
    ) {
        let State::Handshake(handshake) = &mut connection.state else {
            return;
        };
        let answer = timeout(self.setting.patience, handshake).await;
        let Ok(Ok(Ok(answer))) = answer else {
            return self.lose(
                connection,
                step,
                "the answer of the handshake",
                &status.to_string(),
            );
        };
        let now_body = self.masked(&answer.body);
        let is_same = answer.status == status
            && answer.protocol.is_some() == protocol.is_some()
            && self.matching.fits(
                protocol.map_or("", |protocol| protocol),
                &self.masks.text(answer.protocol.as_deref().unwrap_or_default()),
            )
            && self.matching.fits(body, &now_body);
        if !is_same {
            let shown = |status: u16, protocol: Option<&String>, body: &str| {
                let protocol = protocol.map_or(String::new(), |protocol| format!(", subprotocol {protocol}"));
                format!("{status}{protocol} {body}").trim_end().to_owned()
            };
            let now_protocol = answer.protocol.map(|protocol| self.masks.text(&protocol));
            self.differ(
                step,
                "the answer of the handshake",
                Some(shown(status, protocol, body)),
                Some(shown(answer.status, now_protocol.as_ref(), &now_body)),
            );
        }
        connection.state = match answer.socket {
            Some(socket) if status == 101 => State::Open(socket),
            None if status != 101 => State::Ended,
            _ => State::Lost,
        };
    }

    /// Waits for what the client got. What comes before it is kept for later steps.
    async fn receive(
        &mut self,
        connection: &mut Connection,
        step: &Step,
        recorded: Received,
        later: &[Step],
    ) {
        let mut deadline = Instant::now() + self.setting.patience;
        let mut next = 0;
        loop {
            while let Some(received) = connection.pending.get(next) {
                if received.fits(&recorded, &mut self.matching) {
                    connection.pending.remove(next);
                    return;
                }
                next += 1;
                if !self.is_for(later, step, received) {
                    deadline = deadline.min(Instant::now() + AFTER_ANOTHER);
                }
            }
            let has_ended = connection.pending.back().is_some_and(Received::is_end);
            let State::Open(socket) = &mut connection.state else {
                break;
            };
            if has_ended {
                break;
            }
            match socket.next(deadline).await {
                Some(Received::Message(text)) => {
                    let text = self.masked(&text);
                    connection.pending.push_back(Received::Message(text));
                }
                Some(end) => connection.pending.push_back(end),
                None => break,
            }
        }
        let other = connection
            .pending
            .iter()
            .position(|received| !self.is_for(later, step, received));
        let other = other.and_then(|at| connection.pending.remove(at));
        let what = match recorded {
            Received::Message(_) => "a message to the client",
            Received::Closed(_) | Received::Broken => "the end of the connection",
        };
        if recorded.is_end() || other.as_ref().is_some_and(Received::is_end) {
            connection.state = State::Lost;
        }
        let other = other.map(|other| other.to_string());
        self.differ(step, what, Some(recorded.to_string()), other);
    }

    /// Returns whether one of the later steps of the connection waits for what has come.
    fn is_for(&self, later: &[Step], step: &Step, received: &Received) -> bool {
        let mut later = later.iter().filter(|other| other.connection == step.connection);
        later.any(|other| match (&other.what, received) {
            (What::Received(recorded), Received::Message(replayed)) => {
                self.matching.could_fit(recorded, replayed)
            }
            _ => false,
        })
    }

    /// Waits until a function has answered, so that what was done after it is done after it again.
    async fn function(&mut self, connection: &Connection, step: &Step, route: Option<&str>, took: Duration) {
        let has_answered = |seen: &Observation| {
            seen.connection_id == connection.id
                && match (&seen.event, route) {
                    (ObservedEvent::FunctionAnswered { route, .. }, Some(recorded)) => **route == *recorded,
                    (ObservedEvent::AuthorizerAnswered { .. }, None) => true,
                    _ => false,
                }
        };
        let patience = self.setting.patience + took;
        if self
            .observations
            .until_within(patience, has_answered)
            .await
            .is_err()
        {
            let what = route.map_or("the authorizer".to_owned(), |route| {
                format!("the function of {route}")
            });
            self.differ(step, &what, Some("an answer".to_owned()), None);
        }
    }

    async fn close(
        &mut self,
        connection: &mut Connection,
        step: &Step,
        by: ClosedBy,
        (code, reason): (u16, &str),
        later: &[Step],
    ) {
        if let State::Open(socket) = &mut connection.state {
            match by {
                ClosedBy::Client => socket.close(code, reason).await,
                ClosedBy::Gateway => {
                    socket.provoke(code).await;
                    self.receive(connection, step, Received::Closed(code), later)
                        .await;
                }
                ClosedBy::Nobody => {}
            }
        }
        if matches!(connection.state, State::Lost) {
            return;
        }
        if by != ClosedBy::Client {
            // Without a close frame of its own, this breaks the connection.
            connection.state = State::Ended;
        }
        let is_closed = |seen: &Observation| {
            seen.connection_id == connection.id && matches!(seen.event, ObservedEvent::Closed { .. })
        };
        let closed = self
            .observations
            .until_within(self.setting.patience, is_closed)
            .await;
        let replayed = match closed.map(|closed| closed.event) {
            Ok(ObservedEvent::Closed { code: now }) if now == code => None,
            Ok(ObservedEvent::Closed { code: now }) => Some(Some(now.to_string())),
            _ => Some(None),
        };
        if let Some(replayed) = replayed {
            self.differ(
                step,
                "the code of the disconnect",
                Some(code.to_string()),
                replayed,
            );
        }
    }

    /// Calls @connections, as somebody did who is not a function.
    async fn call(&mut self, step: &Step, method: Method, body: &str, status: u16) {
        let connection = self.connections.get(step.connection.as_str());
        let id = connection.map_or(step.connection.as_str(), |connection| &connection.id);
        let method = match method {
            Method::Post => "POST",
            Method::Get => "GET",
            Method::Delete => "DELETE",
        };
        // Signatures are not verified.
        let signature = if status == 403 {
            ""
        } else {
            "Authorization: AWS4-HMAC-SHA256\r\n"
        };
        let body = self.filled(body);
        let request = format!(
            "{method} {}/@connections/{} HTTP/1.1\r\nHost: {}\r\n{signature}Content-Length: {}\r\n\r\n{body}",
            self.gateway.api.stage.path(),
            utf8_percent_encode(id, NON_ALPHANUMERIC),
            self.gateway.reachable_at,
            body.len(),
        );
        let answer = async {
            let stream = TcpStream::connect(self.gateway.reachable_at).await?;
            client::request(stream, request).await
        };
        let answer = timeout(self.setting.patience, answer).await;
        let now = answer.ok().and_then(Result::ok).map(|answer| answer.status);
        if now != Some(status) {
            let (recorded, now) = (Some(status.to_string()), now.map(|now| now.to_string()));
            self.differ(
                step,
                &format!("the answer of {method} @connections"),
                recorded,
                now,
            );
        }
    }

    /// Ends the gateway, and reads what clients get that nobody waited for.
    async fn end(mut self, at: Duration) -> Vec<Difference> {
        let deadline = Instant::now() + self.setting.patience;
        let reading = self.connections.into_iter().map(async |(id, mut connection)| {
            if let State::Open(socket) = &mut connection.state {
                while let Some(received) = socket.next(deadline).await {
                    if received.is_end() {
                        break;
                    }
                    connection.pending.push_back(received);
                }
            }
            (id, connection)
        });
        let reading = futures_util::future::join_all(reading);
        let ((), connections) = tokio::join!(self.gateway.shutdown(), reading);
        for (id, connection) in connections {
            for received in connection
                .pending
                .iter()
                .filter(|_| !matches!(connection.state, State::Lost))
            {
                self.differences.push(Difference {
                    at,
                    connection_id: id.to_owned(),
                    what: "a message to the client".to_owned(),
                    recorded: None,
                    replayed: Some(self.masks.text(&received.to_string())),
                });
            }
        }
        self.differences
    }

    /// Notes a difference after which nothing of the connection can be compared.
    fn lose(&mut self, connection: &mut Connection, step: &Step, what: &str, recorded: &str) {
        connection.state = State::Lost;
        self.differ(step, what, Some(recorded.to_owned()), None);
    }

    fn differ(&mut self, step: &Step, what: &str, recorded: Option<String>, replayed: Option<String>) {
        self.differences.push(Difference {
            at: step.at,
            connection_id: step.connection.clone(),
            what: what.to_owned(),
            recorded,
            replayed,
        });
    }

    /// Returns a recorded text with the tokens of this replay, for this gateway. In JSON they stand as JSON has them.
    fn filled(&self, text: &str) -> String {
        let is_json = serde_json::from_str::<serde_json::Value>(text).is_ok();
        tokens::replace(&self.moved(text), |name| {
            let token = self.token(name);
            if is_json {
                let quoted = serde_json::Value::from(token).to_string();
                quoted[1..quoted.len() - 1].to_owned()
            } else {
                token.to_owned()
            }
        })
    }

    /// Returns a text as it would have been recorded.
    fn masked(&self, text: &str) -> String {
        let here = self.gateway.reachable_at.to_string();
        self.masks.text(&text.replace(&here, self.setting.address))
    }

    /// Returns a recorded text with the address of this gateway.
    fn moved(&self, text: &str) -> String {
        text.replace(self.setting.address, &self.gateway.reachable_at.to_string())
    }

    fn token(&self, name: &str) -> &str {
        self.setting.tokens.get(name).map_or("", String::as_str)
    }
}
