//! What passes through the gateway, with its content, for the parts of this crate that show or record it.
//!
//! An [`Observation`](crate::Observation) never holds content, so that anybody may log it. This stream does, and does not
//! leave the crate: whoever lets something of an entry out masks it first, with [`Masks`](crate::masks::Masks). Nothing is
//! cut here, and nothing is made as long as nobody reads.

use std::{
    fmt,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Clock,
    function::{LogSink, Outcome},
    observe::{Decision, Operation},
};

/// Header names and values, as they were written.
pub(crate) type Headers = Vec<(String, String)>;

/// One thing that passed through. Its `Debug` shows no content.
pub(crate) struct Entry {
    pub(crate) at: SystemTime,
    /// The connection. Empty for a line of a log.
    pub(crate) connection_id: Arc<str>,
    pub(crate) content: Content,
}

pub(crate) enum Content {
    /// A client asked for a WebSocket.
    Handshake {
        peer: SocketAddr,
        /// The path and the query string.
        uri: String,
        headers: Headers,
    },
    /// The authorizer has decided. `reason` is for the person who wrote it.
    Decided {
        function: Arc<str>,
        decision: Decision,
        reason: Option<String>,
    },
    /// The handshake was answered.
    HandshakeAnswered {
        status: u16,
        headers: Headers,
        body: Bytes,
    },
    /// The client has sent a message. `route` is `None` if no route matches.
    MessageIn { route: Option<Arc<str>>, text: Bytes },
    /// A function was given an event.
    Invoked {
        /// The route, or `None` for the authorizer.
        route: Option<Arc<str>>,
        /// Whether a person has sent an earlier event once more.
        is_resent: bool,
        function: Arc<str>,
        /// Lambda's request id. The entry [`Answered`](Self::Answered) has the same one.
        request_id: Arc<str>,
        event: Bytes,
    },
    /// The function has answered, or failed.
    Answered {
        function: Arc<str>,
        request_id: Arc<str>,
        /// The bytes that the function answered with, or why there are none.
        answer: Result<Bytes, String>,
        /// The time from the call to the answer.
        took: Duration,
        /// Whether it was the first invocation of its process.
        cold: bool,
    },
    /// A message was sent to the client.
    MessageOut { message: Bytes },
    /// @connections was called for this connection.
    ManagementCall {
        operation: Operation,
        /// What was posted.
        posted: Bytes,
        status: u16,
        answer: Bytes,
    },
    /// The connection has ended.
    Closed { by: ClosedBy, code: u16, reason: String },
    /// A function has printed a line.
    Log { function: Arc<str>, text: String },
}

/// Who has ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClosedBy {
    /// The gateway closes, and sends a close frame.
    Gateway,
    /// The client has closed, and its close frame is answered.
    Client,
    /// The connection broke.
    Nobody,
}

impl Content {
    /// Returns what a call has led to. Without an outcome the caller has given up.
    pub(crate) fn answered(
        function: Arc<str>,
        request_id: Arc<str>,
        outcome: Option<&Outcome>,
        took: Duration,
    ) -> Self {
        let answer = match outcome {
            Some(outcome) => outcome.answer.clone().map_err(|error| error.to_string()),
            None => Err(format!(
                "no answer within {took:.1?}; the gateway waits no longer"
            )),
        };
        let run = outcome.and_then(|outcome| outcome.run);
        Self::Answered {
            function,
            request_id,
            answer,
            took,
            cold: run.is_some_and(|run| run.is_cold),
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("at", &self.at)
            .field("connection_id", &self.connection_id)
            .finish_non_exhaustive()
    }
}

type Reader = Arc<dyn Fn(&Entry) + Send + Sync>;

/// Hands each entry to all who read.
#[derive(Clone, Default)]
pub(crate) struct Journal {
    readers: Vec<Reader>,
    clock: Clock,
}

impl Journal {
    /// Adds a reader, which must not block.
    pub(crate) fn add_reader(&mut self, read: impl Fn(&Entry) + Send + Sync + 'static) {
        self.readers.push(Arc::new(read));
    }

    pub(crate) fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Notes what has happened to a connection. Without a reader, the content is not even made.
    pub(crate) fn note(&self, connection_id: &Arc<str>, content: impl FnOnce() -> Content) {
        if self.readers.is_empty() {
            return;
        }
        let entry = Entry {
            at: self.clock.now(),
            connection_id: connection_id.clone(),
            content: content(),
        };
        for read in &self.readers {
            read(&entry);
        }
    }

    /// Returns a sink that notes each line, and passes it on to `sink`.
    pub(crate) fn noting(&self, sink: LogSink) -> LogSink {
        if self.readers.is_empty() {
            return sink;
        }
        let this = self.clone();
        LogSink::callback(move |line| {
            this.note(&"".into(), || Content::Log {
                function: line.function.clone(),
                text: line.text.clone(),
            });
            sink.write(line);
        })
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Journal with {} readers", self.readers.len())
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    fn closed() -> Content {
        Content::Closed {
            by: ClosedBy::Client,
            code: 1000,
            reason: "TOPSECRET".to_owned(),
        }
    }

    #[test]
    fn nothing_is_made_for_nobody() {
        Journal::default().note(&"id".into(), || unreachable!("nobody reads"));
    }

    #[test]
    fn all_readers_get_each_entry_once() {
        let mut journal = Journal::default();
        let seen = Arc::new(Mutex::new(Vec::new()));
        for reader in ["first", "second"] {
            let seen = seen.clone();
            journal.add_reader(move |entry| seen.lock().push((reader, entry.connection_id.clone())));
        }
        journal.note(&"id".into(), closed);
        assert_eq!(*seen.lock(), [("first", "id".into()), ("second", "id".into())]);
    }

    #[test]
    fn debug_output_shows_no_content() {
        let entry = Entry {
            at: SystemTime::UNIX_EPOCH,
            connection_id: "id".into(),
            content: closed(),
        };
        let debug = format!("{entry:?}");
        assert!(debug.contains("id") && !debug.contains("TOPSECRET"), "{debug}");
    }
}
