//! Faults of a function, injected by a test.

use std::collections::VecDeque;

use parking_lot::Mutex;

/// What goes wrong with an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FunctionFault {
    /// Lambda refuses the invocation because there are too many at once. The function is not called.
    Throttle,
    /// The function answers with an error document. It is not called.
    Error,
    /// The process is killed before it gets the event, so none of the work is done.
    CrashBefore,
    /// The process is killed after it has answered, and the answer is lost: all of the work is done, and the caller
    /// does not learn of it.
    CrashAfter,
    /// The function does its work, its answer comes too late, and the process is killed. A timeout without the wait.
    TimeOut,
}

/// The faults to inject, in their order.
#[derive(Default)]
pub(super) struct FaultQueue(Mutex<VecDeque<FunctionFault>>);

impl FaultQueue {
    pub(super) fn add(&self, fault: FunctionFault, times: usize) {
        self.0.lock().extend(std::iter::repeat_n(fault, times));
    }

    pub(super) fn next(&self) -> Option<FunctionFault> {
        self.0.lock().pop_front()
    }
}
