//! The real `connect` function behind the local gateway, and real WebSocket clients in front of it.
#![allow(clippy::unwrap_used)]

#[path = "connect/client.rs"]
mod client;
#[path = "connect/dependencies.rs"]
mod dependencies;
#[path = "connect/handshakes.rs"]
mod handshakes;
