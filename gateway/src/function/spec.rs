//! How a function is run.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    path::PathBuf,
    time::Duration,
};

use super::log::LogSink;

/// A Lambda function: the program that speaks the Lambda Runtime API, and how to run it.
///
/// Any custom-runtime `bootstrap` will do, in any language. The defaults are those of Lambda where Lambda has one.
///
/// ```no_run
/// use room_auth_gateway::Function;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Function::new("target/debug/connect").env("PUBLIC_KEY", "…").start().await?;
/// let answer = pool.invoke(r#"{"any":"event"}"#).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Function {
    pub(super) program: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) env: Vec<(OsString, OsString)>,
    pub(super) inherit: Inherit,
    pub(super) current_dir: Option<PathBuf>,
    pub(super) task_root: Option<PathBuf>,
    name: Option<String>,
    pub(super) handler: String,
    region: Option<String>,
    account_id: Option<String>,
    pub(super) credentials: Option<[OsString; 3]>,
    pub(super) memory_mb: u32,
    pub(super) concurrency: usize,
    pub(super) invocations_per_process: usize,
    pub(super) throttle_when_busy: bool,
    pub(super) freeze: bool,
    pub(super) timeout: Duration,
    pub(super) init_timeout: Duration,
    pub(super) logs: Option<LogSink>,
}

/// How much of this process's environment a function sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inherit {
    Essentials,
    All,
}

