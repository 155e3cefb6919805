//! What a process is working on: the events it takes, and the answers it gives.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use bytes::Bytes;
use tokio::{
    task::AbortHandle,
    time::{Instant, sleep_until},
};

use super::{
    InvokeError,
    fault::FunctionFault,
    pool::{Invocation, Reply, lock},
    process::Process,
};
use crate::ids;

/// The invocations of one process, by their request ids.
#[derive(Default)]
pub(super) struct Work(Mutex<HashMap<String, Active>>);

struct Active {
    reply: Reply,
    fault: Option<FunctionFault>,
    clock: AbortHandle,
}

/// What a process is told with an event.
pub(super) struct Delivery {
    pub(super) request_id: String,
    pub(super) event: Bytes,
    pub(super) deadline_ms: u64,
    pub(super) function_arn: String,
    pub(super) trace_id: String,
}

impl Process {
    /// Runtime API: the next event, when there is one.
    pub(super) async fn next(self: &Arc<Self>) -> Option<Delivery> {
        self.is_ready();
        if self.kill.is_cancelled() {
            return std::future::pending().await;
        }
        let event = self.pool.queue().next(self.key, &self.kill);
        let invocation = event.await.ok()?;
        if invocation.fault == Some(FunctionFault::CrashBefore) {
            // It never hears of it; that its process has ended is all that its caller learns.
            self.deliver(invocation);
            self.kill.cancel();
            return std::future::pending().await;
        }
        Some(self.deliver(invocation))
    }

    fn deliver(self: &Arc<Self>, invocation: Invocation) -> Delivery {
        let Invocation {
            request_id,
            event,
            fault,
            reply,
        } = invocation;
        let (spec, name) = (&self.pool.spec, &self.pool.name);
        let now = SystemTime::now();
        let clock = self.watch(request_id.clone(), Instant::now() + spec.timeout);
        lock(&self.work.0).insert(request_id.clone(), Active { reply, fault, clock });
        let region = spec.region.as_deref().unwrap_or("us-east-1");
        Delivery {
            event,
            deadline_ms: ids::millis(now + spec.timeout),
            function_arn: format!("arn:aws:lambda:{region}:000000000000:function:{name}"),
            trace_id: format!("{};Sampled=0", ids::trace_root_of(&request_id, now)),
            request_id,
        }
    }

    /// Ends the work on an invocation at its deadline, or the process when a test orders it.
    fn watch(self: &Arc<Self>, request_id: String, deadline: Instant) -> AbortHandle {
        let crash = lock(&self.pool.crash).clone();
        let this = self.clone();
        let watch = async move {
            tokio::select! {
                () = sleep_until(deadline) => this.time_out(&request_id),
                () = crash.cancelled() => this.kill.cancel(),
            }
        };
        self.pool.tasks.spawn(watch).abort_handle()
    }

    fn time_out(&self, request_id: &str) {
        let active = lock(&self.work.0).remove(request_id);
        if let Some(active) = active {
            active.reply.send(Err(InvokeError::TimedOut {
                after: self.pool.spec.timeout,
            }));
            // With several invocations in it, the others would die for this one.
            if self.pool.spec.invocations_per_process == 1 {
                self.kill.cancel();
            }
        }
    }

    /// Runtime API: the answer to an event. False if that event is not, or no longer, being worked on.
    pub(super) fn answer(&self, request_id: &str, answer: Result<Bytes, InvokeError>) -> bool {
        let Some(active) = lock(&self.work.0).remove(request_id) else {
            return false;
        };
        active.clock.abort();
        let answer = match active.fault {
            Some(FunctionFault::CrashAfter) => {
                self.kill.cancel();
                Err(InvokeError::Exited {
                    status: "killed by order".to_owned(),
                    last_line: None,
                })
            }
            Some(FunctionFault::TimeOut) => {
                self.kill.cancel();
                Err(InvokeError::TimedOut {
                    after: self.pool.spec.timeout,
                })
            }
            _ => {
                self.pool.queue().answered(self.key);
                answer
            }
        };
        active.reply.send(answer);
        true
    }

    /// The process has ended as `status` says, and with it all that it worked on.
    pub(super) fn fail(&self, status: &str) {
        let all: Vec<Active> = lock(&self.work.0).drain().map(|(_, active)| active).collect();
        for active in all {
            active.clock.abort();
            let (status, last_line) = (status.to_owned(), self.last_line());
            active.reply.send(Err(InvokeError::Exited { status, last_line }));
        }
    }
}
