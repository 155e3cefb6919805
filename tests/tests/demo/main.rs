//! The demo, and what a browser does with it.
#![allow(clippy::unwrap_used)]

mod backend;
mod browser;
mod chat;
mod out;
mod rooms;
