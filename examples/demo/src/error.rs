use std::io;

use room_auth::{IssuerError, SigningKeyError};
use room_auth_gateway::StartError;

/// Why the demo does not run. The texts are for the person at the terminal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// The page's port, or another one of this machine, cannot be listened on.
    #[error(
        "cannot listen on 127.0.0.1:{port}: {source}; choose another port with {option} PORT, or any free one with {option} 0"
    )]
    Port {
        /// The option that chooses the port.
        option: &'static str,
        /// The port.
        port: u16,
        /// What the operating system said.
        source: io::Error,
    },
    /// Cargo cannot be started.
    #[error(
        "cannot run {program} to build the functions: {source}; install it, or name it in the variable CARGO"
    )]
    Cargo {
        /// The program that was tried.
        program: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// Cargo did not build a function; it has told why itself.
    #[error("the function {0} was not built; what cargo says above tells why")]
    Build(String),
    /// The embedded database does not start.
    #[error("the embedded DynamoDB does not start: {0}")]
    Database(Box<dyn std::error::Error + Send + Sync>),
    /// A part of the demo finds no free port on this machine.
    #[error("no port could be opened on 127.0.0.1: {0}")]
    Relay(io::Error),
    /// No key pair could be made.
    #[error(transparent)]
    Key(#[from] SigningKeyError),
    /// The issuer of tokens does not take its configuration.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// The gateway or one of its functions does not start.
    #[error(transparent)]
    Gateway(#[from] StartError),
}
