//! Recording what comes and goes: the journal as a file of JSON lines, without tokens.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::Path,
    time::SystemTime,
};

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::{
    ids,
    journal::{Content, Entry},
    masks::Masks,
};

/// The version of the format. Whoever reads another one refuses it.
pub(crate) const VERSION: u32 = 1;

/// Writes a recording. A line is written at once, so that nothing is missing of what has ended the process.
pub(crate) struct Recorder {
    state: Mutex<State>,
    masks: Masks,
}

enum State {
    Open(File),
    Ended,
    /// A line could not be written, and none is after it. A replay sees that the end is missing.
    Failed(io::Error),
}

impl Recorder {
    /// Creates the file, for its owner only, and writes the first line. `address` is that of the gateway.
    ///
    /// # Errors
    ///
    /// If the file is there already, or cannot be written.
    pub(crate) fn create(path: &Path, address: &str, at: SystemTime) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let recorder = Self {
            state: Mutex::new(State::Open(options.open(path)?)),
            masks: Masks::default(),
        };
        recorder.write(&json!({
            "event": "recording",
            "version": VERSION,
            "at": ids::millis(at),
            "address": address,
        }));
        recorder.check().map(|()| recorder)
    }

    /// Writes what has happened.
    pub(crate) fn note(&self, entry: &Entry) {
        if let Some(mut line) = self.line(&entry.content) {
            line["at"] = ids::millis(entry.at).into();
            // Of a call of @connections it is whatever stood in the URL.
            line["connection_id"] = self.masks.text(&entry.connection_id).into();
            self.write(&line);
        }
    }

    /// Writes that what follows is done by the end of the gateway.
    pub(crate) fn end(&self, at: SystemTime) {
        self.write(&json!({"event": "end", "at": ids::millis(at)}));
        let mut state = self.state.lock();
        if let State::Open(_) = *state {
            *state = State::Ended;
        }
    }

    /// Whether all lines could be written so far.
    ///
    /// # Errors
    ///
    /// The error of the line that could not be.
    pub(crate) fn check(&self) -> io::Result<()> {
        match &*self.state.lock() {
            State::Failed(error) => Err(io::Error::new(error.kind(), error.to_string())),
            State::Open(_) | State::Ended => Ok(()),
        }
    }

    fn line(&self, content: &Content) -> Option<Value> {
        Some(match content {
            Content::Handshake { uri, headers, .. } => json!({
                "event": "handshake",
                "uri": self.masks.uri(uri),
                "headers": self.headers(headers),
            }),
            Content::Decided {
                function,
                decision,
                reason,
            } => json!({
                "event": "decided",
                "function": function,
                "decision": decision,
                "reason": reason.as_ref().map(|reason| self.masks.text(reason)),
            }),
            Content::HandshakeAnswered {
                status,
                headers,
                body,
            } => json!({
                "event": "handshake_answered",
                "status": status,
                "headers": self.headers(headers),
                "body": self.text(body),
            }),
            Content::MessageIn { route, text } => {
                json!({"event": "message_in", "route": route, "text": self.text(text)})
            }
            // A person's doing, and not the clients'.
            Content::Invoked { is_resent: true, .. } | Content::Log { .. } => return None,
            Content::Invoked {
                route,
                function,
                request_id,
                event,
                ..
            } => json!({
                "event": "invoked",
                "route": route,
                "function": function,
                "request_id": request_id,
                "content": self.json(event),
            }),
            Content::Answered {
                function,
                request_id,
                answer,
                took,
                cold,
            } => {
                let (answer, error) = match answer {
                    Ok(answer) => (Some(self.json(answer)), None),
                    Err(error) => (None, Some(self.masks.text(error))),
                };
                json!({
                    "event": "answered",
                    "function": function,
                    "request_id": request_id,
                    "content": answer,
                    "error": error,
                    "took_us": u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
                    "cold": cold,
                })
            }
            Content::MessageOut { message } => json!({"event": "message_out", "text": self.text(message)}),
            Content::ManagementCall {
                operation,
                posted,
                status,
                answer,
            } => json!({
                "event": "management_call",
                "operation": operation,
                "posted": self.text(posted),
                "status": status,
                "answer": self.text(answer),
            }),
            Content::Closed { by, code, reason } => {
                json!({"event": "closed", "by": by, "code": code, "reason": self.masks.text(reason)})
            }
        })
    }

    fn headers(&self, headers: &[(String, String)]) -> Value {
        let masked = headers
            .iter()
            .map(|(name, value)| json!([self.masks.text(name), self.masks.value(name, value)]));
        masked.collect()
    }

    fn text(&self, bytes: &[u8]) -> String {
        self.masks.text(&String::from_utf8_lossy(bytes))
    }

    /// Masks JSON, and shows it as JSON.
    fn json(&self, bytes: &[u8]) -> Value {
        let text = self.text(bytes);
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    }

    fn write(&self, line: &Value) {
        let mut state = self.state.lock();
        if let State::Open(file) = &mut *state
            && let Err(error) = file.write_all(format!("{line}\n").as_bytes())
        {
            *state = State::Failed(error);
        }
    }
}

/// Shows no content.
impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorder")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_cannot_be_written_is_an_error_also_after_the_end() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let recorder = |file| Recorder {
            state: Mutex::new(State::Open(file)),
            masks: Masks::default(),
        };
        let cannot_write = recorder(File::open(&file).expect("a file to read"));
        cannot_write.check().expect("nothing has been written yet");
        cannot_write.end(SystemTime::UNIX_EPOCH);
        cannot_write.check().expect_err("the file can only be read");

        let can_write = recorder(file.reopen().expect("a file to write"));
        can_write.end(SystemTime::UNIX_EPOCH);
        can_write.check().expect("the end has been written");
    }
}
