//! Building functions by their own builds.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::Value;
use tokio::process::Command;

use super::interface_client::{self, Built};
use crate::plan::Program;

/// Builds the program of the function `name`, and returns how it is run. What the build prints goes to
/// standard error. `artifacts` is a directory for what `make` makes.
///
/// # Errors
///
/// If it cannot be built: what to do, for the person at the terminal.
pub(super) async fn build(name: &str, program: Option<&Program>, artifacts: &Path) -> Result<Built, String> {
    let unknown = Program::Unknown("nobody says where its program is".to_owned());
    let built = match program.unwrap_or(&unknown) {
        Program::Bootstrap(path) => Ok(path.clone()),
        Program::Cargo { dir, binary } => cargo(dir, binary.as_deref()).await,
        Program::Command { dir, line, path } => command(dir, line).await.map(|()| path.clone()),
        Program::Make { dir, target } => make(dir, target, &artifacts.join(name)).await,
        Program::Handler {
            language,
            dir,
            handler,
        } => {
            let found = interface_client::find(*language, dir, handler).await;
            return found.map_err(|reason| format!("function {name} cannot be run: {reason}"));
        }
        Program::Unknown(reason) => Err(format!(
            "{reason}; give a bootstrap for it by --function {name}=PATH"
        )),
    };
    let path = built.map_err(|reason| format!("function {name} cannot be run: {reason}"))?;
    let handler = None;
    Ok(Built { path, handler })
}

/// Builds with cargo, which says itself where the executable is.
async fn cargo(dir: &Path, binary: Option<&str>) -> Result<PathBuf, String> {
    let mut command = Command::new("cargo");
    command.args(["build", "--message-format=json-render-diagnostics"]);
    if let Some(binary) = binary {
        command.args(["--bin", binary]);
    }
    let messages = run(command, dir, Stdio::piped()).await?;
    match executables(&messages).as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(format!("the package in {} has no binary", dir.display())),
        several => {
            let names: Vec<_> = several.iter().filter_map(|path| path.file_name()).collect();
            let names: Vec<_> = names.iter().map(|name| name.to_string_lossy()).collect();
            Err(format!(
                "the package in {} has several binaries ({}); name one in Metadata.BuildProperties.Binary",
                dir.display(),
                names.join(", ")
            ))
        }
    }
}

/// Returns the executables that cargo reports.
fn executables(messages: &[u8]) -> Vec<PathBuf> {
    let messages = messages.split(|byte| *byte == b'\n');
    let messages = messages.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let executable = |message: Value| {
        let is_binary = message["target"]["kind"][0] == "bin";
        message["executable"]
            .as_str()
            .filter(|_| is_binary)
            .map(PathBuf::from)
    };
    messages.filter_map(executable).collect()
}

async fn make(dir: &Path, target: &str, artifacts: &Path) -> Result<PathBuf, String> {
    std::fs::create_dir_all(artifacts).map_err(|error| format!("{}: {error}", artifacts.display()))?;
    let mut command = Command::new("make");
    command.arg(target).env("ARTIFACTS_DIR", artifacts);
    run(command, dir, stderr()).await?;
    Ok(artifacts.to_owned())
}

async fn command(dir: &Path, line: &str) -> Result<(), String> {
    let (shell, option) = if cfg!(windows) {
        ("cmd", "/C")
    } else {
        ("sh", "-c")
    };
    let mut command = Command::new(shell);
    command.args([option, line]);
    run(command, dir, stderr()).await.map(drop)
}

/// Returns where the output of a build goes: standard output is for what happens in the gateway.
fn stderr() -> Stdio {
    std::io::stderr().into()
}

/// Runs a build, and returns its output if that is piped.
async fn run(mut command: Command, dir: &Path, output: Stdio) -> Result<Vec<u8>, String> {
    let shown = {
        let command = command.as_std();
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let words: Vec<_> = words.map(|word| word.to_string_lossy().into_owned()).collect();
        format!("`{}` in {}", words.join(" "), dir.display())
    };
    command
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    let child = command
        .spawn()
        .map_err(|error| format!("{shown} cannot be started: {error}"))?;
    let output = child.wait_with_output().await;
    let output = output.map_err(|error| format!("{shown} failed: {error}"))?;
    if !output.status.success() {
        return Err(format!("{shown} failed ({})", output.status));
    }
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[ignore = "needs make"]
    async fn make_puts_the_bootstrap_where_it_is_told_to() {
        let dir = tempfile::tempdir().unwrap();
        let makefile = "build-Chat:\n\techo '#!/bin/sh' > $(ARTIFACTS_DIR)/bootstrap\n";
        std::fs::write(dir.path().join("Makefile"), makefile).unwrap();
        let program = Program::Make {
            dir: dir.path().to_owned(),
            target: "build-Chat".to_owned(),
        };
        let built = build("Chat", Some(&program), &dir.path().join("artifacts"))
            .await
            .unwrap();
        assert!(built.path.join("bootstrap").exists());
        let unknown = Program::Make {
            dir: dir.path().to_owned(),
            target: "build-Other".to_owned(),
        };
        let error = build("Other", Some(&unknown), dir.path()).await.unwrap_err();
        assert!(
            error.starts_with("function Other cannot be run: `make build-Other` in "),
            "{error}"
        );
    }

    #[test]
    fn the_executable_is_the_binary_that_cargo_reports() {
        let messages = r#"{"reason":"compiler-artifact","target":{"kind":["lib"]},"executable":null}
{"reason":"compiler-artifact","target":{"kind":["custom-build"]},"executable":"/t/build-script"}
not json
{"reason":"compiler-artifact","target":{"kind":["bin"]},"executable":"/t/debug/chat"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executables(messages.as_bytes()), [PathBuf::from("/t/debug/chat")]);
    }
}
