//! Matches the calls that functions make with the requests that cause them.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::SystemTime,
};

/// A running invocation.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) request: Arc<str>,
    /// `None` for the backend's own calls.
    pub(super) connection: Option<Arc<str>>,
    pub(super) route: Arc<str>,
}

/// A call that a function makes.
#[derive(Debug)]
pub(crate) struct OutgoingCall {
    /// Its `X-Amzn-Trace-Id`, which the AWS SDK copies from the invocation. Calls of the backend have none.
    pub(crate) trace: String,
    pub(crate) operation: Operation,
}

#[derive(Debug)]
pub(crate) enum Operation {
    /// An operation of DynamoDB, by name.
    DynamoDb(Option<String>),
    /// A call of @connections.
    Management {
        /// The connection that is called.
        connection: Arc<str>,
        /// Whether it sends a frame.
        posts: bool,
    },
}

#[derive(Debug, Default)]
pub(super) struct Calls {
    /// By the digits that request id and trace id have in common.
    running: HashMap<String, Call>,
    /// What the backend is doing.
    backend: Option<Call>,
    /// Frames on their way to a connection, in order: the call that caused each, and the time.
    frames: HashMap<Arc<str>, VecDeque<(Call, SystemTime)>>,
}

impl Calls {
    pub(super) fn begin(&mut self, request_id: &str, call: Call) {
        self.running.insert(digits(request_id), call);
    }

    pub(super) fn end(&mut self, request_id: &str) {
        self.running.remove(&digits(request_id));
    }

    /// Sets what the backend is doing from now on.
    pub(super) fn set_backend(&mut self, call: Option<Call>) {
        self.backend = call;
    }

    /// Returns the invocation that makes this call, or what the backend makes it for.
    pub(super) fn of(&self, called: &OutgoingCall) -> Option<&Call> {
        match &*called.trace {
            "" => self.backend.as_ref(),
            trace => self.running.get(&trace_digits(trace)?),
        }
    }

    /// Adds a frame that is on its way to the connection.
    pub(super) fn posting(&mut self, connection: &Arc<str>, call: Call, now: SystemTime) {
        self.frames
            .entry(connection.clone())
            .or_default()
            .push_back((call, now));
    }

    /// Removes the latest frame: it was not accepted.
    pub(super) fn not_posted(&mut self, connection: &str) {
        self.frames.get_mut(connection).and_then(VecDeque::pop_back);
    }

    /// Takes the frame that is sent to this connection now.
    pub(super) fn posted_to(&mut self, connection: &str) -> Option<(Call, SystemTime)> {
        self.frames.get_mut(connection)?.pop_front()
    }

    pub(super) fn forget(&mut self, connection: &str) {
        self.frames.remove(connection);
    }
}

/// Returns the last 24 hexadecimal digits of a request id.
fn digits(request_id: &str) -> String {
    let digits: Vec<char> = request_id.chars().filter(char::is_ascii_hexdigit).collect();
    digits[digits.len().saturating_sub(24)..].iter().collect()
}

/// Returns those of a trace id such as `Root=1-65c66da0-89ab4def8123456789abcdef;Sampled=0`.
fn trace_digits(trace: &str) -> Option<String> {
    let root = trace
        .split(';')
        .find_map(|field| field.trim().strip_prefix("Root="))?;
    Some(root.rsplit('-').next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_found_by_the_trace_id_that_its_request_id_implies() {
        let mut calls = Calls::default();
        let request_id = "01234567-89ab-4def-8123-456789abcdef";
        let call = Call {
            request: "r".into(),
            connection: Some("abc=".into()),
            route: "send".into(),
        };
        calls.begin(request_id, call);
        let called = |trace: &str| OutgoingCall {
            trace: trace.to_owned(),
            operation: Operation::DynamoDb(None),
        };
        let ours = called("Root=1-65c66da0-89ab4def8123456789abcdef;Sampled=0");
        assert_eq!(calls.of(&ours).map(|call| &*call.request), Some("r"));
        for other in [
            "",
            "Root=1-65c66da0-000000000000000000000000",
            "89ab4def8123456789abcdef",
        ] {
            assert!(calls.of(&called(other)).is_none(), "{other}");
        }
        calls.end(request_id);
        assert!(calls.of(&ours).is_none());
    }

    #[test]
    fn a_call_without_a_trace_id_is_of_what_the_backend_is_doing() {
        let mut calls = Calls::default();
        let call = Call {
            request: "revocation 1".into(),
            connection: None,
            route: "revoke".into(),
        };
        calls.set_backend(Some(call));
        let called = |trace: &str| OutgoingCall {
            trace: trace.to_owned(),
            operation: Operation::DynamoDb(None),
        };
        assert_eq!(
            calls.of(&called("")).map(|call| &*call.request),
            Some("revocation 1")
        );
        let of_a_function = called("Root=1-65c66da0-89ab4def8123456789abcdef");
        assert!(calls.of(&of_a_function).is_none());
        calls.set_backend(None);
        assert!(calls.of(&called("")).is_none());
    }
}
