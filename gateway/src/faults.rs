//! Faults of the gateway and its functions, ordered by a test.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::watch;

use crate::function::{FunctionFault, FunctionPool, lock};

/// Orders what shall go wrong. From [`Gateway::faults`](crate::Gateway::faults); cheap to clone.
///
/// Orders that name a number are used up in turn, by the next calls that they fit.
#[derive(Clone, Default)]
pub struct Faults(Arc<Orders>);

#[derive(Default)]
struct Orders {
    functions: Mutex<HashMap<String, Arc<FunctionPool>>>,
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
    /// So much time for each message.
    Slow(Duration),
    /// Not at all.
    Stalled,
}

enum DisconnectFault {
    Lose,
    Delay(Duration),
}

/// What becomes of a call of @connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallFault {
    Throttled,
    Gone,
}

impl Faults {
    /// The next `times` invocations of `function` go wrong as `fault` says.
    ///
    /// # Panics
    ///
    /// If the gateway has no function of this name.
    pub fn function(&self, function: &str, fault: FunctionFault, times: usize) {
        self.pool(function).order(fault, times);
    }

    /// Kills the processes of `function` that are at work now, as running out of memory would.
    ///
    /// # Panics
    ///
    /// If the gateway has no function of this name.
    pub fn kill(&self, function: &str) {
        self.pool(function).kill_busy();
    }

    /// Kills the processes of `function` that are at work when `posts` more messages have been posted to
    /// connections: in the middle of a broadcast.
    ///
    /// # Panics
    ///
    /// If the gateway has no function of this name.
    pub fn kill_after_posts(&self, function: &str, posts: usize) {
        self.pool(function);
        *lock(&self.0.kill_after_posts) = Some((function.to_owned(), posts));
    }

    /// The next `times` posts to any connection are answered with 429.
    pub fn throttle_posts(&self, times: usize) {
        *lock(&self.0.throttled_posts) += times;
    }

    /// The next `times` posts to this connection are answered with 429.
    pub fn throttle_posts_to(&self, connection_id: &str, times: usize) {
        self.with_connection(connection_id, |faults| faults.throttled_posts += times);
    }

    /// From now on @connections says 410 of this connection, though its client notices nothing: the state
    /// between a client's death and its `$disconnect`.
    pub fn gone(&self, connection_id: &str) {
        self.with_connection(connection_id, |faults| faults.gone = true);
    }

    /// Each message to this connection takes so long to leave.
    pub fn slow(&self, connection_id: &str, per_message: Duration) {
        self.set_pace(connection_id, Pace::Slow(per_message));
    }

    /// Nothing more leaves for this connection, until [`resume`](Self::resume): its buffer fills, and then
    /// posts get 429.
    pub fn stall(&self, connection_id: &str) {
        self.set_pace(connection_id, Pace::Stalled);
    }

    /// Ends [`slow`](Self::slow) and [`stall`](Self::stall).
    pub fn resume(&self, connection_id: &str) {
        self.set_pace(connection_id, Pace::Normal);
    }

    /// The next `times` ended connections are never told to `$disconnect`, which API Gateway calls
    /// best-effort.
    pub fn lose_disconnects(&self, times: usize) {
        lock(&self.0.disconnects).extend((0..times).map(|_| DisconnectFault::Lose));
    }

    /// The next `times` ended connections are told to `$disconnect` only after `delay`.
    pub fn delay_disconnects(&self, delay: Duration, times: usize) {
        lock(&self.0.disconnects).extend((0..times).map(|_| DisconnectFault::Delay(delay)));
    }

    pub(crate) fn of(functions: impl IntoIterator<Item = (String, Arc<FunctionPool>)>) -> Self {
        let faults = Self::default();
        lock(&faults.0.functions).extend(functions);
        faults
    }

    /// What becomes of a call of @connections; `post` uses up orders for posts.
    pub(crate) fn call(&self, connection_id: &str, post: bool) -> Option<CallFault> {
        let mut connections = lock(&self.0.connections);
        let mut faults = connections.get_mut(connection_id);
        if faults.as_ref().is_some_and(|faults| faults.gone) {
            return Some(CallFault::Gone);
        }
        if !post {
            return None;
        }
        let own = faults.as_mut().map(|faults| &mut faults.throttled_posts);
        let mut any = lock(&self.0.throttled_posts);
        let order = own
            .filter(|left| **left > 0)
            .or((*any > 0).then_some(&mut *any))?;
        *order -= 1;
        Some(CallFault::Throttled)
    }

    /// A message was posted.
    pub(crate) fn posted(&self) {
        let mut order = lock(&self.0.kill_after_posts);
        if let Some((function, left)) = order.as_mut() {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.kill(function);
                *order = None;
            }
        }
    }

    /// Waits as long as was ordered; false if the event is to be lost.
    pub(crate) async fn delivers_disconnect(&self) -> bool {
        let order = lock(&self.0.disconnects).pop_front();
        match order {
            None => true,
            Some(DisconnectFault::Lose) => false,
            Some(DisconnectFault::Delay(delay)) => {
                tokio::time::sleep(delay).await;
                true
            }
        }
    }

    /// Waits until the next message may leave for the connection.
    pub(crate) async fn may_leave(&self, connection_id: &str) {
        let mut changed = self.0.pace_changed.subscribe();
        loop {
            let pace = lock(&self.0.connections)
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

    /// The connection has ended. That it is gone is then true without an order.
    pub(crate) fn forget(&self, connection_id: &str) {
        lock(&self.0.connections).remove(connection_id);
    }

    fn set_pace(&self, connection_id: &str, pace: Pace) {
        self.with_connection(connection_id, |faults| faults.pace = pace);
        self.0.pace_changed.send_replace(());
    }

    fn with_connection(&self, connection_id: &str, change: impl FnOnce(&mut ConnectionFaults)) {
        change(
            lock(&self.0.connections)
                .entry(connection_id.to_owned())
                .or_default(),
        );
    }

    fn pool(&self, function: &str) -> Arc<FunctionPool> {
        let pool = lock(&self.0.functions).get(function).cloned();
        pool.unwrap_or_else(|| panic!("the gateway has no function named {function}"))
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faults")
    }
}
