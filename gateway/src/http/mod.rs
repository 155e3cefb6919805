//! HTTP/1.1 as the gateway needs it: serving a listener, the responses it makes itself, and the spelling of header
//! names.

mod header_case;
pub(crate) mod responses;
mod serve;

pub(crate) use header_case::Spelling;
pub(crate) use serve::serve;
