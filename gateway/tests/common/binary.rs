//! The binary, started as a shell starts it, in a directory with a project.

use std::{fs, path::Path, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, Command},
    time::timeout,
};

use super::PATIENCE;

/// A copy of `tests/templates/<name>`, which builds may write to.
pub(crate) fn project(name: &str) -> tempfile::TempDir {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            let (from, to) = (entry.path(), to.join(entry.file_name()));
            if from.is_dir() {
                copy(&from, &to);
            } else {
                fs::copy(&from, &to).unwrap();
            }
        }
    }
    let dir = tempfile::tempdir().unwrap();
    copy(
        &Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/templates")
            .join(name),
        dir.path(),
    );
    dir
}

pub(crate) fn command(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_room-auth-gateway"));
    command
        .current_dir(dir)
        .args(["--port", "0"])
        // The directory's own.
        .env_remove("CARGO_TARGET_DIR")
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    command
}

/// Starts the gateway in `dir`, and returns it with its first line.
pub(crate) async fn start(dir: &Path, options: &[&str]) -> (Child, String) {
    let mut child = command(dir).args(options).spawn().unwrap();
    let url = first_line(&mut child).await;
    (child, url)
}

/// As [`start`], with what it writes to standard error.
pub(crate) async fn start_noting(dir: &Path, options: &[&str]) -> (Child, String, Notes) {
    let mut child = command(dir).args(options).stderr(Stdio::piped()).spawn().unwrap();
    let notes = Notes(BufReader::new(child.stderr.take().unwrap()).lines());
    let url = first_line(&mut child).await;
    (child, url, notes)
}

async fn first_line(child: &mut Child) -> String {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = timeout(4 * PATIENCE, lines.next_line())
        .await
        .expect("a line in time")
        .unwrap();
    // Read on, so that nothing is lost.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    url.expect("a URL")
}

/// The lines of standard error.
pub(crate) struct Notes(Lines<BufReader<ChildStderr>>);

impl Notes {
    /// Waits for a line with `part` in it.
    pub(crate) async fn wait_for(&mut self, part: &str) {
        let reading = async {
            while let Some(line) = self.0.next_line().await.unwrap() {
                if line.contains(part) {
                    return;
                }
            }
            panic!("it ended without {part:?}");
        };
        timeout(4 * PATIENCE, reading).await.expect(part);
    }
}
