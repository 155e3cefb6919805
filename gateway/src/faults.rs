//! Fault injection: faults of the gateway and its functions, for tests.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{
    clock::Clock,
    function::{FunctionFault, FunctionPool},
};

/// Injects faults. Returned by [`Gateway::faults`](crate::Gateway::faults); cheap to clone.
///
/// A fault with a number of times is used up by the next calls that it applies to.
#[derive(Clone, Default)]
pub struct Faults(Arc<Injected>);

#[derive(Default)]
struct Injected {
    functions: HashMap<String, Arc<FunctionPool>>,
    clock: Clock,
    denied_posts: Mutex<usize>,
    throttled_posts: Mutex<usize>,
    connections: Mutex<HashMap<String, ConnectionFaults>>,
    disconnects: Mutex<VecDeque<DisconnectFault>>,
    kill_after_posts: Mutex<Option<(String, usize)>>,
    /// Wakes stalled sockets when a pace has changed.
    pace_changed: watch::Sender<()>,
}

#[derive(Default)]
struct ConnectionFaults {
    throttled_posts: usize,
    gone: bool,
    pace: Pace,
}

/// How fast a client reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pace {
    #[default]
    Normal,
    /// Takes this long for each message.
    Slow(Duration),
    /// Reads nothing.
    Stalled,
}

enum DisconnectFault {
    Lose,
    Delay(Duration),
}

/// A fault of a call of @connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallFault {
    Denied,
    Throttled,
    Gone,
}

impl Faults {
    /// Injects `fault` into the next `times` invocations of `function`.
    ///
    /// # Panics
    ///
    /// If the gateway has no function of this name.
    pub fn function(&self, function: &str, fault: FunctionFault, times: usize) {
        self.pool(function).inject(fault, times);
    }

    /// Kills the processes of `function` that are busy now, as running out of memory would.
    ///
    /// # Panics
    ///
    /// If the gateway has no function of this name.
    pub fn kill(&self, function: &str) {
        self.pool(function).kill_busy();
    }

    /// Kills the busy processes of `function` after `posts` more messages have been posted to connections: in the
    /// middle of a broadcast.
    ///
    /// # Panics
    ///
    /// If the gateway has no function of this name.
    pub fn kill_after_posts(&self, function: &str, posts: usize) {
        self.pool(function);
        *self.0.kill_after_posts.lock() = Some((function.to_owned(), posts));
    }

    /// Answers the next `times` posts to any connection with 403, as AWS does if the function's role lacks
    /// `execute-api:ManageConnections`.
    pub fn deny_posts(&self, times: usize) {
        *self.0.denied_posts.lock() += times;
    }

    /// Answers the next `times` posts to any connection with 429.
    pub fn throttle_posts(&self, times: usize) {
        *self.0.throttled_posts.lock() += times;
    }

    /// Answers the next `times` posts to this connection with 429.
    pub fn throttle_posts_to(&self, connection_id: &str, times: usize) {
        self.with_connection(connection_id, |faults| faults.throttled_posts += times);
    }

    /// Answers every call of @connections for this connection with 410, while the client notices nothing: the state
    /// between the loss of a client and its `$disconnect`.
    pub fn gone(&self, connection_id: &str) {
        self.with_connection(connection_id, |faults| faults.gone = true);
    }

    /// Delays each message to this connection by `per_message`, in real time.
    pub fn slow(&self, connection_id: &str, per_message: Duration) {
        self.set_pace(connection_id, Pace::Slow(per_message));
    }

    /// Holds all messages to this connection until [`resume`](Self::resume): its buffer fills up, and then posts get
    /// 429.
    pub fn stall(&self, connection_id: &str) {
        self.set_pace(connection_id, Pace::Stalled);
    }

    /// Ends [`slow`](Self::slow) and [`stall`](Self::stall).
    pub fn resume(&self, connection_id: &str) {
        self.set_pace(connection_id, Pace::Normal);
    }

