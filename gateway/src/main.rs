//! The gateway as a program: it reads its options, prints the URL, and runs until Ctrl-C.

mod cli;
mod env_file;

use std::{
    io::{self, Write},
    pin::pin,
    process::ExitCode,
};

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    raise_file_limit();
    match run(cli::Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If standard error is closed, there is nobody to tell.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: cli::Options) -> Result<(), Box<dyn std::error::Error>> {
    // Set up before the start, so that Ctrl-C during the start leaves no process behind either.
    let mut stop = pin!(stop_signal()?);
    let gateway = tokio::select! {
        gateway = options.into_builder().start() => gateway?,
        () = &mut stop => return Ok(()),
    };
    writeln!(io::stdout(), "{}", gateway.websocket_url())?;
    stop.await;
    gateway.shutdown().await;
    Ok(())
}

/// Raises the limit of open files as far as the system allows: each socket is a file, and shells allow a thousand.
fn raise_file_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let maximum = getrlimit(Resource::Nofile).maximum;
        // For most uses the old limit will do.
        let _ = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: maximum,
                maximum,
            },
        );
    }
}

/// Returns a future that completes at Ctrl-C, or at the signal that service managers and CI send.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        // A terminal sends this when it is closed.
        let mut hang_up = signal(SignalKind::hangup())?;
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hang_up.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        // Without the signal there is no clean end, and the process must be killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}
