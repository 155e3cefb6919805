//! The gateway under load: what a round trip, freezing and an open socket cost.
//!
//!     cargo run --release -p bench-load [-- --check] [trips | sockets]
//!
//! Builds the binary `room-auth-gateway`, a function that sends each message back by `@connections`
//! (`src/bin/echo-by-post.rs`), and a bare WebSocket echo, all with the release profile; each is a process of its own,
//! and this one is the clients. Linux only.
//!
//! - **trips**: a message through the function and back, by turns against a bare echo, a bare relay, and MiniStack if it is
//!   installed (`bash tests/ministack/setup.sh`), which runs the same function. Each trip begins from rest: everybody
//!   waits, and the function is frozen. The bare echo (`src/bin/bare-echo.rs`) reads the frame and writes it back, and two
//!   processes wake for a trip, itself and the client. The bare relay (`src/bin/bare-relay.rs`) gives the message to the same
//!   function and does nothing else: four processes wake (relay, function, relay, client), and the function speaks HTTP
//!   three times. The gateway besides selects a route, makes an event, freezes the function and prints what happens. Then
//!   the same without rest, of one client and of 16, and all of it once more without freezing;
//! - **sockets**: 18,000 of them, each of which sends a message and gets it back, and what memory each takes in the
//!   gateway.
//!
//! Every answer is checked, and at the end the gateway's own count of connections and messages.
//!
//! Machines are noisy: the figures are medians of many short turns, and the ratios are what counts. With `--check`
//! a missed target is an error.
#![allow(clippy::print_stdout)]

mod client;
mod programs;
#[path = "../../cold-start/src/report.rs"]
mod report;
mod sockets;
mod trips;

use programs::Programs;
use report::Error;

/// On one thread, so that the clients wake as few threads as they can.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (mut check, mut parts) = (false, Vec::new());
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--check" => check = true,
            "trips" | "sockets" => parts.push(argument),
            _ => return Err(format!("unknown argument {argument}; use trips, sockets or --check").into()),
        }
    }
    let chosen = |part: &str| parts.is_empty() || parts.iter().any(|chosen| chosen == part);
    let programs = Programs::build()?;
    let mut targets = Vec::new();
    if chosen("trips") {
        targets.extend(trips::measure(&programs).await?);
    }
    if chosen("sockets") {
        targets.extend(sockets::measure(&programs).await?);
    }
    let missed = targets.iter().filter(|target| !target.is_met()).count();
    if missed > 0 && check {
        return Err(format!("{missed} of {} targets missed", targets.len()).into());
    }
    Ok(())
}