    /// Does not invoke `$disconnect` for the next `times` connections that end. API Gateway calls it best-effort.
    pub fn lose_disconnects(&self, times: usize) {
        self.0
            .disconnects
            .lock()
            .extend((0..times).map(|_| DisconnectFault::Lose));
    }

    /// Invokes `$disconnect` only after `delay`, by the gateway's clock, for the next `times` connections that end.
    pub fn delay_disconnects(&self, delay: Duration, times: usize) {
        self.0
            .disconnects
            .lock()
            .extend((0..times).map(|_| DisconnectFault::Delay(delay)));
    }

    pub(crate) fn new(functions: HashMap<String, Arc<FunctionPool>>, clock: Clock) -> Self {
        Self(Arc::new(Injected {
            functions,
            clock,
            ..Injected::default()
        }))
    }

    /// Returns the functions, by their names in the gateway.
    pub(crate) fn functions(&self) -> &HashMap<String, Arc<FunctionPool>> {
        &self.0.functions
    }

    /// Returns the fault of a call of @connections. A post uses up the faults of posts.
    pub(crate) fn call(&self, connection_id: &str, post: bool) -> Option<CallFault> {
        let mut denied = self.0.denied_posts.lock();
        if post && *denied > 0 {
            *denied -= 1;
            return Some(CallFault::Denied);
        }
        drop(denied);
        let mut connections = self.0.connections.lock();
        let mut faults = connections.get_mut(connection_id);
        if faults.as_ref().is_some_and(|faults| faults.gone) {
            return Some(CallFault::Gone);
        }
        if !post {
            return None;
        }
        let own = faults.as_mut().map(|faults| &mut faults.throttled_posts);
        let mut any = self.0.throttled_posts.lock();
        let left = own
            .filter(|left| **left > 0)
            .or((*any > 0).then_some(&mut *any))?;
        *left -= 1;
        Some(CallFault::Throttled)
    }

    /// Notes that a message was posted.
    pub(crate) fn posted(&self) {
        let mut pending = self.0.kill_after_posts.lock();
        if let Some((function, left)) = pending.as_mut() {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.kill(function);
                *pending = None;
            }
        }
    }

    /// Waits for the delay, if there is one, of a connection that has ended. Returns false if `$disconnect` must not be
    /// invoked.
    pub(crate) async fn delivers_disconnect(&self, ended_at: SystemTime) -> bool {
        let fault = self.0.disconnects.lock().pop_front();
        match fault {
            None => true,
            Some(DisconnectFault::Lose) => false,
            Some(DisconnectFault::Delay(delay)) => {
                self.0.clock.passes(ended_at, delay).await;
                true
            }
        }
    }

    /// Waits until the next message may leave for the connection.
    pub(crate) async fn may_leave(&self, connection_id: &str) {
        let mut changed = self.0.pace_changed.subscribe();
        loop {
            let pace = self
                .0
                .connections
                .lock()
                .get(connection_id)
                .map(|faults| faults.pace);
            match pace.unwrap_or_default() {
                Pace::Normal => return,
                Pace::Slow(per_message) => return tokio::time::sleep(per_message).await,
                // The sender lives as long as `self`.
                Pace::Stalled => drop(changed.changed().await),
            }
        }
    }

    /// Drops the faults of a connection that has ended.
    pub(crate) fn forget(&self, connection_id: &str) {
        self.0.connections.lock().remove(connection_id);
    }

    fn set_pace(&self, connection_id: &str, pace: Pace) {
        self.with_connection(connection_id, |faults| faults.pace = pace);
        self.0.pace_changed.send_replace(());
    }

    fn with_connection(&self, connection_id: &str, change: impl FnOnce(&mut ConnectionFaults)) {
        change(
            self.0
                .connections
                .lock()
                .entry(connection_id.to_owned())
                .or_default(),
        );
    }

    fn pool(&self, function: &str) -> &FunctionPool {
        let pool = self.0.functions.get(function);
        pool.unwrap_or_else(|| panic!("the gateway has no function named {function}"))
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faults")
    }
}
