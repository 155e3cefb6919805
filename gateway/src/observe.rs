//! What happens inside, as a stream of events with times.

use std::{
    fmt,
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde::{Serialize, Serializer};

/// One thing that happened in the gateway.
///
/// Neither this nor [`ObservedEvent`] ever holds a header, a query string, a body or a token: an observer may
/// show or log it. It serializes to one flat JSON object, with `at` in milliseconds since 1970 and `event`
/// naming the kind.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Observation {
    /// When it happened.
    #[serde(serialize_with = "epoch_millis")]
    pub at: SystemTime,
    /// The connection it happened to.
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
        /// Where from.
        source_ip: IpAddr,
        /// Which port of it: a client that knows its own finds itself here.
        source_port: u16,
    },
    /// The authorizer was called.
    AuthorizerCalled {
        /// The function.
        function: Arc<str>,
    },
    /// The authorizer answered, or was not called because an identity source was missing.
    AuthorizerAnswered {
        /// The function.
        function: Arc<str>,
        /// What came of it.
        decision: Decision,
        /// How long it took.
        #[serde(rename = "took_us", serialize_with = "micros")]
        took: Duration,
    },
    /// The handshake is over: 101, or the status of the refusal.
    HandshakeAnswered {
        /// The HTTP status.
        status: u16,
    },
    /// A message came from the client.
    FrameIn {
        /// The route it takes; none if no route matches.
        route: Option<Arc<str>>,
        /// Its length.
        bytes: usize,
    },
    /// A function was invoked for a route.
    FunctionInvoked {
        /// The route.
        route: Arc<str>,
        /// The function.
        function: Arc<str>,
        /// Lambda's request id, as in the function's logs. Its last 24 hexadecimal digits are those of the trace
        /// id, which the AWS SDKs send along as `X-Amzn-Trace-Id`.
        request_id: Arc<str>,
    },
    /// A function answered, or failed.
    FunctionAnswered {
        /// The route.
        route: Arc<str>,
        /// The function.
        function: Arc<str>,
        /// Lambda's request id, as in the function's logs.
        request_id: Arc<str>,
        /// The `statusCode` of its answer; none if it has no usable answer.
        status: Option<u16>,
        /// How long it took.
        #[serde(rename = "took_us", serialize_with = "micros")]
        took: Duration,
    },
    /// A message left for the client.
    FrameOut {
        /// Its length.
        bytes: usize,
    },
    /// Somebody called @connections for this connection.
    ManagementCall {
        /// What was asked.
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

/// What an authorizer decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Decision {
    /// The policy allows the connection.
    Allow,
    /// The policy denies it, or does not allow it: 403.
    Deny,
    /// The authorizer said `Unauthorized`: 401.
    Unauthorized,
    /// An identity source is missing: 401, without a call.
    NoIdentity,
    /// The authorizer failed, or its answer is unusable: 500.
    Failed,
}

/// An operation of @connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Operation {
    /// `POST`: send a message.
    Post,
    /// `GET`: who is connected, and since when.
    Get,
    /// `DELETE`: close the connection.
    Delete,
}

#[derive(Clone, Default)]
pub(crate) struct Observer(Option<Arc<dyn Fn(Observation) + Send + Sync>>);

impl Observer {
    pub(crate) fn new(observe: impl Fn(Observation) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(observe)))
    }

    /// Without an observer, the event is not even made.
    pub(crate) fn tell(&self, connection_id: &Arc<str>, event: impl FnOnce() -> ObservedEvent) {
        if let Some(observe) = &self.0 {
            observe(Observation {
                at: SystemTime::now(),
                connection_id: connection_id.clone(),
                event: event(),
            });
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
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
            },
        };
        let json = serde_json::to_string(&observation).unwrap();
        assert_eq!(
            json,
            r#"{"at":5,"connection_id":"abc=","event":"function_answered","route":"$connect","function":"chat","request_id":"r","status":200,"took_us":1500}"#
        );
    }
}
