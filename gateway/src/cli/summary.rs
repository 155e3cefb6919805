//! What a session of the gateway came to.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use room_auth_gateway::{Decision, ObservedEvent};
use serde_json::{Value, json};

/// Counts what has happened.
#[derive(Debug, Default)]
pub(super) struct Summary {
    connected: u64,
    refused: u64,
    messages_in: u64,
    messages_out: u64,
    functions: BTreeMap<Arc<str>, Calls>,
}

/// The invocations of one function.
#[derive(Debug, Default)]
struct Calls {
    count: u64,
    failed: u64,
    cold: u64,
    total: Duration,
    longest: Duration,
}

impl Calls {
    fn mean(&self) -> Duration {
        let count = u32::try_from(self.count).unwrap_or(u32::MAX);
        self.total.checked_div(count).unwrap_or_default()
    }
}

impl Summary {
    pub(super) fn count(&mut self, event: &ObservedEvent) {
        match event {
            ObservedEvent::HandshakeAnswered { status: 101 } => self.connected += 1,
            ObservedEvent::HandshakeAnswered { .. } => self.refused += 1,
            ObservedEvent::FrameIn { .. } => self.messages_in += 1,
            ObservedEvent::FrameOut { .. } => self.messages_out += 1,
            ObservedEvent::FunctionAnswered {
                function,
                status,
                took,
                cold,
                ..
            } => self.call(function, status.is_none(), *took, *cold),
            ObservedEvent::AuthorizerAnswered {
                function,
                decision,
                took,
                cold,
            } if *decision != Decision::NoIdentity => {
                self.call(function, *decision == Decision::Failed, *took, *cold);
            }
            _ => {}
        }
    }

    fn call(&mut self, function: &Arc<str>, has_failed: bool, took: Duration, is_cold: bool) {
        let calls = self.functions.entry(function.clone()).or_default();
        calls.count += 1;
        calls.failed += u64::from(has_failed);
        calls.cold += u64::from(is_cold);
        calls.total += took;
        calls.longest = calls.longest.max(took);
    }

    /// Returns the summary for machines, with times in microseconds.
    pub(super) fn json(&self) -> Value {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let functions = self.functions.iter().map(|(name, calls)| {
            let calls = json!({
                "invocations": calls.count,
                "failed": calls.failed,
                "cold": calls.cold,
                "mean_us": micros(calls.mean()),
                "longest_us": micros(calls.longest),
            });
            (name.to_string(), calls)
        });
        json!({
            "event": "summary",
            "connected": self.connected,
            "refused": self.refused,
            "messages_in": self.messages_in,
            "messages_out": self.messages_out,
            "functions": functions.collect::<serde_json::Map<_, _>>(),
        })
    }
}

/// Writes the summary for people.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\n{} connected, {} refused; {} messages in, {} out",
            self.connected, self.refused, self.messages_in, self.messages_out
        )?;
        if self.functions.is_empty() {
            return Ok(());
        }
        write!(
            f,
            "\n{:<16}  {:>11}  {:>6}  {:>4}  {:>11}  {:>11}",
            "function", "invocations", "failed", "cold", "mean", "longest"
        )?;
        for (name, calls) in &self.functions {
            let millis = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1000.0);
            write!(
                f,
                "\n{name:<16}  {:>11}  {:>6}  {:>4}  {:>11}  {:>11}",
                calls.count,
                calls.failed,
                calls.cold,
                millis(calls.mean()),
                millis(calls.longest)
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: Option<u16>, millis: u64, cold: bool) -> ObservedEvent {
        ObservedEvent::FunctionAnswered {
            route: "send".into(),
            function: "chat".into(),
            request_id: "r".into(),
            status,
            took: Duration::from_millis(millis),
            cold,
        }
    }

    #[test]
    fn everything_is_counted_where_it_belongs() {
        let mut summary = Summary::default();
        let handshake = |status| ObservedEvent::HandshakeAnswered { status };
        let decided = |decision| ObservedEvent::AuthorizerAnswered {
            function: "gate".into(),
            decision,
            took: Duration::from_millis(2),
            cold: false,
        };
        for event in [
            handshake(101),
            handshake(403),
            handshake(101),
            ObservedEvent::FrameIn {
                route: None,
                bytes: 1,
            },
            ObservedEvent::FrameOut { bytes: 1 },
            ObservedEvent::FrameOut { bytes: 1 },
            answered(Some(200), 1, true),
            answered(None, 5, false),
            decided(Decision::Allow),
            // The authorizer was not called.
            decided(Decision::NoIdentity),
        ] {
            summary.count(&event);
        }
        assert_eq!(
            summary.to_string(),
            "\n2 connected, 1 refused; 1 messages in, 2 out\n\
             function          invocations  failed  cold         mean      longest\n\
             chat                        2       1     1       3.0 ms       5.0 ms\n\
             gate                        1       0     0       2.0 ms       2.0 ms"
        );
        let chat = &summary.json()["functions"]["chat"];
        assert_eq!(
            *chat,
            json!({"invocations": 2, "failed": 1, "cold": 1, "mean_us": 3000, "longest_us": 5000})
        );
    }
}
