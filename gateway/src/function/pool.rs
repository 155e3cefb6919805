//! A running function, as its callers see it.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::sleep,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    environment,
    error::{InvokeError, StartFunctionError},
    fault::{FaultQueue, FunctionFault},
    invocation::{Invocation, Outcome, Reply},
    log::{LogLine, LogStream},
    process::{self, InitResult},
    queue::{Dispatch, Key, ProcessInfo},
    shared::Shared,
    spec::Function,
};
use crate::ids;

/// The longest time that a process usually takes between an answer and its next poll.
const POLL_GAP: Duration = Duration::from_secs(1);

/// A running function: as many processes as its concurrency allows, started as they are needed.
///
/// On its own this is Lambda without API Gateway: [`Function::start`] it, and [`invoke`](Self::invoke) it with events
/// of your own. Dropping it kills the processes.
pub struct FunctionPool {
    pool: Arc<Pool>,
    _stop: DropGuard,
}

struct Pool {
    shared: Arc<Shared>,
    faults: FaultQueue,
    /// Permits for invocations, if those beyond the concurrency are refused.
    permits: Option<Arc<Semaphore>>,
}

impl Function {
    /// Starts a first process and waits until it asks for an event.
    ///
    /// # Errors
    ///
    /// If the program is missing or cannot be executed, if Lambda reserves the name of a variable, or if the process
    /// ends, reports an error or stays silent during its init.
    pub async fn start(self) -> Result<FunctionPool, StartFunctionError> {
        if let Some(variable) = environment::reserved(&self) {
            let name = self.name_or_file_name();
            return Err(StartFunctionError::ReservedVariable { name, variable });
        }
        let stopped = CancellationToken::new();
        let stop = stopped.clone().drop_guard();
        let most_at_once = self.concurrency * self.invocations_per_process;
        let pool = Arc::new(Pool {
            permits: self
                .throttle_when_busy
                .then(|| Arc::new(Semaphore::new(most_at_once))),
            shared: Arc::new(Shared::new(self, stopped)),
            faults: FaultQueue::default(),
        });
        let first = pool.shared.queue().start();
        let (init, init_over) = oneshot::channel();
        pool.spawn(first, Some(init));
        match init_over.await {
            Ok(Ok(())) => Ok(FunctionPool { pool, _stop: stop }),
            Ok(Err(error)) => Err(error),
            Err(_) => unreachable!("a process task reports its init before it ends"),
        }
    }
}

impl FunctionPool {
    /// Returns the function's name, which the processes see as `AWS_LAMBDA_FUNCTION_NAME`.
    pub fn name(&self) -> &str {
        &self.pool.shared.name
    }

    /// Invokes the function with `event`, usually JSON, and waits for the answer: the bytes as the function wrote
    /// them.
    ///
    /// # Errors
    ///
    /// If the function answers with an error, crashes, takes longer than its timeout, or cannot be started when
    /// another process is needed.
    pub async fn invoke(&self, event: impl Into<Bytes>) -> Result<Bytes, InvokeError> {
        let outcome = self.invoke_as(ids::lambda_request_id(), event.into());
        outcome.await.answer
    }

    pub(crate) async fn invoke_as(&self, request_id: String, event: Bytes) -> Outcome {
        let fault = self.pool.faults.next();
        match fault {
            Some(FunctionFault::Throttle) => return InvokeError::Throttled.into(),
            Some(FunctionFault::Error) => {
                let payload =
                    br#"{"errorType":"InjectedFault","errorMessage":"this error was injected by a test"}"#;
                return InvokeError::from_payload(Bytes::from_static(payload), None).into();
            }
            _ => {}
        }
        while !self.pool.shared.stopped.is_cancelled() {
            let permit = match self.pool.permit() {
                Ok(permit) => permit,
                Err(error) => return error.into(),
            };
            let (reply, outcome) = Reply::new(permit);
            let (request_id, event) = (request_id.clone(), event.clone());
            self.pool.submit(Invocation {
                request_id,
                event,
                fault,
                reply,
            });
            if let Ok(outcome) = outcome.await {
                return outcome;
            }
            // The idle process that it was given to ended before it took it: try another one.
        }
        InvokeError::Stopped.into()
    }

