//! One process of a function: its start, its output, its end.

use std::{
    process::Stdio,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    net::TcpListener,
    process::{Child, Command},
    sync::{Notify, oneshot},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    InvokeError, LogLine, LogSink, LogStream, StartFunctionError, environment, log,
    pool::{Pool, ProcessInfo, lock},
    runtime_api,
    work::Work,
};

/// A process, and what it is working on.
pub(super) struct Process {
    pub(super) pool: Arc<Pool>,
    pub(super) key: Key,
    pub(super) work: Work,
    /// Cancelled when it is to be killed.
    pub(super) kill: CancellationToken,
    id: OnceLock<u32>,
    started: Instant,
    ready: AtomicBool,
    became_ready: Notify,
    init_error: Mutex<Option<InvokeError>>,
    last_line: Mutex<Option<(LogStream, String)>>,
}

/// Tells the processes of a pool apart.
pub(super) type Key = u64;

pub(super) type Ready = oneshot::Sender<Result<(), StartFunctionError>>;

/// Runs one process until it ends or the pool stops.
pub(super) async fn run(pool: Arc<Pool>, key: Key, mut ready: Option<Ready>) {
    let process = Arc::new(Process {
        pool: pool.clone(),
        key,
        work: Work::default(),
        kill: CancellationToken::new(),
        id: OnceLock::new(),
        started: Instant::now(),
        ready: AtomicBool::new(false),
        became_ready: Notify::new(),
        init_error: Mutex::default(),
        last_line: Mutex::default(),
    });
    let init = process.supervise(&mut ready).await.map_err(|error| {
        let reason = error.to_string();
        if let Some(ready) = ready.take() {
            // Whoever started the pool may have given up.
            let _ = ready.send(Err(error));
        }
        InvokeError::Init { reason }
    });
    pool.ended(key, init);
}

