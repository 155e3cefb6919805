//! Metrics for CloudWatch: the layer's own log events, written in the embedded metric format (feature `emf`).
//!
//! Nothing is called over the network: CloudWatch reads the metrics out of the function's log.
//!
//! | metric | unit | dimension |
//! | --- | --- | --- |
//! | `Accepted` | count | `Route` |
//! | `Refused` | count | `Reason`, as [`RejectionKind::as_str`](crate::RejectionKind::as_str) names it |
//! | `VerificationTime` | microseconds | none |

use std::fmt::Debug;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::clock::{Clock, SystemClock};
use crate::report::field;

/// A layer of `tracing_subscriber` that writes a line of metrics for each request that was accepted or refused.
///
/// ```
/// use room_auth::emf::EmfLayer;
/// use tracing_subscriber::prelude::*;
///
/// let subscriber = tracing_subscriber::registry().with(EmfLayer::new("MyChat").filtered());
/// ```
#[derive(Clone, Debug)]
pub struct EmfLayer<W = fn() -> io::Stdout> {
    namespace: Box<str>,
    clock: Arc<dyn Clock>,
    make_writer: W,
}

impl EmfLayer {
    /// Creates a layer whose metrics are in `namespace`, written to standard output, where Lambda's log is.
    pub fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.into(),
            clock: Arc::new(SystemClock),
            make_writer: io::stdout,
        }
    }
}

impl<W> EmfLayer<W> {
    /// Writes the lines elsewhere (default: standard output).
    pub fn with_writer<W2>(self, make_writer: W2) -> EmfLayer<W2> {
        EmfLayer {
            namespace: self.namespace,
            clock: self.clock,
            make_writer,
        }
    }

    /// Takes the time of the metrics from `clock` (default: the system's).
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Returns the layer with the filter that it needs: the level of the log's own layer then does not matter to it.
    pub fn filtered<S>(self) -> impl Layer<S>
    where
        W: for<'w> MakeWriter<'w> + 'static,
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        self.with_filter(Targets::new().with_target("room_auth", Level::DEBUG))
    }
}

impl<S, W> Layer<S> for EmfLayer<W>
where
    W: for<'w> MakeWriter<'w> + 'static,
    S: Subscriber,
{
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != "room_auth" {
            return;
        }
        let mut fields = EventFields::default();
        event.record(&mut fields);
        let Some(metric) = fields.metric() else { return };
        let line = self.line(&metric);
        // A metric that cannot be written is no reason to fail a request.
        let _ = self.make_writer.make_writer().write_all(line.as_bytes());
    }
}

impl<W> EmfLayer<W> {
    /// One line of the embedded metric format.
    fn line(&self, metric: &Metric) -> String {
        let timestamp = self
            .clock
            .now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_millis());
        let dimensions: Vec<&str> = metric.dimension.iter().map(|(name, _)| *name).collect();
        let mut line = json!({
            "_aws": {
                "Timestamp": u64::try_from(timestamp).unwrap_or(u64::MAX),
                "CloudWatchMetrics": [{
                    "Namespace": &*self.namespace,
                    "Dimensions": [dimensions],
                    "Metrics": [{"Name": metric.name, "Unit": metric.unit}],
                }],
            },
            metric.name: metric.value,
        });
        if let Some((name, value)) = &metric.dimension {
            line[*name] = Value::from(value.as_str());
        }
        format!("{line}\n")
    }
}

struct Metric {
    name: &'static str,
    unit: &'static str,
    value: u64,
    dimension: Option<(&'static str, String)>,
}

/// The fields of the layer's events that metrics are made of.
#[derive(Default)]
struct EventFields {
    reason: Option<String>,
    route: Option<String>,
    is_accepted: bool,
    verification_us: Option<u64>,
}

impl EventFields {
    fn metric(self) -> Option<Metric> {
        let count = |name, dimension| Metric {
            name,
            unit: "Count",
            value: 1,
            dimension: Some(dimension),
        };
        if let Some(value) = self.verification_us {
            return Some(Metric {
                name: "VerificationTime",
                unit: "Microseconds",
                value,
                dimension: None,
            });
        }
        match (self.reason, self.route) {
            (Some(reason), _) => Some(count("Refused", ("Reason", reason))),
            (None, Some(route)) if self.is_accepted => Some(count("Accepted", ("Route", route))),
            _ => None,
        }
    }
}

impl Visit for EventFields {
    fn record_str(&mut self, recorded: &Field, value: &str) {
        match recorded.name() {
            field::REASON => self.reason = Some(value.to_owned()),
            field::ROUTE => self.route = Some(value.to_owned()),
            field::ROOM_ID => self.is_accepted = true,
            _ => {}
        }
    }

    fn record_u64(&mut self, recorded: &Field, value: u64) {
        if recorded.name() == field::VERIFICATION_US {
            self.verification_us = Some(value);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

#[cfg(all(test, feature = "issuer"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Mutex;

    use lambda_runtime::{Context, LambdaEvent, service_fn};
    use tower::{Layer as _, Service as _};
    use tracing_subscriber::prelude::*;

    use super::*;
    use crate::{Authenticated, Incoming, PublicKeys, RoomAuthLayer, Verifier, testing};

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn accepted_and_refused_requests_are_counted_and_timed() {
        let lines = Sink::default();
        let emf = EmfLayer::new("Chat")
            .with_writer({
                let lines = lines.clone();
                move || lines.clone()
            })
            .with_clock(testing::FixedClock::at(1));
        let subscriber = tracing_subscriber::registry().with(emf.filtered());
        let _guard = tracing::subscriber::set_default(subscriber);
        let verifier = Verifier::new(PublicKeys::from_pem(testing::public_key_pem()).unwrap());
        let mut service =
            RoomAuthLayer::new(verifier).layer(service_fn(|_: LambdaEvent<Authenticated<Value>>| async {
                Ok::<_, lambda_runtime::Error>(json!({"statusCode": 200}))
            }));
        for token in [testing::token("lobby", &()), "none".to_owned()] {
            let event = json!({
                "headers": {"Authorization": format!("Bearer {token}")},
                "requestContext": {"eventType": "CONNECT", "routeKey": "$connect", "connectionId": "a="},
            });
            let incoming: Incoming = serde_json::from_str(&event.to_string()).unwrap();
            service
                .call(LambdaEvent::new(incoming, Context::default()))
                .await
                .unwrap();
        }
        let written = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<Value> = written
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 4, "{written}");
        assert!(lines[0]["VerificationTime"].is_u64());
        assert_eq!(
            lines[1],
            json!({
                "_aws": {"Timestamp": 1000, "CloudWatchMetrics": [{
                    "Namespace": "Chat", "Dimensions": [["Route"]], "Metrics": [{"Name": "Accepted", "Unit": "Count"}],
                }]},
                "Accepted": 1, "Route": "$connect",
            })
        );
        assert_eq!(
            (&lines[3]["Refused"], &lines[3]["Reason"]),
            (&json!(1), &json!("malformed"))
        );
    }
}
