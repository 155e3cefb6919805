//! What happens in the gateway, as a stream of events with times.

use std::{
    fmt,
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use parking_lot::RwLock;
use serde::{Serialize, Serializer};
use tokio::sync::mpsc;

use crate::clock::Clock;

/// One thing that happened in the gateway.
///
/// Neither this nor [`ObservedEvent`] ever holds a header, a query string, a body or a token, so an observer may show
/// or log it. It serializes to one flat JSON object, with `at` in milliseconds since 1970, and the kind in `event`.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Observation {
    /// When it happened.
    #[serde(serialize_with = "epoch_millis")]
    pub at: SystemTime,
    /// The connection that it happened to.
    pub connection_id: Arc<str>,
    /// What happened.
    #[serde(flatten)]
    pub event: ObservedEvent,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case", rename_all_fields = "snake_case")]
#[non_exhaustive]
pub enum ObservedEvent {
    /// A client asked for a WebSocket.
    Handshake {
        /// The client's address.
        source_ip: IpAddr,
        /// The client's port.
        source_port: u16,
    },
    /// The authorizer was called.
    AuthorizerCalled {
        /// The function.
        function: Arc<str>,
    },
    /// The authorizer has answered, or was not called because an identity source was missing.
    AuthorizerAnswered {
        /// The function.
        function: Arc<str>,
        /// The decision.
        decision: Decision,
        /// The time from the call to the answer.
        #[serde(rename = "took_us", serialize_with = "micros")]
        took: Duration,
        /// Whether it was the first invocation of its process.
        cold: bool,
    },
    /// The handshake was answered with 101, or with the status of the refusal.
    HandshakeAnswered {
        /// The HTTP status.
        status: u16,
    },
    /// The client has sent a message.
    FrameIn {
        /// The route of the message, or `None` if no route matches.
        route: Option<Arc<str>>,
        /// The length of the message.
        bytes: usize,
    },
    /// A function was invoked for a route.
    FunctionInvoked {
        /// The route.
        route: Arc<str>,
        /// The function.
        function: Arc<str>,
        /// Lambda's request id, as in the function's logs. Its last 24 hexadecimal digits are also those of the trace
        /// id, which the AWS SDKs send as `X-Amzn-Trace-Id`.
        request_id: Arc<str>,
    },
    /// A function has answered, or failed.
    FunctionAnswered {
        /// The route.
        route: Arc<str>,
        /// The function.
        function: Arc<str>,
        /// Lambda's request id, as in the function's logs.
        request_id: Arc<str>,
        /// The `statusCode` of the answer, or `None` without a usable answer.
        status: Option<u16>,
        /// The time from the call to the answer.
        #[serde(rename = "took_us", serialize_with = "micros")]
        took: Duration,
        /// Whether it was the first invocation of its process.
        cold: bool,
    },
    /// A message was sent to the client.
    FrameOut {
        /// The length of the message.
        bytes: usize,
    },
    /// @connections was called for this connection.
    ManagementCall {
        /// The operation.
        operation: Operation,
        /// The HTTP status of the answer.
        status: u16,
    },
    /// The connection has ended.
    Closed {
        /// The close code, as in `disconnectStatusCode`.
        code: u16,
    },
}

/// The decision of an authorizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Decision {
    /// The policy allows the connection.
    Allow,
    /// The policy denies the connection, or does not allow it. The client gets 403.
    Deny,
    /// The authorizer failed with `Unauthorized`. The client gets 401.
    Unauthorized,
    /// An identity source is missing, so the authorizer was not called. The client gets 401.
    NoIdentity,
    /// The authorizer failed, or its answer is unusable. The client gets 500.
    Failed,
}

/// An operation of @connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Operation {
    /// `POST` sends a message.
    Post,
    /// `GET` returns who is connected, and since when.
    Get,
    /// `DELETE` closes the connection.
    Delete,
}

#[derive(Default)]
pub(crate) struct Observer {
    observe: Option<Arc<dyn Fn(Observation) + Send + Sync>>,
    clock: Clock,
    /// Those who wait for what happens.
    waiting: RwLock<Vec<mpsc::UnboundedSender<Observation>>>,
}

impl Observer {
    pub(crate) fn new(observe: impl Fn(Observation) + Send + Sync + 'static) -> Self {
        Self {
            observe: Some(Arc::new(observe)),
            ..Self::default()
        }
    }

    pub(crate) fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Returns what happens from now on.
    pub(crate) fn subscribe(&self) -> mpsc::UnboundedReceiver<Observation> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut waiting = self.waiting.write();
        waiting.retain(|other| !other.is_closed());
        waiting.push(sender);
        receiver
    }

    /// Tells everybody who wants to know. If nobody does, the event is not even made.
    pub(crate) fn notify(&self, connection_id: &Arc<str>, event: impl FnOnce() -> ObservedEvent) {
        let waiting = self.waiting.read();
        if self.observe.is_none() && waiting.is_empty() {
            return;
        }
        let observation = Observation {
            at: self.clock.now(),
            connection_id: connection_id.clone(),
            event: event(),
        };
        for one in &*waiting {
            // Nobody may be left to be told.
            let _ = one.send(observation.clone());
        }
        drop(waiting);
        if let Some(observe) = &self.observe {
            observe(observation);
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.observe.is_some() {
            "Observer"
        } else {
            "no observer"
        })
    }
}

fn epoch_millis<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(crate::ids::millis(*time))
}

fn micros<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observation_is_one_flat_json_object() {
        let observation = Observation {
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(5),
            connection_id: "abc=".into(),
            event: ObservedEvent::FunctionAnswered {
                route: "$connect".into(),
                function: "chat".into(),
                request_id: "r".into(),
                status: Some(200),
                took: Duration::from_micros(1500),
                cold: true,
            },
        };
        let json = serde_json::to_string(&observation).unwrap();
        assert_eq!(
            json,
            r#"{"at":5,"connection_id":"abc=","event":"function_answered","route":"$connect","function":"chat","request_id":"r","status":200,"took_us":1500,"cold":true}"#
        );
    }
}
