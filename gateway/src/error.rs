//! Why a gateway cannot be started.

use std::{io, net::SocketAddr, path::PathBuf};

use crate::{authorizer::IdentitySourceError, function::StartFunctionError};

/// The reason why a gateway could not be started. The texts are for the person at the terminal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address is taken, or does not belong to this machine.
    #[error("cannot listen on {address}: {source}{}", hint(source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A function could not be started.
    #[error(transparent)]
    Function(#[from] StartFunctionError),
    /// A route, or the authorizer, refers to a function that was not added.
    #[error("{user} refers to the unknown function `{function}`; add a function of this name")]
    UnknownFunction {
        /// What refers to it.
        user: String,
        /// The name of the function.
        function: String,
    },
    /// An identity source of the authorizer has a name that API Gateway refuses.
    #[error(transparent)]
    IdentitySource(#[from] IdentitySourceError),
    /// Two functions have the same name.
    #[error("there are two functions named `{0}`; rename one of them")]
    TwoFunctions(String),
    /// Two routes have the same key.
    #[error("there are two routes `{0}`; remove one of them")]
    TwoRoutes(String),
    /// A route key is empty, or begins with `$` and is not one of the three that API Gateway knows.
    #[error("`{0}` is not a route key; use $connect, $disconnect, $default or a key without a $")]
    RouteKey(String),
    /// The certificate for TLS could not be made, or not be written.
    #[cfg(feature = "tls")]
    #[error("cannot make a certificate: {0}")]
    Certificate(io::Error),
    /// A table of the embedded DynamoDB could not be created.
    #[cfg(feature = "dynamodb")]
    #[error("a table cannot be created: {0}")]
    Table(String),
    /// The file of a recording is there already, or cannot be written.
    #[error("cannot record to {}: {source}{}", path.display(), recording_hint(source))]
    Record {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The stage is empty, or has characters that do not belong into a stage name.
    #[error("`{0}` is not a stage name; use letters, digits, `-`, `_` and `$` only")]
    Stage(String),
}

fn recording_hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AlreadyExists => "; a recording overwrites nothing: name another file, or remove it",
        _ => "",
    }
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "; another program uses this port: choose another one, or 0 for any free port"
        }
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need administrator rights: choose a higher one"
        }
        io::ErrorKind::AddrNotAvailable => "; this machine does not have this address: choose another one",
        _ => "",
    }
}
