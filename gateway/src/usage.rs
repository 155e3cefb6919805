//! What AWS would count of a gateway's use.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// API Gateway counts each begun part of a message of this size.
const MESSAGE_PART: usize = 32 * 1024;

/// What API Gateway counts.
#[derive(Debug, Default)]
pub(crate) struct ApiUsage {
    messages: AtomicU64,
    minutes: AtomicU64,
}

impl ApiUsage {
    /// Counts a message of `bytes` bytes, in or out.
    pub(crate) fn message(&self, bytes: usize) {
        let parts = bytes.div_ceil(MESSAGE_PART).max(1);
        self.messages
            .fetch_add(u64::try_from(parts).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Counts a connection that has lasted so long.
    pub(crate) fn connection(&self, lasted: Duration) {
        self.minutes.fetch_add(minutes(lasted), Ordering::Relaxed);
    }

    pub(crate) fn messages(&self) -> u64 {
        self.messages.load(Ordering::Relaxed)
    }

    /// Returns the minutes of the connections that have ended.
    pub(crate) fn minutes(&self) -> u64 {
        self.minutes.load(Ordering::Relaxed)
    }
}

/// Returns the minutes that have begun.
pub(crate) fn minutes(lasted: Duration) -> u64 {
    lasted.as_millis().div_ceil(60_000).try_into().unwrap_or(u64::MAX)
}

/// What Lambda counts.
#[derive(Debug, Default)]
pub(crate) struct FunctionUsage {
    invocations: AtomicU64,
    /// Megabytes of memory, times milliseconds.
    mb_ms: AtomicU64,
}

impl FunctionUsage {
    /// Counts an invocation that took so long with so much memory.
    pub(crate) fn invocation(&self, memory_mb: u32, took: Duration) {
        self.invocations.fetch_add(1, Ordering::Relaxed);
        self.run(memory_mb, took);
    }

    /// Counts time, such as that of an init, by begun milliseconds.
    pub(crate) fn run(&self, memory_mb: u32, took: Duration) {
        let ms = u64::try_from(took.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
        self.mb_ms
            .fetch_add(u64::from(memory_mb).saturating_mul(ms), Ordering::Relaxed);
    }

    pub(crate) fn invocations(&self) -> u64 {
        self.invocations.load(Ordering::Relaxed)
    }

    pub(crate) fn gb_seconds(&self) -> f64 {
        precise(self.mb_ms.load(Ordering::Relaxed)) / (1024.0 * 1000.0)
    }
}

/// What DynamoDB counts.
#[derive(Debug, Default)]
pub(crate) struct TableUsage {
    /// In thousandths, as DynamoDB counts halves.
    read: AtomicU64,
    write: AtomicU64,
}

impl TableUsage {
    /// Counts the units of an operation.
    pub(crate) fn operation(&self, is_write: bool, units: f64) {
        let counted = if is_write { &self.write } else { &self.read };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "units are small and positive"
        )]
        counted.fetch_add((units.max(0.0) * 1000.0).round() as u64, Ordering::Relaxed);
    }

    pub(crate) fn read_units(&self) -> f64 {
        precise(self.read.load(Ordering::Relaxed)) / 1000.0
    }

    pub(crate) fn write_units(&self) -> f64 {
        precise(self.write.load(Ordering::Relaxed)) / 1000.0
    }
}

/// Returns a count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "no session counts to 2^53")]
pub(crate) fn precise(count: u64) -> f64 {
    count as f64
}
