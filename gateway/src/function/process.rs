//! One process of a function: its start, its output, its end.

use std::{io, net::SocketAddr, path::Path, pin::pin, process::Stdio, sync::Arc, time::Duration};

use tokio::{
    net::TcpListener,
    process::{Child, Command},
    sync::oneshot,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    environment,
    error::StartFunctionError,
    log::{self, LogStream},
    process_group::{self, ProcessGroup},
    queue::Key,
    runtime_api,
    shared::Shared,
    worker::Worker,
};

/// Tells whoever starts a function how the init of its first process went.
pub(super) type InitResult = oneshot::Sender<Result<(), StartFunctionError>>;

/// How long a process that has reported a failed init may take to print more and to end.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long the rest of the output is read after the end of a process.
const OUTPUT_GRACE: Duration = Duration::from_secs(1);

/// Runs one process until it ends or the function is shut down.
///
/// # Errors
///
/// If the process ends before its init is over: the text of the [`StartFunctionError`].
pub(super) async fn run(shared: Arc<Shared>, key: Key, mut init: Option<InitResult>) -> Result<(), String> {
    let worker = Arc::new(Worker::new(shared.clone(), key));
    let result = supervise(&shared, &worker, &mut init).await;
    result.map_err(|error| {
        let reason = error.to_string();
        report(&mut init, Err(error));
        reason
    })
}

fn report(init: &mut Option<InitResult>, result: Result<(), StartFunctionError>) {
    if let Some(init) = init.take() {
        // Whoever started the function may have given up.
        let _ = init.send(result);
    }
}

async fn supervise(
    shared: &Arc<Shared>,
    worker: &Arc<Worker>,
    init: &mut Option<InitResult>,
) -> Result<(), StartFunctionError> {
    let name = shared.name.to_string();
    let no_api = |source| StartFunctionError::RuntimeApi {
        name: name.clone(),
        source,
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(no_api)?;
    let address = listener.local_addr().map_err(no_api)?;
    let mut child = spawn(shared, address)?;
    worker.set_process(child.id().unwrap_or_default(), ProcessGroup::of(&child));
    let mut logs = forward_logs(worker, &mut child);
    let api = CancellationToken::new();
    let _api_ends = api.clone().drop_guard();
    shared
        .tasks
        .spawn(runtime_api::serve(listener, worker.clone(), api));

    let spec = &shared.spec;
    let ended_itself = {
        let mut ended = pin!(process_group::ended(&mut child));
        let (is_ready, mut has_ended) = tokio::select! {
            () = worker.became_ready() => (true, false),
            () = &mut ended => (false, true),
            () = sleep(spec.init_timeout) => (false, false),
            () = gave_up(worker) => (false, false),
            () = shared.stopped.cancelled() => (false, false),
        };
        if is_ready {
            report(init, Ok(()));
            has_ended = tokio::select! {
                () = ended => true,
                () = worker.kill.cancelled() => false,
                () = shared.stopped.cancelled() => false,
            };
        }
        has_ended
    };
    // Before the process is reaped, because its id may belong to another one afterwards.
    worker.kill_process();
    let status = child.wait().await;
    // A grandchild in another group could hold the pipes open for ever.
    let all_read = async { while logs.join_next().await.is_some() {} };
    let _ = timeout(OUTPUT_GRACE, all_read).await;
    logs.abort_all();
    let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
    worker.fail(&status);
    if worker.is_ready() {
        // It asked for an event, and ended so soon that its end was noticed first.
        report(init, Ok(()));
        return Ok(());
    }
    let reported = worker.take_init_error().map(|error| error.to_string());
    let last_line = worker.last_line();
    if ended_itself || reported.is_some() {
        let silent = || format!("it ended before it asked for an event, and printed nothing ({status})");
        let reason = reported.or(last_line).unwrap_or_else(silent);
        return Err(StartFunctionError::Init { name, reason });
    }
    let (path, after) = (spec.program.clone(), spec.init_timeout);
    Err(StartFunctionError::InitTimeout {
        name,
        path,
        after,
        last_line,
    })
}

/// Waits until the process has reported a failed init and had time to end by itself.
async fn gave_up(worker: &Worker) {
    worker.kill.cancelled().await;
    sleep(LAST_WORDS).await;
}

fn spawn(shared: &Shared, runtime_api: SocketAddr) -> Result<Child, StartFunctionError> {
    let (spec, name) = (&shared.spec, &shared.name);
    let failed = |source: io::Error| {
        let (name, path) = (name.to_string(), spec.program.clone());
        match source.kind() {
            io::ErrorKind::NotFound => StartFunctionError::Missing { name, path },
            _ => StartFunctionError::NotExecutable { name, path, source },
        }
    };
    let executable = spec.executable().map_err(failed)?;
    let own_dir = executable.parent().unwrap_or(Path::new("/"));
    let task_root = std::path::absolute(spec.task_root.as_deref().unwrap_or(own_dir)).map_err(failed)?;
    let mut command = Command::new(&executable);
    command
        .args(&spec.args)
        .env_clear()
        .envs(environment::variables(spec, name, &task_root, runtime_api))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // A group of its own: Ctrl-C in a terminal is meant for the gateway, which then ends its functions; and a
    // bootstrap that is a script takes its children with it.
    #[cfg(unix)]
    command.process_group(0);
    command.current_dir(spec.current_dir.as_ref().unwrap_or(&task_root));
    command.spawn().map_err(failed)
}

/// Copies both output streams to the sink until they end.
fn forward_logs(worker: &Arc<Worker>, child: &mut Child) -> JoinSet<()> {
    let line = |stream| {
        let worker = worker.clone();
        move |text| worker.printed(stream, text)
    };
    let stdout = child.stdout.take().expect("standard output is piped");
    let stderr = child.stderr.take().expect("standard error is piped");
    let mut readers = JoinSet::new();
    readers.spawn(log::read_lines(stdout, line(LogStream::Stdout)));
    readers.spawn(log::read_lines(stderr, line(LogStream::Stderr)));
    readers
}
