//! The program around the library: its options, what it prints, and its end.

mod assemble;
mod build;
mod config;
mod env_file;
mod interface_client;
mod names;
mod options;
mod output;
mod printer;
mod replay;
mod shown;
mod signals;
mod sources;
mod summary;
mod watch;

use std::{error::Error, pin::pin, time::Duration};

use room_auth_gateway::Recording;

pub(crate) use options::Arguments;
use options::{Command, Options};
use output::Output;
use watch::Watch;

/// Serves until a signal, or replays a recording. Returns when everything has ended.
///
/// # Errors
///
/// If the gateway cannot be started, or a replay differs: the text for the person at the terminal.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    signals::raise_file_limit();
    match arguments.command {
        Some(Command::Replay {
            file,
            tokens,
            patience,
            options,
        }) => {
            let mut recording = Recording::read(file)?.with_patience(Duration::from_secs(patience));
            for (name, value) in tokens {
                recording = recording.with_token(name, value);
            }
            replay::run(&recording, options).await
        }
        None => serve(arguments.options).await,
    }
}

async fn serve(mut options: Options) -> Result<(), Box<dyn Error>> {
    // Set up before the start, so that Ctrl-C during the start leaves no process behind either.
    let mut stop = pin!(signals::stop()?);
    let output = Output::new(options.json);
    let artifacts = tempfile::tempdir()?;
    let starting = async {
        let plan = assemble::plan(&options, &output)?;
        let (builder, bootstraps) = assemble::builder(&plan, &options, &output, artifacts.path()).await?;
        // Before the start, so that no change is missed.
        let watch = options
            .watch
            .then(|| Watch::new(&plan, &bootstraps, &options))
            .transpose()?;
        Ok::<_, Box<dyn Error>>((builder.start().await?, plan, watch))
    };
    let started = tokio::select! {
        started = starting => started,
        () = &mut stop => return Ok(()),
    };
    let (gateway, plan, watch) = match started {
        Ok(started) => started,
        Err(error) => {
            output.finish();
            return Err(error);
        }
    };
    output.ready(&gateway.websocket_url());
    if let Some(url) = gateway.inspector_url() {
        output.inspector(&url);
    }
    #[cfg(feature = "tls")]
    if let Some(file) = gateway.ca_file() {
        output.note(&format!("clients trust this certificate: {}", file.display()));
    }
    if let Some(watch) = watch {
        tokio::select! {
            () = watch.run(&gateway, &plan, &mut options, &output, artifacts.path()) => {}
            () = &mut stop => {}
        }
    } else {
        stop.await;
    }
    let bill = options.bill.then(|| gateway.bill());
    let recorded = gateway.check_recording();
    gateway.shutdown().await;
    output.end(bill.as_ref());
    recorded.map_err(|error| {
        format!("the recording breaks off, its file could not be written any more: {error}").into()
    })
}
