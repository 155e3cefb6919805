//! What one process is working on: the events it gets, and the answers it gives. The Runtime API calls this.

use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, oneshot::error::TryRecvError},
    task::AbortHandle,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    error::InvokeError,
    fault::FunctionFault,
    invocation::{Invocation, Outcome, Reply, Run},
    log::{LogLine, LogSink, LogStream},
    process_group::ProcessGroup,
    queue::{Key, ProcessInfo},
    shared::Shared,
};
use crate::ids;

/// How long a process that has asked for its next event runs on before it is frozen. Under load the next event comes
/// sooner, and then stopping and continuing it is saved.
const FREEZE_AFTER: Duration = Duration::from_millis(1);

pub(super) struct Worker {
    shared: Arc<Shared>,
    key: Key,
    /// Cancelled to kill the process.
    pub(super) kill: CancellationToken,
    state: Mutex<State>,
    process_id: OnceLock<u32>,
    started: Instant,
    ready: AtomicBool,
    became_ready: Notify,
    has_run: AtomicBool,
    init_error: Mutex<Option<InvokeError>>,
    last_line: Mutex<Option<(LogStream, String)>>,
}

#[derive(Default)]
struct State {
    in_flight: HashMap<String, InFlight>,
    /// Taken to kill the process.
    group: Option<ProcessGroup>,
    is_frozen: bool,
}

/// An invocation that the process has not answered yet.
struct InFlight {
    reply: Reply,
    fault: Option<FunctionFault>,
    timeout_task: AbortHandle,
    is_cold: bool,
    started: Instant,
}

impl InFlight {
    /// Ends the invocation, and tells its caller.
    fn finish(self, shared: &Shared, answer: Result<Bytes, InvokeError>) {
        let run = Run {
            is_cold: self.is_cold,
            took: self.started.elapsed(),
        };
        shared.usage.invocation(shared.spec.memory_mb, run.took);
        self.reply.send(Outcome {
            answer,
            run: Some(run),
        });
    }
}

