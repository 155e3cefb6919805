#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod answer;
mod api;
mod authorizer;
mod builder;
mod connections;
mod error;
mod event;
mod faults;
mod function;
mod gateway;
mod handshake;
mod header_case;
mod http;
mod identity;
mod ids;
mod limits;
mod management;
mod observe;
mod policy;
mod proxy;
mod selection;
mod server;
mod socket;

pub use builder::GatewayBuilder;
pub use error::StartError;
pub use faults::Faults;
pub use function::{
    Function, FunctionFault, FunctionPool, InvokeError, LogLine, LogSink, LogStream, ProcessInfo,
    StartFunctionError,
};
pub use gateway::Gateway;
pub use identity::{IdentitySourceError, IdentitySources};
pub use limits::{Limits, RequestRate};
pub use observe::{Decision, Observation, ObservedEvent, Operation};
pub use selection::{SelectionError, SelectionExpression};
