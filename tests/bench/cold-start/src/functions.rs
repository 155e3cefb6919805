//! The functions that are measured: built, started, invoked.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use room_auth_gateway::{Function, FunctionPool, LogSink, ProcessInfo};
use serde_json::Value;

use crate::report::Error;

/// Where the binaries are.
pub(crate) struct Functions {
    pub(crate) bare: PathBuf,
    pub(crate) connect: PathBuf,
    bare_logging: PathBuf,
    bare_verify: PathBuf,
    connect_typed: PathBuf,
}

impl Functions {
    /// Builds them, each package by itself: built together, one's Cargo features would become the other's.
    pub(crate) fn build() -> Result<Self, Error> {
        for package in ["bench-bare", "connect", "bench-typed"] {
            build(package)?;
        }
        // target/<profile>/bench-cold-start
        let target = std::env::current_exe()?;
        let target = target
            .ancestors()
            .nth(2)
            .ok_or("the binary stands in no target directory")?;
        let binary = |name| target.join("release").join(name);
        Ok(Self {
            bare: binary("bare"),
            connect: binary("connect"),
            bare_logging: binary("bare-logging"),
            bare_verify: binary("bare-verify"),
            connect_typed: binary("connect-typed"),
        })
    }

    /// Builds the chat, which links the AWS SDK.
    pub(crate) fn build_chat(&self) -> Result<PathBuf, Error> {
        build("chat")?;
        Ok(self.connect.with_file_name("chat"))
    }

    pub(crate) async fn chat(&self, path: &Path) -> Result<Running, Error> {
        let function = Self::function(path)
            .env("PUBLIC_KEY", room_auth_forge::key().public_key_pem())
            .env("DYNAMO_TABLE_NAME_CHAT_CONNECTIONS", "connections");
        Running::start(function).await
    }

    pub(crate) async fn bare(&self) -> Result<Running, Error> {
        Running::start(Self::function(&self.bare)).await
    }

    pub(crate) async fn bare_logging(&self) -> Result<Running, Error> {
        Running::start(Self::function(&self.bare_logging)).await
    }

    pub(crate) async fn connect_typed(&self) -> Result<Running, Error> {
        let key = room_auth_forge::key().public_key_pem();
        Running::start(Self::function(&self.connect_typed).env("PUBLIC_KEY", key)).await
    }

    pub(crate) async fn connect(&self) -> Result<Running, Error> {
        Running::start(
            Self::function(&self.connect).env("PUBLIC_KEY", room_auth_forge::key().public_key_pem()),
        )
        .await
    }

    /// Verifies the signature of `token` with each event.
    pub(crate) async fn bare_verify(&self, token: &str) -> Result<Running, Error> {
        let key = pem::parse(room_auth_forge::key().public_key_pem())?;
        let function = Self::function(&self.bare_verify)
            .env("KEY_DER", URL_SAFE_NO_PAD.encode(key.contents()))
            .env("TOKEN", token);
        Running::start(function).await
    }

    fn function(path: &Path) -> Function {
        Function::new(path)
            .concurrency(1)
            // What stopping and continuing a process costs is the gateway's, and no part of a function.
            .freeze(false)
            .env("RUST_LOG", "warn")
            .logs(LogSink::discard())
    }
}

fn build(package: &str) -> Result<(), Error> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "-p", package])
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{package} cannot be built").into())
    }
}

/// A function with its one process.
pub(crate) struct Running {
    pool: FunctionPool,
    process: ProcessInfo,
}

impl Running {
    async fn start(function: Function) -> Result<Self, Error> {
        let pool = function.start().await?;
        let process = *pool
            .processes()
            .first()
            .ok_or("a started function has a process")?;
        Ok(Self { pool, process })
    }

    pub(crate) fn name(&self) -> &str {
        self.pool.name()
    }

    pub(crate) async fn invoke(&self, event: &[u8]) -> Result<Value, Error> {
        let answer = self.pool.invoke(event.to_vec()).await?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// The CPU time of all its threads so far.
    pub(crate) fn cpu_time(&self) -> Result<Duration, Error> {
        let mut spent = Duration::ZERO;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.process.id))? {
            let statistics = std::fs::read_to_string(task?.path().join("schedstat"))?;
            let nanoseconds = statistics.split(' ').next().ok_or("schedstat is empty")?;
            spent += Duration::from_nanos(nanoseconds.parse()?);
        }
        Ok(spent)
    }

    /// Ends it, and tells how long its init took.
    pub(crate) async fn stop(self) -> Duration {
        self.pool.shutdown().await;
        self.process.init
    }
}
