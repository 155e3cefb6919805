//! Faults of a function, ordered by a test.

use std::{collections::VecDeque, sync::Mutex};

use super::pool::lock;

/// What goes wrong with an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FunctionFault {
    /// Lambda refuses it: too many at once. The function is not called.
    Throttle,
    /// The function answers with an error document. It is not called.
    Error,
    /// The process is killed before it gets the event: nothing of the work is done.
    CrashBefore,
    /// The process is killed when it has answered, and the answer is lost: all of the work is done, and
    /// nobody knows.
    CrashAfter,
    /// The function works, its answer comes too late, and the process is killed: the timeout, without the
    /// wait.
    TimeOut,
}

#[derive(Default)]
pub(super) struct Orders(Mutex<VecDeque<FunctionFault>>);

impl Orders {
    pub(super) fn add(&self, fault: FunctionFault, times: usize) {
        lock(&self.0).extend(std::iter::repeat_n(fault, times));
    }

    pub(super) fn next(&self) -> Option<FunctionFault> {
        lock(&self.0).pop_front()
    }
}