impl Process {
    /// # Errors
    ///
    /// If the process ends before its init is over.
    async fn supervise(self: Arc<Self>, ready: &mut Option<Ready>) -> Result<(), StartFunctionError> {
        let name = self.pool.name.to_string();
        let no_api = |source| StartFunctionError::RuntimeApi {
            name: name.clone(),
            source,
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(no_api)?;
        let address = listener.local_addr().map_err(no_api)?;
        let mut child = self.spawn(address)?;
        self.id.get_or_init(|| child.id().unwrap_or_default());
        let mut logs = self.forward_logs(&mut child);
        let group = Group::of(&child);
        let api = CancellationToken::new();
        let _api_ends = api.clone().drop_guard();
        self.pool
            .tasks
            .spawn(runtime_api::serve(listener, self.clone(), api));

        let spec = &self.pool.spec;
        let init_over = tokio::select! {
            () = self.became_ready.notified() => Ok(()),
            status = child.wait() => Err(Some(status)),
            () = sleep(spec.init_timeout) => Err(None),
            () = self.gave_up() => Err(None),
            () = self.pool.stopped.cancelled() => Err(None),
        };
        let status = match init_over {
            Ok(()) => {
                if let Some(ready) = ready.take() {
                    let _ = ready.send(Ok(()));
                }
                tokio::select! {
                    status = child.wait() => Some(status),
                    () = self.kill.cancelled() => None,
                    () = self.pool.stopped.cancelled() => None,
                }
            }
            Err(status) => status,
        };
        let ended_itself = status.is_some();
        group.kill();
        let status = match status {
            Some(status) => status,
            None => child.wait().await,
        };
        // A grandchild in another group could hold the pipes open for ever.
        let all_read = async { while logs.join_next().await.is_some() {} };
        let _ = timeout(Duration::from_secs(1), all_read).await;
        logs.abort_all();
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        self.fail(&status);
        if self.ready.load(Ordering::Acquire) {
            // It asked for an event, and ended so soon that its end was noticed first.
            if let Some(ready) = ready.take() {
                let _ = ready.send(Ok(()));
            }
            return Ok(());
        }
        if ended_itself || lock(&self.init_error).is_some() {
            let reported = lock(&self.init_error).take().map(|error| error.to_string());
            let silent = || format!("it ended before it asked for an event, and printed nothing ({status})");
            let reason = reported.or_else(|| self.last_line()).unwrap_or_else(silent);
            return Err(StartFunctionError::Init { name, reason });
        }
        let (path, after, last_line) = (spec.program().to_owned(), spec.init_timeout, self.last_line());
        Err(StartFunctionError::InitTimeout {
            name,
            path,
            after,
            last_line,
        })
    }

    /// It has reported that its init failed, and had the time to say more and to end.
    async fn gave_up(&self) {
        self.kill.cancelled().await;
        sleep(Duration::from_secs(1)).await;
    }

    fn spawn(&self, runtime_api: std::net::SocketAddr) -> Result<Child, StartFunctionError> {
        let (spec, name) = (&self.pool.spec, &self.pool.name);
        let failed = |source: std::io::Error| {
            let (name, path) = (name.to_string(), spec.program().to_owned());
            match source.kind() {
                std::io::ErrorKind::NotFound => StartFunctionError::Missing { name, path },
                _ => StartFunctionError::NotExecutable { name, path, source },
            }
        };
        let executable = spec.executable().map_err(failed)?;
        let mut command = Command::new(&executable);
        command
            .args(&spec.args)
            .env_clear()
            .envs(environment::variables(spec, name, &executable, runtime_api))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // A group of its own: Ctrl-C in a terminal is for the gateway, which then ends its functions; and a
        // bootstrap that is a script takes its children with it.
        #[cfg(unix)]
        command.process_group(0);
        if let Some(dir) = &spec.current_dir {
            command.current_dir(dir);
        }
        command.spawn().map_err(failed)
    }

    /// Copies both streams to the sink until they end.
    fn forward_logs(self: &Arc<Self>, child: &mut Child) -> JoinSet<()> {
        let pid = child.id().unwrap_or_default();
        let stdout = child.stdout.take().expect("standard output is piped");
        let stderr = child.stderr.take().expect("standard error is piped");
        let mut readers = JoinSet::new();
        readers.spawn(log::read_lines(stdout, self.line(pid, LogStream::Stdout)));
        readers.spawn(log::read_lines(stderr, self.line(pid, LogStream::Stderr)));
        readers
    }

    fn line(self: &Arc<Self>, process: u32, stream: LogStream) -> impl FnMut(String) + Send + use<> {
        let this = self.clone();
        let sink = self.pool.spec.logs.clone().unwrap_or_else(LogSink::stderr);
        move |text| {
            if !text.trim().is_empty() {
                let mut last = lock(&this.last_line);
                // What a program says last on standard error explains its end better than its output.
                if stream == LogStream::Stderr || !matches!(*last, Some((LogStream::Stderr, _))) {
                    *last = Some((stream, text.clone()));
                }
            }
            sink.write(LogLine {
                function: this.pool.name.clone(),
                process,
                stream,
                text,
            });
        }
    }

    pub(super) fn last_line(&self) -> Option<String> {
        lock(&self.last_line).as_ref().map(|(_, line)| line.clone())
    }

    /// It has asked for an event.
    pub(super) fn is_ready(&self) {
        if !self.ready.swap(true, Ordering::AcqRel) {
            // Only a process that was spawned asks.
            let id = self.id.get().copied().unwrap_or_default();
            let info = ProcessInfo {
                id,
                init: self.started.elapsed(),
            };
            self.pool.queue().started(self.key, info);
            self.became_ready.notify_one();
        }
    }

    /// It says that its init has failed.
    pub(super) fn init_failed(&self, error: InvokeError) {
        *lock(&self.init_error) = Some(error);
        self.kill.cancel();
    }
}

/// The process and its children; they are killed when this is dropped.
struct Group {
    #[cfg(unix)]
    id: Option<rustix::process::Pid>,
}

impl Group {
    #[cfg(unix)]
    fn of(child: &Child) -> Self {
        let id = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(rustix::process::Pid::from_raw);
        Self { id }
    }

    #[cfg(not(unix))]
    fn of(_: &Child) -> Self {
        Self {}
    }

    fn kill(self) {
        drop(self);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(id) = self.id.take() {
            // All of it may have ended already.
            let _ = rustix::process::kill_process_group(id, rustix::process::Signal::KILL);
        }
    }
}
