use std::{io, net::SocketAddr};

use crate::function::StartFunctionError;

/// Why a gateway could not be started. The texts are for the person at the terminal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address is taken, or not one of this machine.
    #[error("cannot listen on {address}: {source}{}", hint(source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// A function does not start.
    #[error(transparent)]
    Function(#[from] StartFunctionError),
    /// A route, or the authorizer, names a function that was not added.
    #[error("{user} names the function {function}, which there is not")]
    UnknownFunction {
        /// Who names it.
        user: String,
        /// The name.
        function: String,
    },
    /// Two functions have the same name.
    #[error("there are two functions named {0}")]
    TwoFunctions(String),
    /// Two routes have the same key.
    #[error("there are two routes {0}")]
    TwoRoutes(String),
    /// A route key is empty, or begins with `$` and is not one of the three that API Gateway knows.
    #[error("`{0}` is no route key; of those with a $ there are $connect, $disconnect and $default")]
    RouteKey(String),
    /// The stage is empty, or would not stay as it is in a URL.
    #[error("`{0}` is no stage name; it has letters, digits, `-`, `_` and `$` only")]
    Stage(String),
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "; another program has this port: choose another one, or 0 for any that is free"
        }
        io::ErrorKind::PermissionDenied => "; ports below 1024 are for administrators: choose a higher one",
        io::ErrorKind::AddrNotAvailable => "; this machine has no such address",
        _ => "",
    }
}
