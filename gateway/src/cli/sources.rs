//! The files that functions are made of.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::plan::Program;

/// Directories that builds write to, and those that are hidden, as `.git` is, are no sources.
const OUTPUTS: [&str; 3] = ["target", "node_modules", "__pycache__"];

/// Returns the files and directories that the program is made of.
pub(super) fn of(program: &Program) -> Vec<PathBuf> {
    let roots = match program {
        Program::Bootstrap(path) => vec![executable(path)],
        Program::Cargo { dir, .. } => packages(dir).unwrap_or_else(|| vec![dir.clone()]),
        Program::Make { dir, .. } | Program::Command { dir, .. } | Program::Handler { dir, .. } => {
            vec![dir.clone()]
        }
        Program::Unknown(_) => Vec::new(),
    };
    // As the events have them.
    roots.iter().filter_map(|root| root.canonicalize().ok()).collect()
}

/// Returns the file that is run, for a path that may be its directory.
pub(super) fn executable(path: &Path) -> PathBuf {
    if path.is_dir() {
        path.join("bootstrap")
    } else {
        path.to_owned()
    }
}

/// Returns the directories of the package in `dir`, of its workspace, and of those it depends on by their paths.
fn packages(dir: &Path) -> Option<Vec<PathBuf>> {
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--format-version", "1", "--quiet"]);
    let output = cargo.current_dir(dir).stdin(Stdio::null()).output().ok()?;
    let metadata: Value = serde_json::from_slice(&output.stdout).ok()?;
    let local = metadata["packages"].as_array()?.iter();
    let local = local.filter(|package| package["source"].is_null());
    let dir = |package: &Value| Some(Path::new(package["manifest_path"].as_str()?).parent()?.to_owned());
    Some(local.filter_map(dir).collect())
}

/// Returns whether a path is a source below `root`.
pub(super) fn is_below(root: &Path, path: &Path) -> bool {
    path.strip_prefix(root)
        .is_ok_and(|below| below.iter().all(is_source))
}

/// Returns the directories to watch for `root`, each by itself: a directory and those in it, or that of a file.
pub(super) fn directories(root: &Path) -> Vec<PathBuf> {
    if !root.is_dir() {
        return root.parent().map(Path::to_owned).into_iter().collect();
    }
    let mut all = vec![root.to_owned()];
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        // Not through links, which may lead in circles.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) && is_source(&entry.file_name()) {
            all.extend(directories(&entry.path()));
        }
    }
    all
}

fn is_source(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    !name.starts_with('.') && !OUTPUTS.contains(&&*name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_builds_write_is_not_a_source() {
        let root = Path::new("/app");
        let table = [
            ("/app/src/main.rs", true),
            ("/app/Cargo.toml", true),
            ("/app", true),
            ("/app/target/debug/app", false),
            ("/app/functions/chat/target/x", false),
            ("/app/.git/index", false),
            ("/app/src/.main.rs.swp", false),
            ("/other/src/main.rs", false),
        ];
        for (path, expected) in table {
            assert_eq!(is_below(root, Path::new(path)), expected, "{path}");
        }
        // A bootstrap in such a directory was named.
        let bootstrap = Path::new("/app/target/debug/app");
        assert!(is_below(bootstrap, bootstrap));
    }

    #[test]
    fn the_directories_of_a_package_are_watched_without_what_it_builds() {
        let dir = tempfile::tempdir().unwrap();
        for part in ["src/deep", "target/debug", ".git/objects"] {
            std::fs::create_dir_all(dir.path().join(part)).unwrap();
        }
        let file = dir.path().join("src/main.rs");
        std::fs::write(&file, "").unwrap();
        let mut found = directories(dir.path());
        found.sort();
        let expected = ["", "src", "src/deep"].map(|part| dir.path().join(part));
        assert_eq!(found, expected.map(|path| path.components().collect::<PathBuf>()));
        assert_eq!(directories(&file), [dir.path().join("src")]);
    }
}
