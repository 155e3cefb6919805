//! Which request a call belongs to that a function makes.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::SystemTime,
};

/// An invocation at work.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) request: Arc<str>,
    pub(crate) connection: Arc<str>,
    pub(crate) route: Arc<str>,
}

#[derive(Debug, Default)]
pub(super) struct Calls {
    /// By the digits that request id and trace id have in common.
    at_work: HashMap<String, Call>,
    /// Frames on their way to a connection, in order: what caused them, and when.
    frames: HashMap<Arc<str>, VecDeque<(Call, SystemTime)>>,
}

impl Calls {
    pub(super) fn begin(&mut self, request_id: &str, call: Call) {
        self.at_work.insert(digits(request_id), call);
    }

    pub(super) fn end(&mut self, request_id: &str) {
        self.at_work.remove(&digits(request_id));
    }

    /// The frame that leaves for this connection now.
    pub(super) fn posted_to(&mut self, connection: &str) -> Option<(Call, SystemTime)> {
        self.frames.get_mut(connection)?.pop_front()
    }

    pub(super) fn forget(&mut self, connection: &str) {
        self.frames.remove(connection);
    }
}

/// The last 24 hexadecimal digits.
fn digits(id: &str) -> String {
    let digits: Vec<char> = id.chars().filter(char::is_ascii_hexdigit).collect();
    digits[digits.len().saturating_sub(24)..].iter().collect()
}