    /// Returns the processes that have finished their init, the oldest first.
    pub fn processes(&self) -> Vec<ProcessInfo> {
        self.pool.shared.queue().processes()
    }

    /// Kills all processes, and waits until they are gone.
    pub async fn shutdown(self) {
        self.stop();
        self.stopped().await;
    }

    pub(crate) fn stop(&self) {
        self.pool.shared.stopped.cancel();
        self.pool.shared.tasks.close();
    }

    pub(crate) async fn stopped(&self) {
        self.pool.shared.tasks.wait().await;
    }

    pub(crate) fn shared_name(&self) -> Arc<str> {
        self.pool.shared.name.clone()
    }

    /// Writes a line about the function to its sink.
    pub(crate) fn note(&self, text: String) {
        let line = LogLine {
            function: self.shared_name(),
            process: 0,
            stream: LogStream::Stderr,
            text,
        };
        self.pool.shared.spec.logs.clone().unwrap_or_default().write(line);
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.pool.shared.spec.timeout
    }

    pub(crate) fn inject(&self, fault: FunctionFault, times: usize) {
        self.pool.faults.add(fault, times);
    }

    /// Kills every process that is busy now.
    pub(crate) fn kill_busy(&self) {
        self.pool.shared.kill_busy();
    }
}

impl fmt::Debug for FunctionPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (processes, waiting) = {
            let queue = self.pool.shared.queue();
            (queue.processes(), queue.waiting())
        };
        f.debug_struct("FunctionPool")
            .field("name", &self.name())
            .field("processes", &processes)
            .field("waiting", &waiting)
            .finish_non_exhaustive()
    }
}

impl Pool {
    fn permit(&self) -> Result<Option<OwnedSemaphorePermit>, InvokeError> {
        let permits = self.permits.clone();
        permits
            .map(|all| all.try_acquire_owned().map_err(|_| InvokeError::Throttled))
            .transpose()
    }

    fn submit(self: &Arc<Self>, invocation: Invocation) {
        let dispatch = self.shared.queue().submit(invocation);
        match dispatch {
            Dispatch::Assigned => {}
            Dispatch::Queued => self.grow(),
            Dispatch::AwaitingPoll => {
                let this = self.clone();
                self.shared.tasks.spawn(async move {
                    tokio::select! {
                        () = sleep(POLL_GAP) => this.grow(),
                        () = this.shared.stopped.cancelled() => {}
                    }
                });
            }
        }
    }

    /// Starts the processes that the waiting invocations need, as far as the concurrency allows.
    fn grow(self: &Arc<Self>) {
        let shared = &self.shared;
        if shared.stopped.is_cancelled() {
            return shared.queue().clear();
        }
        let keys = shared
            .queue()
            .grow(shared.spec.invocations_per_process, shared.spec.concurrency);
        for key in keys {
            self.spawn(key, None);
        }
    }

    fn spawn(self: &Arc<Self>, key: Key, init: Option<InitResult>) {
        let this = self.clone();
        self.shared.tasks.spawn(async move {
            let result = process::run(this.shared.clone(), key, init).await;
            this.ended(key, result);
        });
    }

    /// Replaces a process that has ended. If it ended during its init, the invocations that waited for it fail:
    /// otherwise a function that cannot start would be started forever.
    fn ended(self: &Arc<Self>, key: Key, init: Result<(), String>) {
        self.shared.queue().ended(key);
        if let Err(reason) = init {
            for _ in 0..self.shared.spec.invocations_per_process {
                let waiting = self.shared.queue().take_waiting();
                if let Some(invocation) = waiting {
                    let reason = reason.clone();
                    invocation.reply.send(InvokeError::Init { reason });
                }
            }
        }
        self.grow();
    }
}
