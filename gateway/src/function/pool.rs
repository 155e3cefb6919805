//! A running function, as its callers see it.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use super::{
    error::{InvokeError, StartFunctionError},
    fault::{FaultQueue, FunctionFault},
    generation::Generation,
    invocation::Outcome,
    log::{LogLine, LogStream},
    queue::ProcessInfo,
    spec::Function,
};
use crate::{ids, usage::FunctionUsage};

/// A running function: as many processes as its concurrency allows, started as they are needed.
///
/// On its own this is Lambda without API Gateway: [`Function::start`] it, and [`invoke`](Self::invoke) it with events
/// of your own. Dropping it kills the processes.
pub struct FunctionPool {
    name: Arc<str>,
    current: Mutex<Arc<Generation>>,
    faults: FaultQueue,
    /// Cancelled when the function is shut down, in all its versions.
    stopped: CancellationToken,
    tasks: TaskTracker,
    usage: Arc<FunctionUsage>,
    _stop: DropGuard,
}

impl Function {
    /// Starts a first process and waits until it asks for an event.
    ///
    /// # Errors
    ///
    /// If the program is missing or cannot be executed, if Lambda reserves the name of a variable, or if the process
    /// ends, reports an error or stays silent during its init.
    pub async fn start(self) -> Result<FunctionPool, StartFunctionError> {
        let (stopped, tasks) = (CancellationToken::new(), TaskTracker::new());
        let usage = Arc::<FunctionUsage>::default();
        let first = Generation::start(self, stopped.child_token(), tasks.clone(), usage.clone()).await?;
        Ok(FunctionPool {
            name: first.shared().name.clone(),
            current: Mutex::new(Arc::new(first)),
            faults: FaultQueue::default(),
            _stop: stopped.clone().drop_guard(),
            stopped,
            tasks,
            usage,
        })
    }
}

impl FunctionPool {
    /// Returns the function's name, which the processes see as `AWS_LAMBDA_FUNCTION_NAME`.
    pub fn name(&self) -> &str {
        &self.name
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
        let fault = self.faults.next();
        match fault {
            Some(FunctionFault::Throttle) => return InvokeError::Throttled.into(),
            Some(FunctionFault::Error) => {
                let payload =
                    br#"{"errorType":"InjectedFault","errorMessage":"this error was injected by a test"}"#;
                return InvokeError::from_payload(Bytes::from_static(payload), None).into();
            }
            _ => {}
        }
        self.current().invoke(request_id, event, fault).await
    }

    /// Replaces the function by another version of it: starts a first process of that, and from then on invokes it.
    /// What the old version is working on it works on to its end, as long as somebody waits for the answer.
    ///
    /// # Errors
    ///
    /// As [`Function::start`]. Then the old version goes on.
    pub async fn replace(&self, function: Function) -> Result<(), StartFunctionError> {
        let (stopped, tasks) = (self.stopped.child_token(), self.tasks.clone());
        let next = Generation::start(function, stopped, tasks, self.usage.clone());
        let next = Arc::new(next.await?);
        // The old one ends outside of the lock.
        let _old = std::mem::replace(&mut *self.current.lock(), next);
        Ok(())
    }

    fn current(&self) -> Arc<Generation> {
        self.current.lock().clone()
    }

    /// Returns the processes that have finished their init, the oldest first.
    pub fn processes(&self) -> Vec<ProcessInfo> {
        self.current().shared().queue().processes()
    }

    /// Kills all processes, and waits until they are gone.
    pub async fn shutdown(self) {
        self.stop();
        self.stopped().await;
    }

    pub(crate) fn stop(&self) {
        self.stopped.cancel();
        self.tasks.close();
    }

    pub(crate) async fn stopped(&self) {
        self.tasks.wait().await;
    }

    pub(crate) fn shared_name(&self) -> Arc<str> {
        self.name.clone()
    }

    /// Writes a line about the function to its sink.
    pub(crate) fn note(&self, text: String) {
        let line = LogLine {
            function: self.shared_name(),
            process: 0,
            stream: LogStream::Stderr,
            text,
        };
        let logs = self.current().shared().spec.logs.clone();
        logs.unwrap_or_default().write(line);
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.current().shared().spec.timeout
    }

    /// Returns what all versions of the function have used.
    pub(crate) fn usage(&self) -> &FunctionUsage {
        &self.usage
    }

    pub(crate) fn inject(&self, fault: FunctionFault, times: usize) {
        self.faults.add(fault, times);
    }

    /// Kills every process that is busy now.
    pub(crate) fn kill_busy(&self) {
        self.current().shared().kill_busy();
    }
}

impl fmt::Debug for FunctionPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (processes, waiting) = {
            let current = self.current();
            let queue = current.shared().queue();
            (queue.processes(), queue.waiting())
        };
        f.debug_struct("FunctionPool")
            .field("name", &self.name())
            .field("processes", &processes)
            .field("waiting", &waiting)
            .finish_non_exhaustive()
    }
}
