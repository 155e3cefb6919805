//! Why a recording cannot be replayed.

use std::{io, path::PathBuf};

use crate::error::StartError;

/// The reason why a recording cannot be replayed. The texts are for the person at the terminal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The file cannot be read.
    #[error("cannot read the recording {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file is not a recording.
    #[error("line {line} is not a line of a recording: {reason}; record the session anew with --record FILE")]
    Line {
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// Clients have sent tokens, which are not in the file.
    #[error("the recording needs a value for {0}; add --token NAME=VALUE for each")]
    MissingTokens(String),
    /// No client has sent this token.
    #[error("no client of the recording sends {name}; leave it out{}", hint(known))]
    UnknownToken {
        /// The name that was given.
        name: String,
        /// The names that the recording has, separated by commas.
        known: String,
    },
    /// The gateway cannot be started.
    #[error(transparent)]
    Start(#[from] StartError),
}

fn hint(known: &str) -> String {
    match known {
        "" => String::new(),
        known => format!(", or name one of these: {known}"),
    }
}