impl Function {
    /// Creates a function of the program at `path`: an executable, or a directory with an executable `bootstrap` in
    /// it, as `cargo lambda build` makes it.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            program: path.into(),
            args: Vec::new(),
            env: Vec::new(),
            inherit: Inherit::Essentials,
            current_dir: None,
            task_root: None,
            name: None,
            handler: "bootstrap".to_owned(),
            region: None,
            account_id: None,
            credentials: None,
            memory_mb: 128,
            concurrency: 10,
            invocations_per_process: 1,
            throttle_when_busy: false,
            freeze: true,
            timeout: Duration::from_secs(3),
            init_timeout: Duration::from_secs(10),
            logs: None,
        }
    }

    /// Adds an argument for the program.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Sets an environment variable. It takes precedence over what is inherited or set by default. The start fails if
    /// Lambda reserves the name.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Sets several environment variables, each as [`env`](Self::env) does.
    #[must_use]
    pub fn envs<N: Into<OsString>, V: Into<OsString>>(
        mut self,
        vars: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        self.env
            .extend(vars.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Passes the whole environment of this process on to the function. By default only `PATH`, `HOME`, `TMPDIR`,
    /// `RUST_LOG` and `RUST_BACKTRACE` are passed on, so that a test does not depend on who runs it.
    #[must_use]
    pub fn inherit_env(mut self) -> Self {
        self.inherit = Inherit::All;
        self
    }

    /// Sets the directory that the program starts in (default: that of the executable, `LAMBDA_TASK_ROOT`, as on
    /// Lambda). A relative directory is one below that of this process.
    #[must_use]
    pub fn current_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.current_dir = Some(dir.into());
        self
    }

    /// Sets `LAMBDA_TASK_ROOT`, the directory of the function's code, in which it also starts (default: that of the
    /// executable). Set it if the program is an interpreter.
    #[must_use]
    pub fn task_root(mut self, dir: impl Into<PathBuf>) -> Self {
        self.task_root = Some(dir.into());
        self
    }

    /// Sets `AWS_LAMBDA_FUNCTION_NAME` (default: the name given to the gateway, or else the program's file name).
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets `_HANDLER` (default: `bootstrap`).
    #[must_use]
    pub fn handler(mut self, handler: impl Into<String>) -> Self {
        self.handler = handler.into();
        self
    }

    /// Sets `AWS_REGION` (default: the gateway's region, or else `us-east-1`).
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Sets the credentials of the function's role, with their session token (default: `local` for all
    /// three, or those of this process if [its environment is inherited](Self::inherit_env)).
    #[must_use]
    pub fn credentials(
        mut self,
        access_key_id: impl Into<OsString>,
        secret_access_key: impl Into<OsString>,
        session_token: impl Into<OsString>,
    ) -> Self {
        self.credentials = Some([
            access_key_id.into(),
            secret_access_key.into(),
            session_token.into(),
        ]);
        self
    }

    /// Sets `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`, in MB (default: 128, as on Lambda). The limit is not enforced.
    #[must_use]
    pub fn memory_size(mut self, megabytes: u32) -> Self {
        self.memory_mb = megabytes;
        self
    }

    /// Sets how many processes, and so invocations, may run at once (default: 10). The first is started with the
    /// gateway, the others when they are needed.
    ///
    /// # Panics
    ///
    /// If `processes` is 0.
    #[must_use]
    pub fn concurrency(mut self, processes: usize) -> Self {
        assert!(processes > 0, "a function needs at least one process");
        self.concurrency = processes;
        self
    }

    /// Lets each process take several invocations at once (default: 1), as `lambda_runtime::run_concurrent` can, and
    /// sets `AWS_LAMBDA_MAX_CONCURRENCY`.
    ///
    /// # Panics
    ///
    /// If `invocations` is 0.
    #[must_use]
    pub fn invocations_per_process(mut self, invocations: usize) -> Self {
        assert!(invocations > 0, "a process takes at least one invocation at once");
        self.invocations_per_process = invocations;
        self
    }

    /// Refuses an invocation when all processes are busy, as Lambda does at its concurrency limit. By default the
    /// invocation waits.
    #[must_use]
    pub fn throttle_when_busy(mut self) -> Self {
        self.throttle_when_busy = true;
        self
    }

    /// Sets whether processes are frozen (`SIGSTOP`) from one event to the next (default: true, as on Lambda). Work in
    /// the background stops then, and pooled connections grow old. Processes that take several invocations at once are
    /// never frozen, and on other systems than Unix none is.
    #[must_use]
    pub fn freeze(mut self, freeze: bool) -> Self {
        self.freeze = freeze;
        self
    }

    /// Sets how long one invocation may take (default: 3 s, as on Lambda). Then its process is killed.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how long a process may take until it asks for its first event (default: 10 s, as Lambda's init phase).
    #[must_use]
    pub fn init_timeout(mut self, timeout: Duration) -> Self {
        self.init_timeout = timeout;
        self
    }

    /// Sets where the lines go that the processes print (default: the gateway's sink, or else standard error).
    #[must_use]
    pub fn logs(mut self, sink: LogSink) -> Self {
        self.logs = Some(sink);
        self
    }

    pub(crate) fn name_or(mut self, name: &str) -> Self {
        self.name.get_or_insert_with(|| name.to_owned());
        self
    }

    pub(crate) fn region_or(mut self, region: &str) -> Self {
        self.region.get_or_insert_with(|| region.to_owned());
        self
    }

    pub(crate) fn account_id_or(mut self, account_id: &str) -> Self {
        self.account_id.get_or_insert_with(|| account_id.to_owned());
        self
    }

    pub(crate) fn logs_or(mut self, sink: &LogSink) -> Self {
        self.logs.get_or_insert_with(|| sink.clone());
        self
    }

    /// Sets variables that the caller's own settings override.
    pub(crate) fn env_defaults(mut self, defaults: &[(&str, String)]) -> Self {
        let defaults = defaults.iter().map(|(name, value)| (name.into(), value.into()));
        self.env.splice(0..0, defaults);
        self
    }

    pub(super) fn region_or_default(&self) -> &str {
        self.region.as_deref().unwrap_or("us-east-1")
    }

    pub(super) fn account_id_or_default(&self) -> &str {
        self.account_id.as_deref().unwrap_or("000000000000")
    }

    pub(super) fn name_or_file_name(&self) -> String {
        let of_file = || {
            self.program
                .file_name()
                .and_then(OsStr::to_str)
                .unwrap_or("function")
                .to_owned()
        };
        self.name.clone().unwrap_or_else(of_file)
    }

    /// Returns the executable's absolute path, so that neither `current_dir` nor `PATH` changes what it means.
    pub(super) fn executable(&self) -> std::io::Result<PathBuf> {
        let path = std::path::absolute(&self.program)?;
        let metadata = std::fs::metadata(&path)?;
        if !metadata.is_dir() {
            return Ok(path);
        }
        let bootstrap = path.join("bootstrap");
        let hint = |_| std::io::Error::other("it is a directory without a `bootstrap` in it");
        std::fs::metadata(&bootstrap).map(|_| bootstrap).map_err(hint)
    }
}

/// Shows no values of environment variables, because they hold secrets.
impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function")
            .field("program", &self.program)
            .field("name", &self.name)
            .field("env", &self.env.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("concurrency", &self.concurrency)
            .field("timeout", &self.timeout)
            .field("init_timeout", &self.init_timeout)
            .finish_non_exhaustive()
    }
}
