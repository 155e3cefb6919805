//! HTTP/1.1 as the gateway needs it: serving a listener, with TLS or without, keeping web pages away, the responses that the gateway makes
//! itself, and the spelling of header names.

mod header_case;
mod hosts;
pub(crate) mod responses;
mod serve;
#[cfg(feature = "tls")]
mod tls;

pub(crate) use header_case::Spelling;
pub(crate) use hosts::Hosts;
pub(crate) use serve::{Scheme, Tls, serve, serve_secure};
