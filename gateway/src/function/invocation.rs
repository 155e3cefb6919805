//! One invocation: the event, and where the answer goes.

use std::time::Duration;

use bytes::Bytes;
use tokio::{
    sync::{OwnedSemaphorePermit, oneshot},
    time::Instant,
};

use super::{error::InvokeError, fault::FunctionFault};

pub(super) struct Invocation {
    pub(super) request_id: String,
    pub(super) event: Bytes,
    pub(super) fault: Option<FunctionFault>,
    pub(super) reply: Reply,
    /// Since when it may have to wait for a process.
    pub(super) submitted: Instant,
}

/// How a process has run an invocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Run {
    /// Whether it was the first of its process.
    pub(crate) is_cold: bool,
    /// The time from the moment the process got the event until it answered or ended.
    pub(crate) took: Duration,
}

/// What an invocation has led to.
pub(crate) struct Outcome {
    pub(crate) answer: Result<Bytes, InvokeError>,
    /// `None` if no process got the event.
    pub(crate) run: Option<Run>,
}

/// Fails an invocation that no process got.
impl From<InvokeError> for Outcome {
    fn from(error: InvokeError) -> Self {
        let (answer, run) = (Err(error), None);
        Self { answer, run }
    }
}

/// Sends an invocation's outcome to its caller.
pub(super) struct Reply {
    sender: oneshot::Sender<Outcome>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Reply {
    pub(super) fn new(permit: Option<OwnedSemaphorePermit>) -> (Self, oneshot::Receiver<Outcome>) {
        let (sender, outcome) = oneshot::channel();
        (Self { sender, permit }, outcome)
    }

    pub(super) fn send(self, outcome: impl Into<Outcome>) {
        // A caller that has its answer may invoke again, so the permit goes first.
        drop(self.permit);
        // The caller may have given up.
        let _ = self.sender.send(outcome.into());
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.sender.is_closed()
    }
}
