//! The processes of one function, and the invocations that wait for them.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Function, InvokeError, StartFunctionError,
    fault::{FunctionFault, Orders},
    process,
};
use crate::ids;

/// A running function: as many processes as its concurrency allows, started as they are needed.
///
/// This alone is Lambda without API Gateway: [`Function::start`] it, and [`invoke`](Self::invoke) it with
/// events of your own. Dropping it kills the processes.
pub struct FunctionPool {
    pool: Arc<Pool>,
    _stop: tokio_util::sync::DropGuard,
}

/// How long a process usually takes at most from its answer until it asks again.
const RETURN: Duration = Duration::from_secs(1);

pub(super) struct Pool {
    pub(super) name: Arc<str>,
    pub(super) spec: Function,
    pub(super) stopped: CancellationToken,
    pub(super) tasks: TaskTracker,
    pub(super) orders: Orders,
    /// Cancelled, and replaced, to kill whatever is at work.
    pub(super) crash: Mutex<CancellationToken>,
    /// Permits for invocations, if those beyond the concurrency are to be refused.
    permits: Option<Arc<Semaphore>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Invocation>,
    /// Processes that asked for an event; the last one that asked is the first to be used, as it is warm.
    idle: Vec<Idle>,
    starting: usize,
    /// Polls that are about to come: their processes have just answered.
    returning: usize,
    alive: usize,
    ready: Vec<ProcessInfo>,
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

struct Idle {
    slot: oneshot::Sender<Invocation>,
    /// Cancelled when its process is about to be killed.
    kill: CancellationToken,
}

/// Where an invocation's answer goes.
pub(super) struct Reply {
    sender: oneshot::Sender<Result<Bytes, InvokeError>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Reply {
    pub(super) fn send(self, answer: Result<Bytes, InvokeError>) {
        // Whoever has the answer may invoke again.
        drop(self.permit);
        // The caller may have given up.
        let _ = self.sender.send(answer);
    }
}

pub(super) struct Invocation {
    pub(super) request_id: String,
    pub(super) event: Bytes,
    pub(super) fault: Option<FunctionFault>,
    pub(super) reply: Reply,
}

impl FunctionPool {
    pub(super) async fn start(spec: Function) -> Result<Self, StartFunctionError> {
        let name: Arc<str> = spec.name_or_file_name().into();
        let stopped = CancellationToken::new();
        let stop = stopped.clone().drop_guard();
        let permits = spec
            .throttle_when_busy
            .then(|| Arc::new(Semaphore::new(spec.concurrency * spec.invocations_per_process)));
        let pool = Arc::new(Pool {
            permits,
            name,
            spec,
            stopped,
            tasks: TaskTracker::new(),
            orders: Orders::default(),
            crash: Mutex::default(),
            state: Mutex::default(),
        });
        pool.state().spawned();
        let (ready, is_ready) = oneshot::channel();
        pool.tasks.spawn(process::run(pool.clone(), Some(ready)));
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
        let permit = match &self.pool.permits {
            Some(permits) => Some(
                permits
                    .clone()
                    .try_acquire_owned()
                    .map_err(|_| InvokeError::Throttled)?,
            ),
            None => None,
        };
        let (sender, answer) = oneshot::channel();
        let reply = Reply { sender, permit };
        self.pool.submit(Invocation {
            request_id,
            event,
            fault,
            reply,
        })?;
        answer.await.unwrap_or(Err(InvokeError::Stopped))
    }

    /// The processes that are ready or at work, the oldest first.
    pub fn processes(&self) -> Vec<ProcessInfo> {
        self.pool.state().ready.clone()
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
        let (alive, waiting) = {
            let state = self.pool.state();
            (state.alive, state.waiting.len())
        };
        f.debug_struct("FunctionPool")
            .field("name", &self.pool.name)
            .field("processes", &alive)
            .field("waiting", &waiting)
            .finish_non_exhaustive()
    }
}

impl Pool {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn submit(self: &Arc<Self>, invocation: Invocation) -> Result<(), InvokeError> {
        if self.stopped.is_cancelled() {
            return Err(InvokeError::Stopped);
        }
        let mut state = self.state();
        let Err(invocation) = state.hand_over(invocation) else {
            return Ok(());
        };
        state.waiting.push_back(invocation);
        if state.returning >= state.waiting.len() {
            // As good as idle, as a rule; no reason for a cold start.
            let this = self.clone();
            self.tasks.spawn(async move {
                tokio::time::sleep(RETURN).await;
                this.grow(&mut this.state());
            });
        } else {
            self.grow(&mut state);
        }
        Ok(())
    }

    /// A process has answered, and will ask for the next event.
    pub(super) fn answered(&self) {
        self.state().returning += 1;
    }

    /// It has asked, or ended, `times` after it answered.
    pub(super) fn returned(&self, times: usize) {
        self.state().returning -= times;
    }

    /// Starts the processes that the waiting invocations need, as far as the concurrency allows.
    fn grow(self: &Arc<Self>, state: &mut State) {
        while !self.stopped.is_cancelled()
            && state.alive < self.spec.concurrency
            && state.waiting.len() > state.starting * self.spec.invocations_per_process
        {
            state.spawned();
            self.tasks.spawn(process::run(self.clone(), None));
        }
    }

    /// The next event for a process that asks for one, and that `kill` will end.
    pub(super) async fn next(&self, kill: &CancellationToken) -> Option<Invocation> {
        let event = {
            let mut state = self.state();
            if let Some(invocation) = state.take_waiting() {
                return Some(invocation);
            }
            let (slot, event) = oneshot::channel();
            state.idle.push(Idle {
                slot,
                kill: kill.clone(),
            });
            event
        };
        event.await.ok()
    }

    /// A process has finished its init.
    pub(super) fn started(&self, process: ProcessInfo) {
        let mut state = self.state();
        state.starting -= 1;
        state.ready.push(process);
    }

    /// A process has ended. If that was during its init, an invocation that waited for it fails: otherwise a
    /// function that cannot start would be started forever.
    pub(super) fn ended(self: &Arc<Self>, id: Option<u32>, init: Result<(), InvokeError>) {
        let mut state = self.state();
        state.alive -= 1;
        state.ready.retain(|process| Some(process.id) != id);
        if let Err(error) = init {
            state.starting -= 1;
            for _ in 0..self.spec.invocations_per_process {
                if let Some(invocation) = state.take_waiting() {
                    invocation.reply.send(Err(error.clone()));
                }
            }
        }
        if self.stopped.is_cancelled() {
            state.waiting.clear();
            state.idle.clear();
        }
        self.grow(&mut state);
    }
}

impl State {
    fn spawned(&mut self) {
        self.starting += 1;
        self.alive += 1;
    }

    /// Gives the invocation to an idle process, or back; processes that died while idle, or will at once, are
    /// skipped.
    fn hand_over(&mut self, mut invocation: Invocation) -> Result<(), Invocation> {
        while let Some(idle) = self.idle.pop() {
            if idle.kill.is_cancelled() {
                continue;
            }
            match idle.slot.send(invocation) {
                Ok(()) => return Ok(()),
                Err(back) => invocation = back,
            }
        }
        Err(invocation)
    }

    /// The first waiting invocation whose caller still waits.
    fn take_waiting(&mut self) -> Option<Invocation> {
        std::iter::from_fn(|| self.waiting.pop_front())
            .find(|invocation| !invocation.reply.sender.is_closed())
    }
}

/// Nothing panics while it holds one of our locks, so a poisoned one is as good as any.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
