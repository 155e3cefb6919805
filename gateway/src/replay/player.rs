//! Doing what recorded clients did.

use std::{collections::HashMap, time::Duration};

use futures_util::future::join_all;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::{net::TcpStream, time::timeout};

use super::{
    client,
    connection::{Connection, State},
    difference::Difference,
    received::Received,
    steps::{Method, Step, What},
    terms::Terms,
};
use crate::{
    clock::ManualClock,
    gateway::Gateway,
    journal::ClosedBy,
    observations::Observations,
    observe::{Observation, ObservedEvent},
};

pub(super) struct Player<'r> {
    gateway: Gateway,
    clock: ManualClock,
    patience: Duration,
    terms: Terms<'r>,
    observations: Observations,
    /// By their recorded ids.
    connections: HashMap<&'r str, Connection>,
    differences: Vec<Difference>,
}

impl<'r> Player<'r> {
    pub(super) fn new(gateway: Gateway, clock: ManualClock, terms: Terms<'r>, patience: Duration) -> Self {
        Self {
            observations: gateway.observations(),
            gateway,
            clock,
            patience,
            terms,
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
                    self.differ(step, "the handshake", "a request", Some(error));
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
                self.answer(connection, step, *status, protocol.as_deref(), body)
                    .await;
            }
            What::Sent(text) => {
                let text = self.terms.message(text);
                if let State::Open(socket) = &mut connection.state
                    && !socket.send(text).await
                {
                    connection.state = State::Lost;
                    self.differ(step, "a message from the client", "it was sent", None);
                }
            }
            What::Received(text) => {
                self.receive(connection, step, Received::Message(text.clone()), later)
                    .await;
            }
            What::Answered { route, took } => {
                self.function(connection, step, route.as_deref(), *took).await;
            }
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
        let headers = headers.iter();
        let headers = headers.map(|(name, value)| format!("{name}: {}\r\n", self.terms.header(value)));
        let headers: String = headers.collect();
        let request = format!("GET {} HTTP/1.1\r\n{headers}\r\n", self.terms.url(uri));
        let handshake = tokio::spawn(client::request(stream, request));
        let is_ours = |seen: &Observation| matches!(seen.event, ObservedEvent::Handshake { source_port, .. } if source_port == port);
        let seen = self.observations.until_within(self.patience, is_ours).await;
        let seen = seen.map_err(|_| "the gateway does not take it as a handshake".to_owned())?;
        let id = seen.connection_id;
        self.terms.pair(&step.connection, &id);
        self.connections
            .insert(&step.connection, Connection::new(id, handshake));
        Ok(())
    }

    async fn answer(
        &mut self,
        connection: &mut Connection,
        step: &Step,
        status: u16,
        protocol: Option<&str>,
        body: &str,
    ) {
        const WHAT: &str = "the answer of the handshake";
        let State::Handshake(handshake) = &mut connection.state else {
            return;
        };
        let shown = |status: u16, protocol: Option<&str>, body: &str| {
            let protocol = protocol.map_or(String::new(), |protocol| format!(", subprotocol {protocol}"));
            format!("{status}{protocol} {body}").trim_end().to_owned()
        };
        let recorded = shown(status, protocol, body);
        let Ok(Ok(Ok(answer))) = timeout(self.patience, handshake).await else {
            connection.state = State::Lost;
            return self.differ(step, WHAT, recorded, None);
        };
        let now_protocol = answer.protocol.map(|protocol| self.terms.masked(&protocol));
        let replayed = shown(
            answer.status,
            now_protocol.as_deref(),
            &self.terms.masked(&answer.body),
        );
        connection.state = match answer.socket {
            Some(socket) if status == 101 => State::Open(Box::new(socket)),
            None if status != 101 => State::Ended,
            _ => State::Lost,
        };
        if !self.terms.fits(&recorded, &replayed) {
            self.differ(step, WHAT, recorded, Some(replayed));
        }
    }

