//! `cargo run -p demo`: the room chat on one machine.

use std::process::ExitCode;

use clap::Parser as _;
use demo::Options;

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    match demo::run(options, stop_signal()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Ctrl-C, or SIGTERM as service managers send it.
async fn stop_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            },
            Err(error) => say(&format!("cannot wait for signals: {error}")),
        }
    }
    #[cfg(not(unix))]
    if let Err(error) = tokio::signal::ctrl_c().await {
        say(&format!("cannot wait for Ctrl-C: {error}"));
    }
}

#[allow(clippy::print_stderr)]
fn say(text: &str) {
    eprintln!("{text}");
}
