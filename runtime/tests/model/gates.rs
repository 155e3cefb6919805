//! Where calls of the registry and of the transport wait until they are let through, one at a time.

use std::future::poll_fn;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};

use crate::steps::{Fault, Plan};

#[derive(Clone, Debug, Default)]
pub(crate) struct Gates(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// In the order of their coming.
    waiting: Vec<Call>,
}

/// A call that has not had its effect.
#[derive(Debug)]
struct Call {
    number: u64,
    act: usize,
    /// Which call of its invocation it is.
    of_act: u32,
    is_open: bool,
    waker: Option<Waker>,
}

impl Gates {
    /// The calls that wait: of which invocation, and which of its calls.
    pub(crate) fn waiting(&self) -> Vec<(usize, u32)> {
        let state = self.state();
        let closed = state.waiting.iter().filter(|call| !call.is_open);
        closed.map(|call| (call.act, call.of_act)).collect()
    }

    pub(crate) fn is_anyone_waiting(&self) -> bool {
        self.state().waiting.iter().any(|call| !call.is_open)
    }

    /// Lets a waiting call through.
    pub(crate) fn open(&self, act: usize, of_act: u32) {
        let waker = {
            let mut state = self.state();
            let mut waiting = state.waiting.iter_mut();
            let call = waiting.find(|call| (call.act, call.of_act) == (act, of_act));
            let call = call.unwrap();
            call.is_open = true;
            call.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn enter(&self, act: usize, of_act: u32) -> Place {
        let mut state = self.state();
        state.next += 1;
        let number = state.next;
        let (is_open, waker) = (false, None);
        state.waiting.push(Call {
            number,
            act,
            of_act,
            is_open,
            waker,
        });
        Place {
            gates: self.clone(),
            number,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

/// The place of a call among those that wait, until it is let through or given up.
struct Place {
    gates: Gates,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let number = self.number;
        self.gates.state().waiting.retain(|call| call.number != number);
    }
}

/// How an invocation reaches the registry and the transport.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    gates: Option<Gates>,
    pub(crate) act: usize,
    plan: Arc<Plan>,
    calls: Arc<AtomicU32>,
}

tokio::task_local! {
    static CURRENT: Line;
}

impl Line {
    pub(crate) fn new(gates: &Gates, act: usize, plan: &Plan) -> Self {
        Self {
            gates: Some(gates.clone()),
            act,
            plan: Arc::new(plan.clone()),
            calls: Arc::default(),
        }
    }

    /// A line on which nobody waits and nothing goes wrong.
    pub(crate) fn open() -> Self {
        Self {
            gates: None,
            act: usize::MAX,
            plan: Arc::default(),
            calls: Arc::default(),
        }
    }

    /// Runs an invocation, which uses this line.
    pub(crate) async fn scope<T>(&self, invocation: impl Future<Output = T>) -> T {
        CURRENT.scope(self.clone(), invocation).await
    }

    /// The line of the invocation that runs.
    pub(crate) fn current() -> Self {
        CURRENT.try_with(Clone::clone).unwrap_or_else(|_| Self::open())
    }

    /// Waits for its turn. Returns what goes wrong then.
    pub(crate) async fn pass(&self) -> Option<Fault> {
        let gates = self.gates.as_ref()?;
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let place = gates.enter(self.act, call);
        poll_fn(|cx| {
            let mut state = gates.state();
            let mut waiting = state.waiting.iter_mut();
            let own = waiting.find(|call| call.number == place.number).unwrap();
            own.waker = Some(cx.waker().clone());
            if own.is_open {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        self.plan.fault(call)
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.plan.is_clean()
    }

    /// Whether the invocation is killed just before it answers.
    pub(crate) fn loses_answer(&self) -> bool {
        self.plan.killed_at == Some(self.calls.load(Ordering::Relaxed))
    }

    pub(crate) fn is_killed_at(&self, call: u32) -> bool {
        self.plan.killed_at == Some(call)
    }
}
