//! What became of a broadcast, or of ending a user's connections.

use crate::id::ConnectionId;

/// How many undelivered connections are listed at most; all are counted. 10,000 of them take about 1 MB.
pub(super) const MAX_LISTED: usize = 10_000;

/// What became of a frame that was sent to a room.
#[derive(Clone, Debug, Default)]
#[must_use = "a frame may not have reached everybody"]
pub struct DeliveryReport {
    delivered: u64,
    gone: u64,
    expired: u64,
    undelivered_count: u64,
    undelivered: Vec<Undelivered>,
    is_truncated: bool,
}

impl DeliveryReport {
    /// Returns for how many connections API Gateway took the frame.
    pub fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Returns how many connections were found gone, and forgotten.
    pub fn gone(&self) -> u64 {
        self.gone
    }

    /// Returns how many connections had expired, or were no longer in the room: they got nothing. Expired ones were
    /// forgotten and closed.
    pub fn expired(&self) -> u64 {
        self.expired
    }

    /// Returns how many connections did not get the frame although they may be there.
    pub fn undelivered_count(&self) -> u64 {
        self.undelivered_count
    }

    /// Returns those connections, the first 10,000 of them.
    pub fn undelivered(&self) -> &[Undelivered] {
        &self.undelivered
    }

    /// Returns whether the deadline passed before the room had been listed to its end: there may be members who are
    /// in none of these numbers.
    pub fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    /// Returns whether every live member got the frame.
    pub fn is_complete(&self) -> bool {
        self.undelivered_count == 0 && !self.is_truncated
    }

    /// Logs a warning with the numbers if not every live member got the frame.
    pub fn log_if_incomplete(&self) {
        if !self.is_complete() {
            tracing::warn!(
                target: "room_auth",
                delivered = self.delivered,
                undelivered = self.undelivered_count,
                is_truncated = self.is_truncated,
                "a frame did not reach everybody"
            );
        }
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

    pub(super) fn truncate(&mut self) {
        self.is_truncated = true;
    }
}

/// What became of the connections of a user that were to be ended.
#[derive(Clone, Debug, Default)]
#[must_use = "a connection may still be open"]
pub struct DisconnectReport {
    ended: u64,
    not_ended_count: u64,
    not_ended: Vec<Undelivered>,
    is_truncated: bool,
}

impl DisconnectReport {
    /// Returns how many connections were forgotten and closed, or were gone already.
    pub fn ended(&self) -> u64 {
        self.ended
    }

    /// Returns how many connections may still be open.
    pub fn not_ended_count(&self) -> u64 {
        self.not_ended_count
    }

    /// Returns those connections, the first 10,000 of them. For all reasons but
    /// [`NotForgotten`](UndeliveredReason::NotForgotten) they were forgotten: open or not, no message of theirs is
    /// handled.
    pub fn not_ended(&self) -> &[Undelivered] {
        &self.not_ended
    }

    /// Returns whether the connections were not listed to the end: there may be some that are in none of these numbers.
    pub fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    /// Returns whether every connection was ended.
    pub fn is_complete(&self) -> bool {
        self.not_ended_count == 0 && !self.is_truncated
    }

    pub(super) fn count_ended(&mut self) {
        self.ended += 1;
    }

    pub(super) fn miss(&mut self, connection_id: ConnectionId, reason: UndeliveredReason) {
        self.not_ended_count += 1;
        if self.not_ended.len() < MAX_LISTED {
            self.not_ended.push(Undelivered {
                connection_id,
                reason,
            });
        }
    }

    pub(super) fn truncate(&mut self) {
        self.is_truncated = true;
    }
}

/// A connection that did not get the frame, or was not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Undelivered {
    /// The connection.
    pub connection_id: ConnectionId,
    /// Why.
    pub reason: UndeliveredReason,
}

/// Why a connection did not get a frame, or was not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UndeliveredReason {
    /// Its `$connect` has not been answered yet, or it left within seconds: API Gateway answers 410 for both. It
    /// stays recorded.
    NotYetConnected,
    /// API Gateway throttled to the end.
    Throttled,
    /// API Gateway did not answer in time.
    Timeout,
    /// Another error of the transport, such as a missing permission.
    Failed,
    /// It is gone or has expired, but the registry could not forget it.
    NotForgotten,
    /// It belongs to another API than the one that the transport is fixed to. It stays recorded.
    OtherEndpoint,
    /// Its turn did not come before the deadline.
    OutOfTime,
}
