//! The gateway from a shell: options in, a ready line out, Ctrl-C to end it.

mod cli;

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
            // Nobody is left to be told if standard error is closed.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: cli::Options) -> Result<(), Box<dyn std::error::Error>> {
    // Listened for before the start, so that a Ctrl-C during it leaves no process behind either.
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

/// Each socket is a file: as many as the system lets us have, where shells give a thousand.
fn raise_file_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let maximum = getrlimit(Resource::Nofile).maximum;
        // Fewer will do for most.
        let _ = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: maximum,
                maximum,
            },
        );
    }
}

/// Ctrl-C, or the termination that service managers and CI ask for.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        // The last is what a terminal sends as it is closed.
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
        // Without the signal there is no clean end; the process is killed then.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}
