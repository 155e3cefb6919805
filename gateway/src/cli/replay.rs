//! The command `replay`: a recorded session, run again.

use std::{error::Error, pin::pin};

use room_auth_gateway::Recording;

use super::{assemble, options::Options, output::Output, signals};

/// Replays a recording with the functions that the options name.
///
/// # Errors
///
/// If it cannot be replayed, or something is different.
pub(super) async fn run(recording: &Recording, mut options: Options) -> Result<(), Box<dyn Error>> {
    // The recorded gateway may still be running.
    options.port = 0;
    let stop = pin!(signals::stop()?);
    let output = Output::new(options.json);
    if !recording.is_complete() {
        output.note("the recording breaks off: its gateway was killed, or could not write any more");
    }
    let artifacts = tempfile::tempdir()?;
    let replaying = async {
        let plan = assemble::plan(&options, &output)?;
        let (builder, _) = assemble::builder(&plan, &options, &output, artifacts.path()).await?;
        Ok::<_, Box<dyn Error>>(recording.replay(builder).await?)
    };
    let replayed = tokio::select! {
        replayed = replaying => replayed,
        () = stop => Err("the replay was stopped".into()),
    };
    if let Ok(differences) = &replayed {
        for difference in differences {
            output.difference(difference);
        }
        if differences.is_empty() {
            output.note("nothing has come out differently");
        }
    }
    output.finish();
    match replayed?.len() {
        0 => Ok(()),
        1 => Err("one thing has come out differently".into()),
        count => Err(format!("{count} things have come out differently").into()),
    }
}
