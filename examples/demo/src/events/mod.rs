//! Collects what the page shows of each request: the gateway's observations, the functions' log lines and the calls
//! that functions and the backend make.

mod calls;
mod log;
mod revoking;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use room_auth_gateway::{Decision, LogLine, Observation, ObservedEvent};
use serde::Serialize;
use tokio::sync::broadcast;

use crate::clock::millis;
use calls::{Call, Calls};
pub(crate) use calls::{Operation, OutgoingCall};
pub(crate) use log::Refusal;

/// One step of a request, for the page to draw. Holds no token, no text and no claims.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Step {
    pub(crate) at: u64,
    #[serde(rename = "step")]
    pub(crate) name: &'static str,
    pub(crate) request: Arc<str>,
    pub(crate) connection: Option<Arc<str>>,
    pub(crate) route: Option<Arc<str>>,
    pub(crate) ms: Option<f64>,
    pub(crate) status: Option<u16>,
    pub(crate) reason: Option<String>,
    /// The operation of DynamoDB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) operation: Option<String>,
}

/// How long a refusal waits for the log line with its reason, which comes by another pipe.
const REASON_TIMEOUT: Duration = Duration::from_millis(100);
/// How many steps a slow reader may be behind before it misses some.
const BACKLOG: usize = 1024;

/// Collects the steps, and sends them to all readers. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Events(Arc<Hub>);

#[derive(Debug)]
struct Hub {
    state: Mutex<State>,
    steps: broadcast::Sender<Step>,
    refusals: broadcast::Sender<Refusal>,
    /// Held by the revocation that is under way.
    revoking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    handshakes: HashMap<Arc<str>, Handshake>,
    calls: Calls,
    /// Reasons whose refusal has not come yet, by connection.
    reasons: HashMap<String, String>,
    /// Refusals whose reason has not come yet, by connection.
    unexplained: HashMap<String, Step>,
}

#[derive(Debug)]
struct Handshake {
    at: SystemTime,
    source_port: u16,
}

