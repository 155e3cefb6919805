//! The invocations that wait, and the processes that could take them. Does no I/O: it returns what is to be done.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::invocation::Invocation;

/// Tells the processes of a function apart.
pub(super) type Key = u64;

/// A process of a function that has finished its init.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessInfo {
    /// The operating system's id of the process.
    pub id: u32,
    /// The time from the start of the process until it asked for its first event.
    pub init: Duration,
}

#[derive(Default)]
pub(super) struct Queue {
    waiting: VecDeque<Invocation>,
    /// Processes that asked for an event. The last one that asked is used first, because it is warm.
    idle: Vec<Idle>,
    processes: BTreeMap<Key, ProcessState>,
    last_key: Key,
}

struct Idle {
    slot: oneshot::Sender<Invocation>,
    /// Cancelled to kill its process.
    kill: CancellationToken,
}

/// A process that has not ended.
#[derive(Default)]
struct ProcessState {
    /// Known once the process has finished its init.
    info: Option<ProcessInfo>,
    /// How many answers the process has given without asking again since.
    answers: usize,
}

/// What happened to an invocation that was submitted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Dispatch {
    /// An idle process has it.
    Assigned,
    /// It waits for a process that has just answered, and will ask again in no time.
    AwaitingPoll,
    /// It waits for a process to become idle or to be started.
    Queued,
}

impl Queue {
    /// Gives the invocation to an idle process, or lets it wait. Skips processes that died while idle, or are about
    /// to.
    pub(super) fn submit(&mut self, mut invocation: Invocation) -> Dispatch {
        while let Some(idle) = self.idle.pop() {
            if idle.kill.is_cancelled() {
                continue;
            }
            match idle.slot.send(invocation) {
                Ok(()) => return Dispatch::Assigned,
                Err(back) => invocation = back,
            }
        }
        self.waiting.push_back(invocation);
        let returning: usize = self.processes.values().map(|process| process.answers).sum();
        if returning >= self.waiting.len() {
            Dispatch::AwaitingPoll
        } else {
            Dispatch::Queued
        }
    }

    /// Returns the keys of the processes to start for the invocations that wait, when each process takes `at_once` of
    /// them and at most `limit` processes may run.
    pub(super) fn grow(&mut self, at_once: usize, limit: usize) -> Vec<Key> {
        let mut new = Vec::new();
        let mut starting = self
            .processes
            .values()
            .filter(|process| process.info.is_none())
            .count();
        while self.processes.len() < limit && self.waiting.len() > starting * at_once {
            new.push(self.start());
            starting += 1;
        }
        new
    }

    /// Returns the key of one process to start.
    pub(super) fn start(&mut self) -> Key {
        self.last_key += 1;
        self.processes.insert(self.last_key, ProcessState::default());
        self.last_key
    }

    /// Notes that a process has finished its init.
    pub(super) fn started(&mut self, key: Key, info: ProcessInfo) {
        if let Some(process) = self.processes.get_mut(&key) {
            process.info = Some(info);
        }
    }

    /// Returns the channel on which a process gets its next event, now or later. `kill` is the token that ends the
    /// process.
    pub(super) fn next(&mut self, key: Key, kill: &CancellationToken) -> oneshot::Receiver<Invocation> {
        if let Some(process) = self.processes.get_mut(&key) {
            process.answers = process.answers.saturating_sub(1);
        }
        let (slot, event) = oneshot::channel();
        match self.take_waiting() {
            // The receiver is still here.
            Some(invocation) => drop(slot.send(invocation)),
            None => self.idle.push(Idle {
                slot,
                kill: kill.clone(),
            }),
        }
        event
    }

    /// Notes that a process has answered, and will ask again.
    pub(super) fn answered(&mut self, key: Key) {
        if let Some(process) = self.processes.get_mut(&key) {
            process.answers += 1;
        }
    }

    /// Notes that a process has ended.
    pub(super) fn ended(&mut self, key: Key) {
        self.processes.remove(&key);
    }

    /// Takes the first waiting invocation whose caller still waits.
    pub(super) fn take_waiting(&mut self) -> Option<Invocation> {
        std::iter::from_fn(|| self.waiting.pop_front()).find(|invocation| !invocation.reply.is_given_up())
    }

