use std::{fmt, io, path::PathBuf, time::Duration};

use bytes::Bytes;
use serde::Deserialize;

/// Why a function could not be started. The texts are for the person at the terminal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartFunctionError {
    /// No file at the given path.
    #[error("function {name}: there is no {}; build it first, or correct the path", path.display())]
    Missing {
        /// The function's name.
        name: String,
        /// The path as given.
        path: PathBuf,
    },
    /// The file cannot be executed.
    #[error("function {name}: {} cannot be executed: {source}", path.display())]
    NotExecutable {
        /// The function's name.
        name: String,
        /// The path as given.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The process ended, or reported an error, before it asked for its first event.
    #[error("function {name} failed at init: {reason}")]
    Init {
        /// The function's name.
        name: String,
        /// What it reported, or the last line it printed, or how it ended.
        reason: String,
    },
    /// The process runs, but did not ask for an event in time.
    #[error(
        "function {name} asked for no event within {after:?}; is {} a Lambda bootstrap? \
         (init_timeout sets how long to wait){}",
        path.display(), Last(last_line.as_deref())
    )]
    InitTimeout {
        /// The function's name.
        name: String,
        /// The path as given.
        path: PathBuf,
        /// How long the gateway waited.
        after: Duration,
        /// The last line the process printed.
        last_line: Option<String>,
    },
    /// The Runtime API for the process could not be served.
    #[error("function {name}: no Runtime API on 127.0.0.1: {source}")]
    RuntimeApi {
        /// The function's name.
        name: String,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Why an invocation has no answer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvokeError {
    /// The function answered with an error.
    #[error("the function answered with an error: {error_type}: {message}")]
    Function {
        /// `errorType`, or `Unhandled`.
        error_type: String,
        /// `errorMessage`, or nothing.
        message: String,
        /// The whole error document.
        payload: Bytes,
    },
    /// The function took longer than its timeout; its process was killed.
    #[error("the function took longer than {after:?} and was killed")]
    TimedOut {
        /// The function's timeout.
        after: Duration,
    },
    /// The process ended before it answered.
    #[error("the function's process ended before it answered: {status}{}", Last(last_line.as_deref()))]
    Exited {
        /// How the process ended.
        status: String,
        /// The last line the process printed.
        last_line: Option<String>,
    },
    /// A further process was needed, and failed at its start.
    #[error("{reason}")]
    Init {
        /// The text of the [`StartFunctionError`].
        reason: String,
    },
    /// All processes are busy and [`Function::throttle_when_busy`](super::Function::throttle_when_busy) is set,
    /// or a test ordered it.
    #[error("the function's concurrency limit is reached")]
    Throttled,
    /// The answer has more than 6 MB, Lambda's limit for a synchronous invocation.
    #[error("the answer has more than {limit} bytes")]
    AnswerTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The pool was shut down.
    #[error("the function was shut down")]
    Stopped,
}

impl InvokeError {
    /// Reads the error document of the Runtime API; whatever it lacks is empty.
    pub(super) fn from_payload(payload: Bytes, header: Option<&str>) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        struct Document {
            error_type: Option<String>,
            error_message: Option<String>,
        }
        let document: Document = serde_json::from_slice(&payload).unwrap_or_default();
        let error_type = document
            .error_type
            .or(header.map(str::to_owned))
            .unwrap_or_else(|| "Unhandled".to_owned());
        Self::Function {
            error_type,
            message: document.error_message.unwrap_or_default(),
            payload,
        }
    }
}

struct Last<'a>(Option<&'a str>);

impl fmt::Display for Last<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(line) => write!(f, "; its last line was: {line}"),
            None => Ok(()),
        }
    }
}
