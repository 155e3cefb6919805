//! Why a function cannot be started, or has not answered.

use std::{fmt, io, path::PathBuf, time::Duration};

use bytes::Bytes;
use serde::Deserialize;

/// The reason why a function could not be started. The texts are for the person at the terminal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartFunctionError {
    /// There is no file at the given path.
    #[error("function {name}: {} does not exist; build it first, or correct the path", path.display())]
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
        /// The error of the operating system.
        source: io::Error,
    },
    /// The function has an environment variable of its own whose name Lambda reserves.
    #[error(
        "function {name}: Lambda reserves the environment variable {variable}; remove it, or use the option \
         that sets it"
    )]
    ReservedVariable {
        /// The function's name.
        name: String,
        /// The name of the variable.
        variable: &'static str,
    },
    /// The process ended, or reported an error, before it asked for its first event.
    #[error("function {name} failed at init: {reason}")]
    Init {
        /// The function's name.
        name: String,
        /// What the process reported, or else the last line it printed, or else how it ended.
        reason: String,
    },
    /// The process runs, but has not asked for an event in time.
    #[error(
        "function {name} did not ask for an event within {after:?}; check that {} is a Lambda bootstrap, or \
         raise init_timeout{}",
        path.display(), LastLine(last_line.as_deref())
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
    /// The Runtime API could not be served.
    #[error("function {name}: cannot serve the Runtime API on 127.0.0.1: {source}")]
    RuntimeApi {
        /// The function's name.
        name: String,
        /// The error of the operating system.
        source: io::Error,
    },
}

/// The reason why an invocation failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvokeError {
    /// The function answered with an error.
    #[error("the function answered with an error: {error_type}: {message}")]
    Function {
        /// The `errorType`, or `Unhandled`.
        error_type: String,
        /// The `errorMessage`, or an empty text.
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
    #[error("the function's process ended before it answered: {status}{}", LastLine(last_line.as_deref()))]
    Exited {
        /// How the process ended.
        status: String,
        /// The last line the process printed.
        last_line: Option<String>,
    },
    /// Another process was needed, and could not be started.
    #[error("{reason}")]
    Init {
        /// The text of the [`StartFunctionError`].
        reason: String,
    },
    /// All processes are busy and [`Function::throttle_when_busy`](crate::Function::throttle_when_busy) is set, or a
    /// test has injected this fault.
    #[error("the function's concurrency limit is reached")]
    Throttled,
    /// The answer is larger than 6 MB, Lambda's limit for a synchronous invocation.
    #[error("the function's answer is larger than {limit} bytes")]
    AnswerTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The function was shut down.
    #[error("the function was shut down")]
    Stopped,
}

impl InvokeError {
    /// Reads the error document of the Runtime API. Missing members are empty.
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

struct LastLine<'a>(Option<&'a str>);

impl fmt::Display for LastLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(line) => write!(f, "; its last line was: {line}"),
            None => Ok(()),
        }
    }
}
