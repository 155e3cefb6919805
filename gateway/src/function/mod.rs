//! Lambda functions as local processes.
//!
//! From top to bottom: a `pool` invokes the `generation` of the function that runs now, which starts a `process` whenever
//! one is needed; the process talks to its `runtime_api`,
//! which hands it what its `worker` gets from the `queue` of invocations.

mod environment;
mod error;
mod fault;
mod generation;
mod invocation;
mod log;
mod pool;
mod process;
mod process_group;
mod queue;
mod runtime_api;
mod shared;
mod spec;
mod worker;

pub use error::{InvokeError, StartFunctionError};
pub use fault::FunctionFault;
pub(crate) use invocation::Outcome;
pub use log::{LogLine, LogSink, LogStream};
pub use pool::FunctionPool;
pub use process_group::ProcessGroup;
pub use queue::ProcessInfo;
pub use spec::Function;