impl Events {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Hub {
            state: Mutex::default(),
            steps: broadcast::channel(BACKLOG).0,
            refusals: broadcast::channel(BACKLOG).0,
            revoking: tokio::sync::Mutex::default(),
        }))
    }

    /// Returns the steps that are observed from now on.
    pub(crate) fn steps(&self) -> broadcast::Receiver<Step> {
        self.0.steps.subscribe()
    }

    /// Returns the refusals that are logged from now on.
    pub(crate) fn refusals(&self) -> broadcast::Receiver<Refusal> {
        self.0.refusals.subscribe()
    }

    /// Returns the connection whose handshake comes from this port of the machine.
    pub(crate) fn connection_from(&self, source_port: u16) -> Option<Arc<str>> {
        let state = self.state();
        let mut handshakes = state.handshakes.iter();
        let found = handshakes.find(|(_, handshake)| handshake.source_port == source_port);
        found.map(|(connection, _)| connection.clone())
    }

    /// Takes an observation of the gateway.
    pub(crate) fn observe(&self, observation: Observation) {
        let Observation {
            at,
            connection_id: connection,
            event,
            ..
        } = observation;
        let connect = || -> Arc<str> { request_of("$connect", &connection, "") };
        let step = |name, request, route: &str| Step {
            at: millis(at),
            name,
            request,
            connection: Some(connection.clone()),
            route: Some(route.into()),
            ms: None,
            status: None,
            reason: None,
            operation: None,
        };
        match event {
            ObservedEvent::Handshake { source_port, .. } => {
                self.state()
                    .handshakes
                    .insert(connection, Handshake { at, source_port });
            }
            ObservedEvent::AuthorizerAnswered { decision, took, .. } => {
                let status = Some(status_of(decision));
                self.explain(Step {
                    ms: Some(ms(took)),
                    status,
                    ..step("authorizer", connect(), "$connect")
                });
            }
            ObservedEvent::HandshakeAnswered { status } => {
                let began = self
                    .state()
                    .handshakes
                    .get(&connection)
                    .map(|handshake| handshake.at);
                let took = began.and_then(|began| at.duration_since(began).ok()).map(ms);
                self.send(Step {
                    ms: took,
                    status: Some(status),
                    ..step("handshake", connect(), "$connect")
                });
                if status != 101 {
                    self.forget_later(connection);
                }
            }
            ObservedEvent::FunctionInvoked {
                route, request_id, ..
            } => {
                let request = request_of(&route, &connection, &request_id);
                self.state().calls.begin(
                    &request_id,
                    Call {
                        request,
                        connection: Some(connection),
                        route,
                    },
                );
            }
            ObservedEvent::FunctionAnswered {
                route,
                request_id,
                status,
                took,
                ..
            } => {
                self.state().calls.end(&request_id);
                let request = request_of(&route, &connection, &request_id);
                // API Gateway answers 502 for a function that fails.
                let status = Some(status.unwrap_or(502));
                self.explain(Step {
                    ms: Some(ms(took)),
                    status,
                    ..step("function", request, &route)
                });
            }
            ObservedEvent::FrameOut { .. } => {
                let post = self.state().calls.posted_to(&connection);
                let (request, route) = match &post {
                    Some((call, _)) => (call.request.clone(), Some(call.route.clone())),
                    None => (connection.clone(), None),
                };
                let took = post.and_then(|(_, began)| at.duration_since(began).ok()).map(ms);
                self.send(Step {
                    ms: took,
                    route,
                    ..step("frame-out", request, "")
                });
            }
            ObservedEvent::Closed { .. } => {
                self.state().calls.forget(&connection);
                self.forget_later(connection.clone());
                let request = request_of("$disconnect", &connection, "");
                self.send(step("close", request, "$disconnect"));
            }
            // The relay observes the calls of @connections, with their times. The rest is not drawn.
            _ => {}
        }
    }

    /// Takes a call that begins, so that a frame it sends is drawn as part of its request.
    pub(crate) fn calling(&self, called: &OutgoingCall) {
        if let Operation::Management {
            connection,
            posts: true,
        } = &called.operation
        {
            let mut state = self.state();
            if let Some(call) = state.calls.of(called).cloned() {
                state.calls.posting(connection, call, SystemTime::now());
            }
        }
    }

    /// Takes a call that was answered.
    pub(crate) fn called(&self, called: OutgoingCall, took: Duration, status: u16) {
        let mut state = self.state();
        // Calls that belong to nothing that is under way are not drawn.
        let Some(Call {
            request,
            connection,
            route,
        }) = state.calls.of(&called).cloned()
        else {
            return;
        };
        let (name, connection, status, operation) = match called.operation {
            // A condition that fails is a 400, which is not a refusal.
            Operation::DynamoDb(operation) => ("dynamodb", connection, None, operation),
            Operation::Management { connection, posts } => {
                if posts && status != 200 {
                    state.calls.not_posted(&connection);
                }
                ("management", Some(connection), Some(status), None)
            }
        };
        drop(state);
        self.send(Step {
            at: millis(SystemTime::now()),
            name,
            request,
            connection,
            route: Some(route),
            ms: Some(ms(took)),
            status,
            reason: None,
            operation,
        });
    }

    /// Takes a line that a function printed.
    pub(crate) fn log(&self, line: &LogLine) {
        let Some(refusal) = Refusal::read(&line.text) else {
            return;
        };
        let explained = {
            let mut state = self.state();
            let explained = state.unexplained.remove(&refusal.connection);
            if explained.is_none() {
                state
                    .reasons
                    .insert(refusal.connection.clone(), refusal.reason.clone());
            }
            explained
        };
        if let Some(step) = explained {
            self.send(Step {
                reason: Some(refusal.reason.clone()),
                ..step
            });
        }
        // There may be no reader.
        let _ = self.0.refusals.send(refusal);
    }

    /// Sends the step, with its reason if it is a refusal.
    fn explain(&self, step: Step) {
        let Some(connection) = step.connection.clone() else {
            return self.send(step);
        };
        let reason = self.state().reasons.remove(&*connection);
        if reason.is_some() || step.status.is_none_or(|status| status < 400) {
            return self.send(Step { reason, ..step });
        }
        self.state().unexplained.insert(connection.to_string(), step);
        let this = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(REASON_TIMEOUT).await;
            let step = this.state().unexplained.remove(&*connection);
            if let Some(step) = step {
                this.send(step);
            }
        });
    }

    /// Forgets the connection after a while: whoever made the handshake may still ask for it.
    fn forget_later(&self, connection: Arc<str>) {
        let this = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(5)).await;
            let mut state = this.state();
            state.handshakes.remove(&connection);
            state.reasons.remove(&*connection);
        });
    }

    fn send(&self, step: Step) {
        // There may be no reader.
        let _ = self.0.steps.send(step);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Handshake, authorizer and `$connect` are one request, the end of a connection and its `$disconnect` another.
fn request_of(route: &str, connection: &str, request_id: &str) -> Arc<str> {
    match route {
        "$connect" | "$disconnect" => format!("{connection} {route}").into(),
        _ => request_id.into(),
    }
}

fn status_of(decision: Decision) -> u16 {
    match decision {
        Decision::Allow => 200,
        Decision::Deny => 403,
        Decision::Unauthorized | Decision::NoIdentity => 401,
        _ => 500,
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
