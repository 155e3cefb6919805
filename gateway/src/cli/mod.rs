//! The program around the library: its options, what it prints, and its end.

mod assemble;
mod build;
mod config;
mod env_file;
mod names;
mod options;
mod output;
mod printer;
mod shown;
mod signals;
mod summary;

use std::{error::Error, pin::pin};

pub(crate) use options::Options;
use output::Output;

/// Serves until a signal, and returns when everything has ended.
///
/// # Errors
///
/// If the gateway cannot be started: the text for the person at the terminal.
pub(crate) async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    signals::raise_file_limit();
    // Set up before the start, so that Ctrl-C during the start leaves no process behind either.
    let mut stop = pin!(signals::stop()?);
    let output = Output::new(options.json);
    let artifacts = tempfile::tempdir()?;
    let starting = async {
        let plan = assemble::plan(&options, &output)?;
        let builder = assemble::builder(plan, &options, &output, artifacts.path()).await?;
        Ok::<_, Box<dyn Error>>(builder.start().await?)
    };
    let gateway = tokio::select! {
        gateway = starting => gateway,
        () = &mut stop => return Ok(()),
    };
    let gateway = match gateway {
        Ok(gateway) => gateway,
        Err(error) => {
            output.finish();
            return Err(error);
        }
    };
    output.ready(&gateway.websocket_url());
    #[cfg(feature = "tls")]
    if let Some(file) = gateway.ca_file() {
        output.note(&format!("clients trust this certificate: {}", file.display()));
    }
    stop.await;
    gateway.shutdown().await;
    output.end();
    Ok(())
}
