//! Reading a recording: what clients did, and what they got.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use serde::Deserialize;

use super::{error::ReplayError, tokens};
use crate::{journal::ClosedBy, recorder::VERSION};

/// A recording, as far as it is replayed.
pub(super) struct Steps {
    /// The address of the gateway.
    address: String,
    in_order: Vec<Step>,
    is_complete: bool,
}

/// One thing to do, or to wait for.
pub(super) struct Step {
    /// The time since the begin of the recording.
    pub(super) at: Duration,
    /// The id of the connection in the recording.
    pub(super) connection: String,
    pub(super) what: What,
}

pub(super) enum What {
    /// A client asks for a WebSocket.
    Handshake {
        uri: String,
        headers: Vec<(String, String)>,
    },
    /// It gets an answer.
    HandshakeAnswered {
        status: u16,
        protocol: Option<String>,
        body: String,
    },
    /// A client sends a message.
    Sent(String),
    /// A client gets a message.
    Received(String),
    /// A function has answered: that of a route, or the authorizer.
    Answered { route: Option<String>, took: Duration },
    /// Somebody else than a function calls @connections.
    Called {
        method: Method,
        body: String,
        status: u16,
    },
    /// The connection ends.
    Closed { by: ClosedBy, code: u16, reason: String },
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Method {
    Post,
    Get,
    Delete,
}

impl Method {
    /// Returns its name in HTTP.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Get => "GET",
            Self::Delete => "DELETE",
        }
    }
}

#[derive(Deserialize)]
struct Line {
    at: u64,
    #[serde(default)]
    connection_id: String,
    #[serde(flatten)]
    event: Event,
}

/// The lines that matter here.
#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event {
    Recording {
        version: u32,
        address: String,
    },
    Handshake {
        uri: String,
        headers: Vec<(String, String)>,
    },
    HandshakeAnswered {
        status: u16,
        headers: Vec<(String, String)>,
        body: String,
    },
    MessageIn {
        text: String,
    },
    MessageOut {
        text: String,
    },
    Invoked {
        route: Option<String>,
        request_id: String,
    },
    Answered {
        request_id: String,
        took_us: u64,
    },
    ManagementCall {
        operation: Method,
        posted: String,
        status: u16,
    },
    Closed {
        by: ClosedBy,
        code: u16,
        reason: String,
    },
    End,
    #[serde(other)]
    Other,
}

impl Steps {
    /// Reads the lines of a recording. The last one may be cut off.
    ///
    /// # Errors
    ///
    /// If a line is not one of this version.
    pub(super) fn parse(text: &str) -> Result<Self, ReplayError> {
        let (whole, _) = text.rsplit_once('\n').unwrap_or_default();
        let mut lines = whole.lines().enumerate().map(|(index, line)| {
            let line_number = index + 1;
            let parsed = serde_json::from_str::<Line>(line);
            parsed.map_err(|error| ReplayError::Line {
                line: line_number,
                reason: error.to_string(),
            })
        });
        let not_a_recording = |reason: String| ReplayError::Line { line: 1, reason };
        let first = lines
            .next()
            .ok_or_else(|| not_a_recording("the file is empty".to_owned()))??;
        let (begin, address) = match first.event {
            Event::Recording { version, address } if version == VERSION => (first.at, address),
            Event::Recording { version, .. } => {
                let reason = format!("it has version {version}, and this program reads {VERSION}");
                return Err(not_a_recording(reason));
            }
            _ => return Err(not_a_recording("it does not say the version".to_owned())),
        };
        let (mut steps, mut in_flight, mut is_complete) = (Vec::new(), HashMap::new(), false);
        for line in lines {
            let Line {
                at,
                connection_id: connection,
                event,
            } = line?;
            if matches!(event, Event::End) {
                is_complete = true;
                break;
            }
            if let Some(what) = what(event, &mut in_flight) {
                let at = Duration::from_millis(at.saturating_sub(begin));
                steps.push(Step { at, connection, what });
            }
        }
        Ok(Self {
            address,
            in_order: steps,
            is_complete,
        })
    }

    /// Returns the address of the gateway that was recorded.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }

    pub(super) fn all(&self) -> &[Step] {
        &self.in_order
    }

    /// Returns how long the session has lasted.
    pub(super) fn duration(&self) -> Duration {
        self.in_order.iter().map(|step| step.at).max().unwrap_or_default()
    }

    /// Returns the placeholders that clients, or those who call @connections, have sent, with the first place of each.
    pub(super) fn tokens(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for step in &self.in_order {
            let mut note = |text: &str, place: &str| {
                for name in tokens::names(text) {
                    found
                        .entry(name.to_owned())
                        .or_insert_with(|| format!("{place} of {}", step.connection));
                }
            };
            match &step.what {
                What::Handshake { uri, headers } => {
                    note(uri, "the URL");
                    for (name, value) in headers {
                        note(value, &format!("the header {name}"));
                    }
                }
                What::Sent(text) => note(text, "a message"),
                What::Called { body, .. } => note(body, "a post to the client"),
                What::HandshakeAnswered { .. }
                | What::Received(_)
                | What::Answered { .. }
                | What::Closed { .. } => {}
            }
        }
        found
    }
}

/// Returns what a line means. `in_flight` has the routes of the invocations that have not been answered yet.
fn what(event: Event, in_flight: &mut HashMap<String, Option<String>>) -> Option<What> {
    Some(match event {
        Event::Handshake { uri, headers } => What::Handshake { uri, headers },
        Event::HandshakeAnswered {
            status,
            headers,
            body,
        } => What::HandshakeAnswered {
            status,
            protocol: headers.into_iter().find_map(|(name, value)| {
                name.eq_ignore_ascii_case("sec-websocket-protocol")
                    .then_some(value)
            }),
            body,
        },
        Event::MessageIn { text } => What::Sent(text),
        Event::MessageOut { text } => What::Received(text),
        Event::Invoked { route, request_id } => {
            in_flight.insert(request_id, route);
            return None;
        }
        Event::Answered { request_id, took_us } => What::Answered {
            route: in_flight.remove(&request_id)?,
            took: Duration::from_micros(took_us),
        },
        // A function's call is made again by the function.
        Event::ManagementCall { .. } if !in_flight.is_empty() => return None,
        Event::ManagementCall {
            operation,
            posted,
            status,
        } => What::Called {
            method: operation,
            body: posted,
            status,
        },
        Event::Closed { by, code, reason } => What::Closed { by, code, reason },
        Event::Recording { .. } | Event::End | Event::Other => return None,
    })
}
