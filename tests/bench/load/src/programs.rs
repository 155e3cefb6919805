//! The processes that are measured: built, started, looked at, ended.

use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::NamedTempFile;
use tokio::{
    process::{Child, ChildStdin, Command},
    time::{sleep, timeout},
};

use crate::report::Error;

/// How long a process may take to start, and to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where the binaries are.
pub(crate) struct Programs {
    dir: PathBuf,
}

impl Programs {
    /// Builds them, each package by itself: built together, one's Cargo features would become the other's.
    pub(crate) fn build() -> Result<Self, Error> {
        for package in ["room-auth-gateway", "bench-load"] {
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let status = std::process::Command::new(cargo)
                .args(["build", "--release", "-p", package, "--bins"])
                .status()?;
            if !status.success() {
                return Err(format!("{package} cannot be built").into());
            }
        }
        // target/<profile>/bench-load
        let target = std::env::current_exe()?;
        let target = target
            .ancestors()
            .nth(2)
            .ok_or("the binary stands in no target directory")?;
        Ok(Self {
            dir: target.join("release"),
        })
    }

    pub(crate) async fn bare_echo(&self) -> Result<Running, Error> {
        Running::start(&mut self.command("bare-echo")).await
    }

    /// Starts the bare relay with the function.
    pub(crate) async fn bare_relay(&self) -> Result<Running, Error> {
        Running::start(self.command("bare-relay").arg(self.function())).await
    }

    /// Starts the gateway as a shell would, with all routes to the function and without the limits of an account.
    pub(crate) async fn gateway(&self, options: &[&str]) -> Result<Running, Error> {
        let mut command = self.command("room-auth-gateway");
        command
            .args(["--port", "0", "--no-throttling", "--function"])
            .arg(format!("echo={}", self.function().display()))
            .args(["--route", "$connect=echo", "--route", "$disconnect=echo"])
            .args(["--route", "$default=echo"])
            .args(options);
        Running::start(&mut command).await
    }

    /// Starts MiniStack with the same function, if it is installed.
    pub(crate) async fn ministack(&self) -> Result<Option<Running>, Error> {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
        let python = repository.join("target/ministack/venv/bin/python");
        if !python.exists() {
            return Ok(None);
        }
        let mut command = Command::new(python);
        command
            .arg(repository.join("tests/ministack/serve.py"))
            .arg(self.function())
            // Which ends it, and what it has started, also if this process fails.
            .stdin(Stdio::piped());
        Running::start(&mut command).await.map(Some)
    }

    /// A binary of ours, without standard input.
    fn command(&self, binary: &str) -> Command {
        let mut command = Command::new(self.dir.join(binary));
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    fn function(&self) -> PathBuf {
        self.dir.join("echo-by-post")
    }
}

/// A process that serves WebSockets.
pub(crate) struct Running {
    pub(crate) url: String,
    child: Child,
    /// Of a program that ends with its standard input.
    stdin: Option<ChildStdin>,
    /// A file, because a pipe would need a reader beside what is measured.
    output: NamedTempFile,
}

impl Running {
    /// Waits for the first line, which is the URL.
    async fn start(command: &mut Command) -> Result<Self, Error> {
        let output = NamedTempFile::new()?;
        let mut child = command
            .stdout(OpenOptions::new().append(true).open(output.path())?)
            .spawn()?;
        let stdin = child.stdin.take();
        let first_line = async {
            loop {
                if let Some((line, _)) = fs::read_to_string(&output)?.split_once('\n') {
                    return Ok::<_, Error>(line.to_owned());
                }
                if let Some(status) = child.try_wait()? {
                    return Err(format!("a program ended at its start: {status}").into());
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        let url = timeout(PATIENCE, first_line)
            .await
            .map_err(|_| "a program did not start")??;
        Ok(Self {
            url,
            child,
            stdin,
            output,
        })
    }

    /// The memory that is the process's alone, or its share of what it shares, in bytes.
    pub(crate) fn memory(&self) -> Result<f64, Error> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.id()?.as_raw_nonzero()))?;
        let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
        let kilobytes = pss
            .and_then(|line| line.trim().strip_suffix(" kB"))
            .ok_or("no Pss in smaps_rollup")?;
        Ok(kilobytes.parse::<f64>()? * 1024.0)
    }

    pub(crate) fn descriptors(&self) -> Result<usize, Error> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.id()?.as_raw_nonzero()))?.count())
    }

    /// Ends it, and returns what it has printed.
    pub(crate) async fn stop(mut self) -> Result<String, Error> {
        match self.stdin.take() {
            Some(stdin) => drop(stdin),
            None => kill_process(self.id()?, Signal::TERM)?,
        }
        timeout(PATIENCE, self.child.wait())
            .await
            .map_err(|_| "a program did not end")??;
        Ok(fs::read_to_string(&self.output)?)
    }

    fn id(&self) -> Result<Pid, Error> {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        id.and_then(Pid::from_raw)
            .ok_or_else(|| "the process has ended".into())
    }
}
