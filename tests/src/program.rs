//! The real functions, as processes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The `connect` function, built as it is deployed: by itself, with the features that it asks for.
pub fn connect() -> &'static Path {
    static CONNECT: OnceLock<PathBuf> = OnceLock::new();
    CONNECT.get_or_init(|| build("connect", &[]))
}

/// The `idp` function. The demo is selected too, so that it is built from the crates that were compiled for it: by itself
/// it would have TLS compiled once more.
pub fn idp() -> &'static Path {
    static IDP: OnceLock<PathBuf> = OnceLock::new();
    IDP.get_or_init(|| build("idp", &["--package", "demo"]))
}

/// The `chat` function, built as [`idp`] is.
pub fn chat() -> &'static Path {
    static CHAT: OnceLock<PathBuf> = OnceLock::new();
    CHAT.get_or_init(|| build("chat", &["--package", "demo"]))
}

/// Builds a binary of another package of this workspace; cargo names only those of a test's own package.
fn build(name: &str, also: &[&str]) -> PathBuf {
    let output = cargo()
        .args([
            "build",
            "--package",
            name,
            "--bin",
            name,
            "--message-format",
            "json-render-diagnostics",
        ])
        .args(also)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "cargo build --package {name}");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| Some(PathBuf::from(message["executable"].as_str()?)))
        .unwrap_or_else(|| panic!("cargo built no {name}"))
}

/// The cargo that runs this test, in this workspace and its target directory.
pub fn cargo() -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    command
}
