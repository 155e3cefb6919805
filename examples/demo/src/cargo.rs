//! Builds the functions, with the cargo that built the demo.

use std::{collections::HashMap, path::PathBuf, process::Stdio};

use room_auth_gateway::ProcessGroup;
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    sync::OnceCell,
};

use crate::DemoError;

const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");

/// A program to build.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program {
    pub(crate) package: &'static str,
    pub(crate) name: &'static str,
}

/// The executables, by name.
pub(crate) type Executables = HashMap<String, PathBuf>;

/// Builds the programs, once in a process. Cargo writes its messages to standard error.
pub(crate) async fn build(programs: &[Program]) -> Result<&'static Executables, DemoError> {
    static BUILT: OnceCell<Executables> = OnceCell::const_new();
    BUILT.get_or_try_init(|| run_cargo(programs)).await
}

async fn run_cargo(programs: &[Program]) -> Result<Executables, DemoError> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(&cargo);
    command.args([
        "build",
        "--message-format=json-render-diagnostics",
        "--manifest-path",
        WORKSPACE,
    ]);
    // The demo is selected too: cargo chooses the features of shared crates for all selected packages together, so that
    // the functions use the crates that were compiled for the demo.
    command.args(["--package", "demo"]);
    for program in programs {
        command.args(["--package", program.package, "--bin", program.name]);
    }
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    // A process group, to end it with its compilers if the demo is stopped meanwhile.
    #[cfg(unix)]
    command.process_group(0);
    let failed = |source| DemoError::Cargo {
        program: cargo.clone(),
        source,
    };
    let mut child = command.spawn().map_err(failed)?;
    let group = ProcessGroup::of(&child);
    let executables = read_artifacts(&mut child).await.map_err(failed)?;
    child.wait().await.map_err(failed)?;
    group.has_ended();
    match programs
        .iter()
        .find(|program| !executables.contains_key(program.name))
    {
        Some(missing) => Err(DemoError::Build(missing.name.to_owned())),
        None => Ok(executables),
    }
}

async fn read_artifacts(child: &mut Child) -> std::io::Result<Executables> {
    #[derive(Deserialize)]
    struct Artifact {
        target: Target,
        executable: Option<PathBuf>,
    }
    #[derive(Deserialize)]
    struct Target {
        name: String,
    }
    let stdout = child.stdout.take().expect("standard output is piped");
    let mut lines = BufReader::new(stdout).lines();
    let mut executables = HashMap::new();
    while let Some(line) = lines.next_line().await? {
        // Cargo has other messages too.
        if let Ok(Artifact {
            target,
            executable: Some(path),
        }) = serde_json::from_str(&line)
        {
            executables.insert(target.name, path);
        }
    }
    Ok(executables)
}
