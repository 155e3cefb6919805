//! The processes of one version of a function: as many as its concurrency allows, started as they are needed.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    sync::{
        OwnedSemaphorePermit, Semaphore,
        oneshot::{self, error::RecvError},
    },
    time::{Instant, timeout},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use super::{
    environment,
    error::{InvokeError, StartFunctionError},
    fault::FunctionFault,
    invocation::{Invocation, Outcome, Reply},
    process::{self, InitResult},
    queue::{Dispatch, Key},
    shared::Shared,
    spec::Function,
};
use crate::usage::FunctionUsage;

/// The longest time that a process usually takes between an answer and its next poll.
const POLL_GAP: Duration = Duration::from_secs(1);

/// One version of a function. Dropping it kills its processes, so whoever waits for an answer holds it.
pub(super) struct Generation {
    processes: Arc<Processes>,
    _stop: DropGuard,
}

struct Processes {
    shared: Arc<Shared>,
    /// Permits for invocations, if those beyond the concurrency are refused.
    permits: Option<Arc<Semaphore>>,
}

impl Generation {
    /// Starts a first process and waits until it asks for an event. Cancelling `stopped` kills all processes, and
    /// `tasks` is what runs until they are gone, and `usage` counts what they use.
    ///
    /// # Errors
    ///
    /// As [`Function::start`].
    pub(super) async fn start(
        spec: Function,
        stopped: CancellationToken,
        tasks: TaskTracker,
        usage: Arc<FunctionUsage>,
    ) -> Result<Self, StartFunctionError> {
        if let Some(variable) = environment::reserved(&spec) {
            let name = spec.name_or_file_name();
            return Err(StartFunctionError::ReservedVariable { name, variable });
        }
        let stop = stopped.clone().drop_guard();
        let most_at_once = spec.concurrency * spec.invocations_per_process;
        let processes = Arc::new(Processes {
            permits: spec
                .throttle_when_busy
                .then(|| Arc::new(Semaphore::new(most_at_once))),
            shared: Arc::new(Shared::new(spec, stopped, tasks, usage)),
        });
        let first = processes.shared.queue().start();
        let (init, init_over) = oneshot::channel();
        processes.spawn(first, Some(init));
        match init_over.await {
            Ok(result) => result.map(|()| Self {
                processes,
                _stop: stop,
            }),
            Err(_) => unreachable!("a process task reports its init before it ends"),
        }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.processes.shared
    }

    pub(super) async fn invoke(
        &self,
        request_id: String,
        event: Bytes,
        fault: Option<FunctionFault>,
    ) -> Outcome {
        while !self.shared().stopped.is_cancelled() {
            let permit = match self.processes.permit() {
                Ok(permit) => permit,
                Err(error) => return error.into(),
            };
            let (reply, outcome) = Reply::new(permit);
            let (request_id, event) = (request_id.clone(), event.clone());
            let invocation = Invocation {
                request_id,
                event,
                fault,
                reply,
                submitted: Instant::now(),
            };
            if let Ok(outcome) = self.processes.run(invocation, outcome).await {
                return outcome;
            }
            // The idle process that it was given to ended before it took it: try another one.
        }
        InvokeError::Stopped.into()
    }
}

impl Processes {
    fn permit(&self) -> Result<Option<OwnedSemaphorePermit>, InvokeError> {
        let permits = self.permits.clone();
        permits
            .map(|all| all.try_acquire_owned().map_err(|_| InvokeError::Throttled))
            .transpose()
    }

    /// Submits the invocation, sees to it that a process will take it, and waits for its outcome.
    async fn run(
        self: &Arc<Self>,
        invocation: Invocation,
        mut outcome: oneshot::Receiver<Outcome>,
    ) -> Result<Outcome, RecvError> {
        let dispatch = self.shared.queue().submit(invocation);
        match dispatch {
            Dispatch::Assigned => {}
            Dispatch::Queued => self.grow(),
            Dispatch::AwaitingPoll => {
                if let Ok(outcome) = timeout(POLL_GAP, &mut outcome).await {
                    return outcome;
                }
                // It may have been taken since then.
                if self.shared.queue().longest_wait() >= POLL_GAP {
                    self.grow();
                }
            }
        }
        outcome.await
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
