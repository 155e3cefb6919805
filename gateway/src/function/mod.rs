//! Lambda functions as local processes: what to run, the Runtime API it talks to, and the pool of processes
//! that shares the invocations.

mod environment;
mod error;
mod fault;
mod log;
mod pool;
mod process;
mod queue;
mod runtime_api;
mod spec;
mod work;

pub use error::{InvokeError, StartFunctionError};
pub use fault::FunctionFault;
pub use log::{LogLine, LogSink, LogStream};
pub(crate) use pool::lock;
pub use pool::{FunctionPool, ProcessInfo};
pub use spec::Function;