    /// Drops everything that waits, invocations and processes.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.idle.clear();
    }

    /// Returns the processes that have finished their init, the oldest first.
    pub(super) fn processes(&self) -> Vec<ProcessInfo> {
        self.processes
            .values()
            .filter_map(|process| process.info)
            .collect()
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Returns how long the first of the waiting invocations has waited.
    pub(super) fn longest_wait(&self) -> Duration {
        self.waiting
            .front()
            .map_or(Duration::ZERO, |first| first.submitted.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{
        super::invocation::{Outcome, Reply},
        *,
    };
    use tokio::time::Instant;

    type Answer = oneshot::Receiver<Outcome>;

    fn invocation(name: &str) -> (Invocation, Answer) {
        let (reply, answer) = Reply::new(None);
        (
            Invocation {
                request_id: name.to_owned(),
                event: Bytes::new(),
                fault: None,
                reply,
                submitted: Instant::now(),
            },
            answer,
        )
    }

    fn ready(queue: &mut Queue, id: u32) -> Key {
        let key = queue.start();
        queue.started(
            key,
            ProcessInfo {
                id,
                init: Duration::ZERO,
            },
        );
        key
    }

    fn name(event: &mut oneshot::Receiver<Invocation>) -> Option<String> {
        event.try_recv().ok().map(|invocation| invocation.request_id)
    }

    #[test]
    fn the_process_that_asked_last_gets_the_next_invocation() {
        let (mut queue, kill) = (Queue::default(), CancellationToken::new());
        let (first, second) = (ready(&mut queue, 1), ready(&mut queue, 2));
        let (mut of_first, mut of_second) = (queue.next(first, &kill), queue.next(second, &kill));
        let (a, _answer) = invocation("a");
        assert_eq!(queue.submit(a), Dispatch::Assigned);
        assert_eq!(
            (name(&mut of_first), name(&mut of_second).as_deref()),
            (None, Some("a"))
        );
    }

    #[test]
    fn what_waits_is_served_in_its_order_without_those_who_gave_up() {
        let (mut queue, kill) = (Queue::default(), CancellationToken::new());
        let key = ready(&mut queue, 1);
        let (a, _answer_a) = invocation("a");
        let (b, answer_b) = invocation("b");
        let (c, _answer_c) = invocation("c");
        for waiting in [a, b, c] {
            assert_eq!(queue.submit(waiting), Dispatch::Queued);
        }
        drop(answer_b);
        assert_eq!(name(&mut queue.next(key, &kill)).as_deref(), Some("a"));
        assert_eq!(name(&mut queue.next(key, &kill)).as_deref(), Some("c"));
        assert_eq!(name(&mut queue.next(key, &kill)), None);
    }

    #[test]
    fn dead_and_doomed_processes_get_nothing() {
        let (mut queue, kill) = (Queue::default(), CancellationToken::new());
        let (alive, dead, doomed) = (ready(&mut queue, 1), ready(&mut queue, 2), ready(&mut queue, 3));
        let mut of_alive = queue.next(alive, &kill);
        drop(queue.next(dead, &kill));
        let doom = CancellationToken::new();
        let mut of_doomed = queue.next(doomed, &doom);
        doom.cancel();
        let (a, _answer) = invocation("a");
        assert_eq!(queue.submit(a), Dispatch::Assigned);
        assert_eq!(
            (name(&mut of_doomed), name(&mut of_alive).as_deref()),
            (None, Some("a"))
        );
    }

    #[test]
    fn it_grows_by_what_waits_and_is_not_spoken_for() {
        let mut queue = Queue::default();
        let mut answers = Vec::new();
        let mut submit = |queue: &mut Queue| {
            let (a, answer) = invocation("a");
            answers.push(answer);
            queue.submit(a)
        };
        assert_eq!(queue.grow(1, 3), [] as [Key; 0], "nothing waits");
        submit(&mut queue);
        submit(&mut queue);
        assert_eq!(queue.grow(1, 3).len(), 2);
        assert_eq!(queue.grow(1, 3).len(), 0, "both are on their way");
        submit(&mut queue);
        submit(&mut queue);
        assert_eq!(queue.grow(1, 3).len(), 1, "and no more than the limit");
        assert_eq!(
            queue.grow(2, 9).len(),
            0,
            "three that take two each are enough for four"
        );
    }

    #[test]
    fn a_process_that_has_answered_is_as_good_as_idle_until_it_ends() {
        let (mut queue, kill) = (Queue::default(), CancellationToken::new());
        let key = ready(&mut queue, 1);
        queue.next(key, &kill);
        queue.answered(key);
        let (a, _answer_a) = invocation("a");
        assert_eq!(queue.submit(a), Dispatch::AwaitingPoll);
        let (b, _answer_b) = invocation("b");
        assert_eq!(queue.submit(b), Dispatch::Queued, "one process takes one");
        queue.ended(key);
        queue.answered(key);
        let (c, _answer_c) = invocation("c");
        assert_eq!(queue.submit(c), Dispatch::Queued);
        assert_eq!(queue.processes(), []);
    }
}