/// What the Runtime API tells a process with its next event.
pub(super) struct NextEvent {
    pub(super) request_id: String,
    pub(super) event: Bytes,
    pub(super) deadline_ms: u64,
    pub(super) function_arn: String,
    pub(super) trace_id: String,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, key: Key) -> Self {
        Self {
            shared,
            key,
            kill: CancellationToken::new(),
            state: Mutex::default(),
            process_id: OnceLock::new(),
            started: Instant::now(),
            ready: AtomicBool::new(false),
            became_ready: Notify::new(),
            has_run: AtomicBool::new(false),
            init_error: Mutex::default(),
            last_line: Mutex::default(),
        }
    }

    /// Takes the process once it runs.
    pub(super) fn set_process(&self, id: u32, group: ProcessGroup) {
        self.process_id.get_or_init(|| id);
        self.state.lock().group = Some(group);
    }

    /// Kills the process and its children, frozen or not.
    pub(super) fn kill_process(&self) {
        drop(self.state.lock().group.take());
    }

    /// Waits for the next event of the process. Returns `None` when the function is being shut down.
    pub(super) async fn next(self: &Arc<Self>) -> Option<NextEvent> {
        self.mark_ready();
        if self.kill.is_cancelled() {
            return std::future::pending().await;
        }
        let mut event = self.shared.queue().next(self.key, &self.kill);
        let invocation = match event.try_recv() {
            Ok(invocation) => invocation,
            Err(TryRecvError::Empty) => {
                if let Ok(event) = timeout(FREEZE_AFTER, &mut event).await {
                    event.ok()?
                } else {
                    self.freeze();
                    event.await.ok()?
                }
            }
            Err(TryRecvError::Closed) => return None,
        };
        if invocation.fault == Some(FunctionFault::CrashBefore) {
            // The process never sees it; all that the caller learns is that the process has ended.
            self.begin(invocation);
            self.kill.cancel();
            return std::future::pending().await;
        }
        Some(self.begin(invocation))
    }

    /// Stops the process until it gets its next event, as Lambda does. A process that takes several invocations at once
    /// is never stopped.
    fn freeze(&self) {
        let spec = &self.shared.spec;
        let mut state = self.state.lock();
        let is_idle = state.in_flight.is_empty() && !state.is_frozen;
        if spec.freeze
            && spec.invocations_per_process == 1
            && is_idle
            && let Some(group) = &state.group
        {
            group.freeze();
            state.is_frozen = true;
        }
    }

    fn thaw(&self) {
        let mut state = self.state.lock();
        state.is_frozen = false;
        if let Some(group) = &state.group {
            group.thaw();
        }
    }

    fn begin(self: &Arc<Self>, invocation: Invocation) -> NextEvent {
        let Invocation {
            request_id,
            event,
            fault,
            reply,
            submitted: _,
        } = invocation;
        let (spec, name) = (&self.shared.spec, &self.shared.name);
        let now = SystemTime::now();
        let timeout_task = self.watch(request_id.clone(), Instant::now() + spec.timeout);
        let in_flight = InFlight {
            reply,
            fault,
            timeout_task,
            is_cold: !self.has_run.swap(true, Ordering::AcqRel),
            started: Instant::now(),
        };
        let is_frozen = {
            let mut state = self.state.lock();
            state.in_flight.insert(request_id.clone(), in_flight);
            state.is_frozen
        };
        if is_frozen {
            let this = self.clone();
            // The task runs after the event has been written, so that the process wakes once, and has it.
            self.shared.tasks.spawn(async move { this.thaw() });
        }
        let (region, account) = (spec.region_or_default(), spec.account_id_or_default());
        NextEvent {
            event,
            deadline_ms: ids::millis(now + spec.timeout),
            function_arn: format!("arn:aws:lambda:{region}:{account}:function:{name}"),
            trace_id: ids::trace_of(&request_id, now),
            request_id,
        }
    }

    /// Ends the invocation at its deadline, and the process when a test kills the busy ones.
    fn watch(self: &Arc<Self>, request_id: String, deadline: Instant) -> AbortHandle {
        let crash = self.shared.crash();
        let this = self.clone();
        let watch = async move {
            tokio::select! {
                () = sleep_until(deadline) => this.time_out(&request_id),
                () = crash.cancelled() => this.kill.cancel(),
            }
        };
        self.shared.tasks.spawn(watch).abort_handle()
    }

    fn time_out(&self, request_id: &str) {
        let in_flight = self.state.lock().in_flight.remove(request_id);
        if let Some(in_flight) = in_flight {
            in_flight.finish(&self.shared, Err(self.timed_out()));
            // With several invocations at once, the others would die because of this one.
            if self.shared.spec.invocations_per_process == 1 {
                self.kill.cancel();
            }
        }
    }

    fn timed_out(&self) -> InvokeError {
        InvokeError::TimedOut {
            after: self.shared.spec.timeout,
        }
    }

    /// Takes the answer to an event. Returns false if the process is not, or no longer, working on that event.
    pub(super) fn answer(&self, request_id: &str, answer: Result<Bytes, InvokeError>) -> bool {
        let Some(in_flight) = self.state.lock().in_flight.remove(request_id) else {
            return false;
        };
        in_flight.timeout_task.abort();
        let answer = match in_flight.fault {
            Some(FunctionFault::CrashAfter) => {
                self.kill.cancel();
                Err(InvokeError::Exited {
                    status: "killed by an injected fault".to_owned(),
                    last_line: None,
                })
            }
            Some(FunctionFault::TimeOut) => {
                self.kill.cancel();
                Err(self.timed_out())
            }
            _ => {
                self.shared.queue().answered(self.key);
                answer
            }
        };
        in_flight.finish(&self.shared, answer);
        true
    }

    /// Fails everything in flight, because the process has ended with `status`.
    pub(super) fn fail(&self, status: &str) {
        let all: Vec<InFlight> = self.state.lock().in_flight.drain().map(|(_, one)| one).collect();
        for in_flight in all {
            in_flight.timeout_task.abort();
            let (status, last_line) = (status.to_owned(), self.last_line());
            in_flight.finish(&self.shared, Err(InvokeError::Exited { status, last_line }));
        }
    }

    /// Notes that the process has asked for its first event, which ends its init.
    fn mark_ready(&self) {
        if !self.ready.swap(true, Ordering::AcqRel) {
            let info = ProcessInfo {
                // Only a process that was spawned asks.
                id: self.process_id.get().copied().unwrap_or_default(),
                init: self.started.elapsed(),
            };
            // Lambda bills the time of an init, too.
            self.shared.usage.run(self.shared.spec.memory_mb, info.init);
            self.shared.queue().started(self.key, info);
            self.became_ready.notify_one();
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Waits until the process asks for its first event.
    pub(super) async fn became_ready(&self) {
        self.became_ready.notified().await;
    }

    /// Takes the process's report that its init has failed.
    pub(super) fn init_failed(&self, error: InvokeError) {
        *self.init_error.lock() = Some(error);
        self.kill.cancel();
    }

    pub(super) fn take_init_error(&self) -> Option<InvokeError> {
        self.init_error.lock().take()
    }

    /// Passes a line that the process printed on to the function's sink.
    pub(super) fn printed(&self, stream: LogStream, text: String) {
        if !text.trim().is_empty() {
            let mut last = self.last_line.lock();
            // The last line on standard error explains an end better than the last line of output.
            if stream == LogStream::Stderr || !matches!(*last, Some((LogStream::Stderr, _))) {
                *last = Some((stream, text.clone()));
            }
        }
        let sink = self.shared.spec.logs.clone().unwrap_or_else(LogSink::stderr);
        sink.write(LogLine {
            function: self.shared.name.clone(),
            process: self.process_id.get().copied().unwrap_or_default(),
            stream,
            text,
        });
    }

    pub(super) fn last_line(&self) -> Option<String> {
        self.last_line.lock().as_ref().map(|(_, line)| line.clone())
    }
}
