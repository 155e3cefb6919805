//! One invocation: the event, and where the answer goes.

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{error::InvokeError, fault::FunctionFault};

pub(super) struct Invocation {
    pub(super) request_id: String,
    pub(super) event: Bytes,
    pub(super) fault: Option<FunctionFault>,
    pub(super) reply: Reply,
}

/// Sends an invocation's answer to its caller.
pub(super) struct Reply {
    sender: oneshot::Sender<Result<Bytes, InvokeError>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Reply {
    pub(super) fn new(
        permit: Option<OwnedSemaphorePermit>,
    ) -> (Self, oneshot::Receiver<Result<Bytes, InvokeError>>) {
        let (sender, answer) = oneshot::channel();
        (Self { sender, permit }, answer)
    }

    pub(super) fn send(self, answer: Result<Bytes, InvokeError>) {
        // A caller that has its answer may invoke again, so the permit goes first.
        drop(self.permit);
        // The caller may have given up.
        let _ = self.sender.send(answer);
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.sender.is_closed()
    }
}
