use std::{
    ffi::{OsStr, OsString},
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{FunctionPool, LogSink, StartFunctionError, environment::Inherit};

/// A Lambda function: the program that speaks the Lambda Runtime API, and how to run it.
///
/// Any custom-runtime `bootstrap` will do, whatever it is written in. The defaults are Lambda's where Lambda
/// has one.
///
/// ```no_run
/// use room_auth_gateway::Function;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Function::process("target/debug/connect").env("RUST_LOG", "info").start().await?;
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
    pub(super) name: Option<String>,
    pub(super) handler: String,
    pub(super) region: Option<String>,
    pub(super) memory_mb: u32,
    pub(super) concurrency: usize,
    pub(super) invocations_per_process: usize,
    pub(super) throttle_when_busy: bool,
    pub(super) timeout: Duration,
    pub(super) init_timeout: Duration,
    pub(super) logs: Option<LogSink>,
}

impl Function {
    /// The program at `path`: an executable, or a directory with an executable `bootstrap` in it, as
    /// `cargo lambda build` leaves it.
    pub fn process(path: impl Into<PathBuf>) -> Self {
        Self {
            program: path.into(),
            args: Vec::new(),
            env: Vec::new(),
            inherit: Inherit::Essentials,
            current_dir: None,
            name: None,
            handler: "bootstrap".to_owned(),
            region: None,
            memory_mb: 128,
            concurrency: 10,
            invocations_per_process: 1,
            throttle_when_busy: false,
            timeout: Duration::from_secs(30),
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

    /// Sets an environment variable of the function; wins over whatever is inherited or set by default.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Sets several environment variables, as [`env`](Self::env) does.
    #[must_use]
    pub fn envs<N: Into<OsString>, V: Into<OsString>>(
        mut self,
        vars: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        self.env
            .extend(vars.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Lets the function see the whole environment of this process. Without it, only `PATH`, `HOME`, `TMPDIR`,
    /// `RUST_LOG` and `RUST_BACKTRACE` are inherited, so that a test does not depend on who runs it.
    #[must_use]
    pub fn inherit_env(mut self) -> Self {
        self.inherit = Inherit::All;
        self
    }

    /// The directory the program starts in; default: the one of this process.
    #[must_use]
    pub fn current_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.current_dir = Some(dir.into());
        self
    }

    /// `AWS_LAMBDA_FUNCTION_NAME`; default: the name given to the gateway, or the program's file name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// `_HANDLER`; default `bootstrap`.
    #[must_use]
    pub fn handler(mut self, handler: impl Into<String>) -> Self {
        self.handler = handler.into();
        self
    }

    /// `AWS_REGION`; default: the gateway's region, or `us-east-1`.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// `AWS_LAMBDA_FUNCTION_MEMORY_SIZE` in MB; default 128, as Lambda's. Told to the function, not enforced.
    #[must_use]
    pub fn memory_size(mut self, megabytes: u32) -> Self {
        self.memory_mb = megabytes;
        self
    }

    /// How many processes may run at once, which is how many invocations run at once; default 10. One is
    /// started with the gateway, the others when they are needed.
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

    /// Lets each process take several invocations at once, as `lambda_runtime::run_concurrent` can; sets
    /// `AWS_LAMBDA_MAX_CONCURRENCY`. Default 1.
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

    /// Refuses an invocation when all processes are busy, as Lambda does at its concurrency limit. By
    /// default it waits for its turn instead.
    #[must_use]
    pub fn throttle_when_busy(mut self) -> Self {
        self.throttle_when_busy = true;
        self
    }

    /// How long one invocation may take; then its process is killed, as Lambda does. Default 30 s (Lambda's
    /// own is 3 s; 30 s lets the gateway's 29 s integration timeout come first, as in a usual deployment).
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long a process may take until it asks for its first event. Default 10 s, as Lambda's init phase.
    #[must_use]
    pub fn init_timeout(mut self, timeout: Duration) -> Self {
        self.init_timeout = timeout;
        self
    }

    /// Where the lines go that the processes print; default: the gateway's sink, or standard error.
    #[must_use]
    pub fn logs(mut self, sink: LogSink) -> Self {
        self.logs = Some(sink);
        self
    }

    /// Starts a first process and waits until it asks for an event.
    ///
    /// # Errors
    ///
    /// If the program is missing or cannot be executed, or if it ends, reports an error or stays silent
    /// during its init.
    pub async fn start(self) -> Result<FunctionPool, StartFunctionError> {
        FunctionPool::start(self).await
    }

    pub(crate) fn name_or(mut self, name: &str) -> Self {
        self.name.get_or_insert_with(|| name.to_owned());
        self
    }

    pub(crate) fn region_or(mut self, region: &str) -> Self {
        self.region.get_or_insert_with(|| region.to_owned());
        self
    }

    pub(crate) fn logs_or(mut self, sink: &LogSink) -> Self {
        self.logs.get_or_insert_with(|| sink.clone());
        self
    }

    /// A variable that the caller's own setting overrides.
    pub(crate) fn env_default(mut self, name: &str, value: &str) -> Self {
        self.env.insert(0, (name.into(), value.into()));
        self
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

    /// The executable's absolute path, so that neither `current_dir` nor `PATH` changes what it means.
    pub(super) fn executable(&self) -> Result<PathBuf, std::io::Error> {
        let path = std::path::absolute(&self.program)?;
        let metadata = std::fs::metadata(&path)?;
        if !metadata.is_dir() {
            return Ok(path);
        }
        let bootstrap = path.join("bootstrap");
        let hint = |_| std::io::Error::other("it is a directory without a `bootstrap` in it");
        std::fs::metadata(&bootstrap).map(|_| bootstrap).map_err(hint)
    }

    /// The path as the caller wrote it, for messages.
    pub(super) fn program(&self) -> &Path {
        &self.program
    }
}

/// Shows no values of environment variables: they hold secrets.
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
