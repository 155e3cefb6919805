//! Hostile events against the layer: each is refused with the same bytes, the handler is not called, nothing of a
//! token is shown, and the next event is served.
#![allow(clippy::unwrap_used)]

mod config;
mod harness;
mod masked;
mod mutations;
mod service_contract;
mod sizes;
mod sources;
