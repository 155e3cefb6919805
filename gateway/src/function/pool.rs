//! A running function, as its callers see it.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::sleep,
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use super::{
    Function, InvokeError, StartFunctionError,
    fault::{FunctionFault, Orders},
    process::{self, Key},
    queue::{Queue, Taken},
};
use crate::ids;

/// How long a process usually takes at most from its answer until it asks again.
const RETURN: Duration = Duration::from_secs(1);

/// A running function: as many processes as its concurrency allows, started as they are needed.
///
/// This alone is Lambda without API Gateway: [`Function::start`] it, and [`invoke`](Self::invoke) it with
/// events of your own. Dropping it kills the processes.
pub struct FunctionPool {
    pool: Arc<Pool>,
    _stop: DropGuard,
}

/// A process of a function that has finished its init.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessInfo {
    /// The operating system's id of the process.
    pub id: u32,
    /// How long it took from its start until it asked for its first event.
    pub init: Duration,
}

pub(super) struct Pool {
    pub(super) name: Arc<str>,
    pub(super) spec: Function,
    pub(super) stopped: CancellationToken,
    pub(super) tasks: TaskTracker,
    /// Cancelled, and replaced, to kill whatever is at work.
    pub(super) crash: Mutex<CancellationToken>,
    orders: Orders,
    /// Permits for invocations, if those beyond the concurrency are to be refused.
    permits: Option<Arc<Semaphore>>,
    queue: Mutex<Queue>,
}

pub(super) struct Invocation {
    pub(super) request_id: String,
    pub(super) event: Bytes,
    pub(super) fault: Option<FunctionFault>,
    pub(super) reply: Reply,
}

/// Where an invocation's answer goes.
pub(super) struct Reply {
    sender: oneshot::Sender<Result<Bytes, InvokeError>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl FunctionPool {
    pub(super) async fn start(spec: Function) -> Result<Self, StartFunctionError> {
        let stopped = CancellationToken::new();
        let stop = stopped.clone().drop_guard();
        let most_at_once = spec.concurrency * spec.invocations_per_process;
        let pool = Arc::new(Pool {
            name: spec.name_or_file_name().into(),
            permits: spec
                .throttle_when_busy
                .then(|| Arc::new(Semaphore::new(most_at_once))),
            spec,
            stopped,
            tasks: TaskTracker::new(),
            crash: Mutex::default(),
            orders: Orders::default(),
            queue: Mutex::default(),
        });
        let first = pool.queue().start();
        let (ready, is_ready) = oneshot::channel();
        pool.tasks.spawn(process::run(pool.clone(), first, Some(ready)));
        match is_ready.await {
            Ok(Ok(())) => Ok(Self { pool, _stop: stop }),
            Ok(Err(error)) => Err(error),
            Err(_) => unreachable!("a process task reports its start before it ends"),
        }
    }

    /// `AWS_LAMBDA_FUNCTION_NAME` of the processes.
    pub fn name(&self) -> &str {
        &self.pool.name
    }

    /// Invokes the function with `event`, JSON as a rule, and waits for the answer: its bytes as the function
    /// wrote them.
    ///
    /// # Errors
    ///
    /// If the function answers with an error, crashes, takes longer than its timeout, or cannot be started
    /// when another process is needed.
    pub async fn invoke(&self, event: impl Into<Bytes>) -> Result<Bytes, InvokeError> {
        self.invoke_as(ids::lambda_request_id(), event.into()).await
    }

    pub(crate) async fn invoke_as(&self, request_id: String, event: Bytes) -> Result<Bytes, InvokeError> {
        let fault = self.pool.orders.next();
        match fault {
            Some(FunctionFault::Throttle) => return Err(InvokeError::Throttled),
            Some(FunctionFault::Error) => {
                let payload = br#"{"errorType":"OrderedFault","errorMessage":"this error was ordered"}"#;
                return Err(InvokeError::from_payload(Bytes::from_static(payload), None));
            }
            _ => {}
        }
        while !self.pool.stopped.is_cancelled() {
            let (reply, answer) = Reply::new(self.pool.permit()?);
            let (request_id, event) = (request_id.clone(), event.clone());
            self.pool.submit(Invocation {
                request_id,
                event,
                fault,
                reply,
            });
            if let Ok(answer) = answer.await {
                return answer;
            }
            // It was given to an idle process that ended before it took it: to another one.
        }
        Err(InvokeError::Stopped)
    }

    /// The processes that have finished their init, the oldest first.
    pub fn processes(&self) -> Vec<ProcessInfo> {
        self.pool.queue().processes()
    }

    /// Kills all processes, and waits until they are gone.
    pub async fn shutdown(self) {
        self.stop();
        self.stopped().await;
    }

    pub(crate) fn stop(&self) {
        self.pool.stopped.cancel();
        self.pool.tasks.close();
    }

    pub(crate) async fn stopped(&self) {
        self.pool.tasks.wait().await;
    }

    pub(crate) fn shared_name(&self) -> Arc<str> {
        self.pool.name.clone()
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.pool.spec.timeout
    }

    pub(crate) fn order(&self, fault: FunctionFault, times: usize) {
        self.pool.orders.add(fault, times);
    }

    /// Kills every process that is at work now.
    pub(crate) fn kill_busy(&self) {
        std::mem::take(&mut *lock(&self.pool.crash)).cancel();
    }
}

impl fmt::Debug for FunctionPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (processes, waiting) = {
            let queue = self.pool.queue();
            (queue.processes(), queue.waiting())
        };
        f.debug_struct("FunctionPool")
            .field("name", &self.pool.name)
            .field("processes", &processes)
            .field("waiting", &waiting)
            .finish_non_exhaustive()
    }
}

