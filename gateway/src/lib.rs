#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

// From top to bottom, so that each module only uses those below it.
mod replay;

mod start;

mod bill;
mod builder;
mod checks;
mod defaults;
mod error;
mod gateway;

mod inspector;
mod server;

mod handshake;
mod management;

mod message;
mod socket;

mod api;
mod authorizer;
mod call;
mod connections;
mod event;
mod frames;

mod client_request;
mod faults;
mod journal;
mod limits;
mod masks;
mod observations;
mod observe;
mod proxy_response;
mod recorder;
mod selection;
mod stage;

mod clock;
#[cfg(feature = "dynamodb")]
mod dynamodb;
mod function;
mod http;
mod ids;
mod usage;

pub use authorizer::{IdentitySourceError, IdentitySources};
pub use bill::Bill;
pub use builder::GatewayBuilder;
pub use clock::ManualClock;
pub use error::StartError;
pub use faults::Faults;
pub use function::{
    Function, FunctionFault, FunctionPool, InvokeError, LogLine, LogSink, LogStream, ProcessGroup,
    ProcessInfo, StartFunctionError,
};
pub use gateway::Gateway;
pub use limits::{Limits, RequestRate};
pub use observations::{NotObserved, Observations};
pub use observe::{Decision, Observation, ObservedEvent, Operation};
pub use replay::{Difference, Recording, ReplayError};
pub use selection::{SelectionError, SelectionExpression};
