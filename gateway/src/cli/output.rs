//! What the program prints: the URL, a line for each thing that happens, what the functions print, and a summary.

use std::sync::Arc;

use parking_lot::Mutex;
use room_auth_gateway::{Bill, Difference, LogLine, LogSink, Observation};
use serde_json::json;

use super::{printer::Printer, shown, summary::Summary};

/// The output of the program, for people or for machines. Cheap to clone.
#[derive(Clone)]
pub(super) struct Output(Arc<Inner>);

struct Inner {
    is_json: bool,
    printer: Printer,
    summary: Mutex<Summary>,
}

impl Output {
    pub(super) fn new(is_json: bool) -> Self {
        Self(Arc::new(Inner {
            is_json,
            printer: Printer::new(),
            summary: Mutex::default(),
        }))
    }

    /// Prints the URL for clients.
    pub(super) fn ready(&self, url: &str) {
        self.0.printer.out(if self.0.is_json {
            json!({"event": "ready", "url": url}).to_string()
        } else {
            url.to_owned()
        });
    }

    /// Prints the URL of the inspector.
    pub(super) fn inspector(&self, url: &str) {
        if self.0.is_json {
            let json = json!({"event": "inspector", "url": url});
            self.0.printer.out(json.to_string());
        } else {
            self.0.printer.error(shown::inspector(url));
        }
    }

    /// Prints a note for the person at the terminal.
    pub(super) fn note(&self, text: &str) {
        if self.0.is_json {
            self.0
                .printer
                .out(json!({"event": "note", "text": text}).to_string());
        } else {
            self.0.printer.error(shown::note(text));
        }
    }

    /// Prints what has gone wrong, and that the last good version of it goes on.
    pub(super) fn kept(&self, reason: &str) {
        if self.0.is_json {
            let json = json!({"event": "kept", "reason": reason});
            self.0.printer.out(json.to_string());
        } else {
            self.0.printer.error(shown::kept(reason));
        }
    }

    /// Prints what has come out differently than it was recorded.
    pub(super) fn difference(&self, difference: &Difference) {
        self.0.printer.out(if self.0.is_json {
            let mut json = json!(difference);
            json["event"] = "difference".into();
            json.to_string()
        } else {
            format!("\n{difference}")
        });
    }

    /// Prints and counts what has happened.
    pub(super) fn observe(&self, observation: &Observation) {
        self.0.summary.lock().count(&observation.event);
        if self.0.is_json {
            let json = serde_json::to_string(observation);
            self.0
                .printer
                .out(json.expect("an observation has texts, numbers and booleans only"));
        } else if let Some(line) =
            shown::event(observation.at, &observation.connection_id, &observation.event)
        {
            self.0.printer.out(line);
        }
    }

    /// Returns the sink for what the functions print.
    pub(super) fn logs(&self) -> LogSink {
        let this = self.clone();
        LogSink::callback(move |line| this.log(&line))
    }

    fn log(&self, line: &LogLine) {
        if self.0.is_json {
            let LogLine {
                function,
                process,
                stream,
                text,
                ..
            } = line;
            let json = json!({
                "event": "log",
                "function": function,
                "process": process,
                "stream": stream,
                "text": text,
            });
            self.0.printer.out(json.to_string());
        } else {
            self.0.printer.error(shown::log(&line.function, &line.text));
        }
    }

    /// Prints the summary, and the bill if there is one, and waits until everything is printed.
    pub(super) fn end(&self, bill: Option<&Bill>) {
        let summary = self.0.summary.lock();
        self.0.printer.out(if self.0.is_json {
            summary.json().to_string()
        } else {
            summary.to_string()
        });
        if let Some(bill) = bill {
            self.0.printer.out(if self.0.is_json {
                let mut json = json!(bill);
                json["event"] = "bill".into();
                json["total_dollars"] = bill.total().into();
                json.to_string()
            } else {
                format!("\n{bill}")
            });
        }
        self.finish();
    }

    /// Waits until everything is printed.
    pub(super) fn finish(&self) {
        self.0.printer.finish();
    }
}
