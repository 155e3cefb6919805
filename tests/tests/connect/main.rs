//! The real `connect` and `idp` functions behind the local gateway, and real WebSocket clients in front of it.
#![allow(clippy::unwrap_used)]

mod client;
mod dependencies;
mod handshakes;
mod idp;
mod interop;
