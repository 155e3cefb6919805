use std::io;

use room_auth::{ConfigError, IssuerError, SigningKeyError};
use room_auth_gateway::StartError;

/// Why the demo does not run. The messages are for the person at the terminal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// A port cannot be listened on.
    #[error(
        "cannot listen on 127.0.0.1:{port}: {source}; choose another port with {option} PORT, or any free one with {option} 0"
    )]
    Port {
        /// The option that chooses the port.
        option: &'static str,
        /// The port that was tried.
        port: u16,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Cargo cannot be started.
    #[error("cannot run {program} to build the functions: {source}; install it, or set CARGO to its path")]
    Cargo {
        /// The program that was tried.
        program: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Cargo did not build a function. It has printed the reason.
    #[error("the function {0} was not built; see the output of cargo above")]
    Build(String),
    /// The embedded database does not start.
    #[error("the embedded DynamoDB does not start: {0}")]
    Database(Box<dyn std::error::Error + Send + Sync>),
    /// Where @connections is cannot be configured.
    #[error(transparent)]
    Configuration(#[from] ConfigError),
    /// No free port was found on this machine.
    #[error("no port could be opened on 127.0.0.1: {0}")]
    Relay(io::Error),
    /// The key pair was not generated.
    #[error(transparent)]
    Key(#[from] SigningKeyError),
    /// The configuration of the issuer is invalid.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// The gateway or one of its functions does not start.
    #[error(transparent)]
    Gateway(#[from] StartError),
}
