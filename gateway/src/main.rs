//! The gateway as a program: it reads its options, prints the URL, and runs until Ctrl-C.

#![cfg_attr(test, allow(clippy::unwrap_used))]

// From top to bottom, so that each module only uses those below it.
mod cli;

mod template;

mod plan;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;

/// On one thread: a message passes several tasks, and waking another thread for each of them takes longer than they do.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match cli::run(cli::Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If standard error is closed, there is nobody to tell.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}