impl Pool {
    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    fn permit(&self) -> Result<Option<OwnedSemaphorePermit>, InvokeError> {
        let permits = self.permits.clone();
        permits
            .map(|all| all.try_acquire_owned().map_err(|_| InvokeError::Throttled))
            .transpose()
    }

    fn submit(self: &Arc<Self>, invocation: Invocation) {
        let taken = self.queue().submit(invocation);
        match taken {
            Taken::AtOnce => {}
            Taken::Waiting => self.grow(),
            Taken::SoonPerhaps => {
                let this = self.clone();
                self.tasks.spawn(async move {
                    tokio::select! {
                        () = sleep(RETURN) => this.grow(),
                        () = this.stopped.cancelled() => {}
                    }
                });
            }
        }
    }

    /// Starts the processes that the waiting invocations need, as far as the concurrency allows.
    fn grow(self: &Arc<Self>) {
        if self.stopped.is_cancelled() {
            return self.queue().clear();
        }
        let keys = self
            .queue()
            .grow(self.spec.invocations_per_process, self.spec.concurrency);
        for key in keys {
            self.tasks.spawn(process::run(self.clone(), key, None));
        }
    }

    /// A process has ended. If that was during its init, the invocations that waited for it fail: otherwise a
    /// function that cannot start would be started forever.
    pub(super) fn ended(self: &Arc<Self>, key: Key, init: Result<(), InvokeError>) {
        self.queue().ended(key);
        if let Err(error) = init {
            for _ in 0..self.spec.invocations_per_process {
                let waiting = self.queue().take_waiting();
                if let Some(invocation) = waiting {
                    invocation.reply.send(Err(error.clone()));
                }
            }
        }
        self.grow();
    }
}

impl Reply {
    pub(super) fn new(
        permit: Option<OwnedSemaphorePermit>,
    ) -> (Self, oneshot::Receiver<Result<Bytes, InvokeError>>) {
        let (sender, answer) = oneshot::channel();
        (Self { sender, permit }, answer)
    }

    pub(super) fn send(self, answer: Result<Bytes, InvokeError>) {
        // Whoever has the answer may invoke again.
        drop(self.permit);
        // The caller may have given up.
        let _ = self.sender.send(answer);
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.sender.is_closed()
    }
}

/// Nothing panics while it holds one of our locks, so a poisoned one is as good as any.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
