//! What the processes of one version of a function share.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{queue::Queue, spec::Function};
use crate::usage::FunctionUsage;

pub(super) struct Shared {
    pub(super) name: Arc<str>,
    pub(super) spec: Function,
    /// Cancelled when this version of the function is shut down.
    pub(super) stopped: CancellationToken,
    pub(super) tasks: TaskTracker,
    pub(super) usage: Arc<FunctionUsage>,
    /// Cancelled, and replaced, to kill the processes that are busy.
    crash: Mutex<CancellationToken>,
    queue: Mutex<Queue>,
}

impl Shared {
    pub(super) fn new(
        spec: Function,
        stopped: CancellationToken,
        tasks: TaskTracker,
        usage: Arc<FunctionUsage>,
    ) -> Self {
        Self {
            name: spec.name_or_file_name().into(),
            spec,
            stopped,
            tasks,
            usage,
            crash: Mutex::default(),
            queue: Mutex::default(),
        }
    }

    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock()
    }

    /// Returns the token that is cancelled to kill the processes that are busy now.
    pub(super) fn crash(&self) -> CancellationToken {
        self.crash.lock().clone()
    }

    /// Kills every process that is busy now.
    pub(super) fn kill_busy(&self) {
        std::mem::take(&mut *self.crash.lock()).cancel();
    }
}