    async fn receive(
        &mut self,
        connection: &mut Connection,
        step: &Step,
        recorded: Received,
        later: &[Step],
    ) {
        let is_for_later = |terms: &Terms<'_>, received: &Received| {
            let mut later = later.iter().filter(|other| other.connection == step.connection);
            later.any(|other| match (&other.what, received) {
                (What::Received(recorded), Received::Message(replayed)) => {
                    terms.could_fit(recorded, replayed)
                }
                _ => false,
            })
        };
        let waiting = connection.wait_for(&recorded, self.patience, &mut self.terms, is_for_later);
        let Err(other) = waiting.await else { return };
        if recorded.is_end() || other.as_ref().is_some_and(Received::is_end) {
            connection.state = State::Lost;
        }
        let what = if recorded.is_end() {
            "the end of the connection"
        } else {
            "a message to the client"
        };
        let other = other.map(|other| other.to_string());
        self.differ(step, what, recorded.to_string(), other);
    }

    /// Waits until a function has answered, so that what was done after it is done after it again. That it has not
    /// answered shows in the answer of a handshake.
    async fn function(&mut self, connection: &Connection, step: &Step, route: Option<&str>, took: Duration) {
        let is_handshake = matches!(connection.state, State::Handshake(_));
        let has_answered = |seen: &Observation| {
            seen.connection_id == connection.id
                && match (&seen.event, route) {
                    (ObservedEvent::FunctionAnswered { route, .. }, Some(recorded)) => **route == *recorded,
                    (ObservedEvent::AuthorizerAnswered { .. }, None) => true,
                    (ObservedEvent::HandshakeAnswered { .. }, _) => is_handshake,
                    _ => false,
                }
        };
        let patience = self.patience + took;
        if self
            .observations
            .until_within(patience, has_answered)
            .await
            .is_err()
        {
            let what = route.map_or("the authorizer".to_owned(), |route| {
                format!("the function of {route}")
            });
            self.differ(step, &what, "an answer", None);
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
        let closed = self.observations.until_within(self.patience, is_closed).await;
        let replayed = closed.ok().and_then(|closed| match closed.event {
            ObservedEvent::Closed { code } => Some(code),
            _ => None,
        });
        if replayed != Some(code) {
            let replayed = replayed.map(|code| code.to_string());
            self.differ(step, "the code of the disconnect", code.to_string(), replayed);
        }
    }

    /// Calls @connections, as somebody did who is not a function.
    async fn call(&mut self, step: &Step, method: Method, body: &str, status: u16) {
        let connection = self.connections.get(step.connection.as_str());
        let id = connection.map_or(step.connection.as_str(), |connection| &connection.id);
        let method = method.name();
        // Signatures are not verified.
        let signature = if status == 403 {
            ""
        } else {
            "Authorization: AWS4-HMAC-SHA256\r\n"
        };
        let (address, body) = (self.gateway.reachable_at, self.terms.message(body));
        let request = format!(
            "{method} {}/@connections/{} HTTP/1.1\r\nHost: {address}\r\n{signature}Content-Length: {}\r\n\r\n{body}",
            self.gateway.api.stage.path(),
            utf8_percent_encode(id, NON_ALPHANUMERIC),
            body.len(),
        );
        let answer = async { client::request(TcpStream::connect(address).await?, request).await };
        let answer = timeout(self.patience, answer).await;
        let replayed = answer.ok().and_then(Result::ok).map(|answer| answer.status);
        if replayed != Some(status) {
            let replayed = replayed.map(|status| status.to_string());
            self.differ(
                step,
                &format!("the answer of {method} @connections"),
                status.to_string(),
                replayed,
            );
        }
    }

    /// Ends the gateway, and reads what clients get that nobody waited for.
    async fn end(mut self, at: Duration) -> Vec<Difference> {
        let (terms, patience) = (&self.terms, self.patience);
        let reading = self
            .connections
            .into_iter()
            .map(async |(id, connection)| (id, connection.rest(patience, terms).await));
        let ((), rests) = tokio::join!(self.gateway.shutdown(), join_all(reading));
        for (id, rest) in rests {
            self.differences
                .extend(rest.into_iter().map(|received| Difference {
                    at,
                    connection_id: id.to_owned(),
                    what: "a message to the client".to_owned(),
                    recorded: None,
                    replayed: Some(received.to_string()),
                }));
        }
        self.differences
    }

    fn differ(&mut self, step: &Step, what: &str, recorded: impl Into<String>, replayed: Option<String>) {
        self.differences.push(Difference {
            at: step.at,
            connection_id: step.connection.clone(),
            what: what.to_owned(),
            recorded: Some(recorded.into()),
            replayed,
        });
    }
}
