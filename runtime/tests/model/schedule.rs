//! Invocations at the same time: which of them goes on next, and when time passes.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use crate::gates::{Gates, Line};

/// A byte at least as high lets time pass instead of a call through: this many seconds, one after the other.
pub(crate) const WAITS_FROM: u8 = 236;
const WAITS: [u64; 5] = [1, 3, 10, 16, 31];

pub(crate) struct Running<'a> {
    pub(crate) line: Line,
    /// `None` after its end.
    pub(crate) work: Option<Pin<Box<dyn Future<Output = ()> + 'a>>>,
}

/// Runs all of `running` to their end, interleaved as `schedule` says, and tells which ones were killed.
pub(crate) async fn run(
    gates: &Gates,
    running: &mut [Running<'_>],
    schedule: &[u8],
    mut killed: impl FnMut(usize),
) {
    let mut schedule = schedule.iter().copied();
    loop {
        // Without a call that waits, timers go on, and the paused time with them.
        poll_fn(|cx| {
            let mut is_done = true;
            for one in running.iter_mut() {
                if let Some(work) = &mut one.work {
                    match work.as_mut().poll(cx) {
                        Poll::Ready(()) => one.work = None,
                        Poll::Pending => is_done = false,
                    }
                }
            }
            if is_done || gates.is_anyone_waiting() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        let waiting = gates.waiting();
        if waiting.is_empty() {
            return;
        }
        let choice = schedule.next().unwrap_or(0);
        if choice >= WAITS_FROM {
            let wait = WAITS[usize::from(choice - WAITS_FROM) % WAITS.len()];
            tokio::time::advance(Duration::from_secs(wait)).await;
            continue;
        }
        let (act, call) = waiting[usize::from(choice) % waiting.len()];
        let one = running.iter_mut().find(|one| one.line.act == act).unwrap();
        if one.line.is_killed_at(call) {
            one.work = None;
            killed(act);
        } else {
            gates.open(act, call);
        }
    }
}
