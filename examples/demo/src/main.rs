//! Runs the room chat on one machine: `cargo run -p demo`.

use std::process::ExitCode;

use clap::Parser as _;
use demo::Options;

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let stop = match stop_signal() {
        Ok(stop) => stop,
        Err(error) => {
            say(&format!("error: cannot wait for signals: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match demo::run(options, stop).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Waits for Ctrl-C, or SIGTERM from a service manager. Listens from the call on, not from the first poll, so that no
/// signal is missed while the demo starts.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            say(&format!("cannot wait for Ctrl-C: {error}"));
        }
    })
}

#[allow(clippy::print_stderr)]
fn say(text: &str) {
    eprintln!("{text}");
}
