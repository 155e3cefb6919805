//! What became of a broadcast.

use crate::id::ConnectionId;

/// How many undelivered connections are listed at most; all are counted. 10,000 of them take about 1 MB.
pub(super) const MAX_LISTED: usize = 10_000;

/// What became of a frame that was sent to a room.
#[derive(Clone, Debug, Default)]
#[must_use = "a frame may not have reached everybody"]
pub struct Delivery {
    delivered: u64,
    gone: u64,
    expired: u64,
    undelivered_count: u64,
    undelivered: Vec<Undelivered>,
    is_cut_short: bool,
}

impl Delivery {
    /// To how many connections API Gateway took the frame.
    pub fn delivered(&self) -> u64 {
        self.delivered
    }

    /// How many connections were found gone, and forgotten.
    pub fn gone(&self) -> u64 {
        self.gone
    }

    /// How many connections' tokens had expired: they got nothing, and were closed and forgotten.
    pub fn expired(&self) -> u64 {
        self.expired
    }

    /// How many connections did not get the frame although they may be there.
    pub fn undelivered_count(&self) -> u64 {
        self.undelivered_count
    }

    /// Those connections, the first 10,000 of them.
    pub fn undelivered(&self) -> &[Undelivered] {
        &self.undelivered
    }

    /// Whether the time was over before the room had been listed to its end: there may be members who are in
    /// none of these numbers.
    pub fn is_cut_short(&self) -> bool {
        self.is_cut_short
    }

    /// Whether every live member got the frame.
    pub fn is_complete(&self) -> bool {
        self.undelivered_count == 0 && !self.is_cut_short
    }

    pub(super) fn count_delivered(&mut self) {
        self.delivered += 1;
    }

    pub(super) fn count_gone(&mut self) {
        self.gone += 1;
    }

    pub(super) fn count_expired(&mut self) {
        self.expired += 1;
    }

    pub(super) fn miss(&mut self, connection_id: ConnectionId, reason: UndeliveredReason) {
        self.undelivered_count += 1;
        if self.undelivered.len() < MAX_LISTED {
            self.undelivered.push(Undelivered {
                connection_id,
                reason,
            });
        }
    }

    pub(super) fn cut_short(&mut self) {
        self.is_cut_short = true;
    }
}

/// A connection that did not get the frame.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Undelivered {
    /// The connection.
    pub connection_id: ConnectionId,
    /// Why.
    pub reason: UndeliveredReason,
}

/// Why a connection did not get a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UndeliveredReason {
    /// Its `$connect` has not been answered yet, or it went within seconds: API Gateway says 410 for both. It
    /// stays recorded.
    NotYetConnected,
    /// API Gateway throttled to the end.
    Throttled,
    /// API Gateway did not answer in time.
    Timeout,
    /// Another error of the transport, such as a missing permission.
    Failed,
    /// It is gone or expired, but the registry could not forget it.
    NotForgotten,
    /// Its turn did not come before the deadline.
    OutOfTime,
}
