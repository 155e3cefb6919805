//! What the page is shown of the inside: the gateway's observations, the functions' own log lines and the calls
//! that functions make, put together by request.

mod calls;
mod log;

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
pub(crate) use calls::{Called, What};
pub(crate) use log::Refusal;

/// One step of a request, as the page draws it. Holds no token, no text and no claims.
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

/// How long a refusal waits for the log line that tells its reason: they come by different pipes.
const REASON_PATIENCE: Duration = Duration::from_millis(100);
/// Steps that a slow reader may be behind before it misses some.
const BACKLOG: usize = 1024;

/// Collects what happens, and tells whoever listens. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Events(Arc<Hub>);

#[derive(Debug)]
struct Hub {
    state: Mutex<State>,
    steps: broadcast::Sender<Step>,
    refusals: broadcast::Sender<Refusal>,
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
        }))
    }

    /// What happens from now on.
    pub(crate) fn steps(&self) -> broadcast::Receiver<Step> {
        self.0.steps.subscribe()
    }

    /// What functions refuse from now on.
    pub(crate) fn refusals(&self) -> broadcast::Receiver<Refusal> {
        self.0.refusals.subscribe()
    }

    /// The connection whose handshake comes from this port of the machine.
    pub(crate) fn connection_from(&self, source_port: u16) -> Option<Arc<str>> {
        let state = self.state();
        let mut handshakes = state.handshakes.iter();
        let found = handshakes.find(|(_, handshake)| handshake.source_port == source_port);
        found.map(|(connection, _)| connection.clone())
    }

    /// Takes what the gateway observed.
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
                self.tell(Step {
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
                        connection,
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
                // A function that fails is what API Gateway calls a bad gateway.
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
                self.tell(Step {
                    ms: took,
                    route,
                    ..step("frame-out", request, "")
                });
            }
            ObservedEvent::Closed { .. } => {
                self.state().calls.forget(&connection);
                self.forget_later(connection.clone());
                let request = request_of("$disconnect", &connection, "");
                self.tell(step("close", request, "$disconnect"));
            }
            // The calls of @connections are seen with their times where they are made; the rest is not drawn.
            _ => {}
        }
    }

    /// A function makes a call: a frame that it sends is drawn as part of its request.
    pub(crate) fn calling(&self, called: &Called) {
        if let What::Management {
            connection,
            posts: true,
        } = &called.what
        {
            let mut state = self.state();
            if let Some(call) = state.calls.of(called).cloned() {
                state.calls.posting(connection, call, SystemTime::now());
            }
        }
    }

    /// A call of a function was answered.
    pub(crate) fn called(&self, called: Called, took: Duration, status: u16) {
        let mut state = self.state();
        // What nobody is waiting for, and what is none of the functions', is not drawn.
        let Some(Call {
            request,
            connection,
            route,
        }) = state.calls.of(&called).cloned()
        else {
            return;
        };
        let (name, connection, status, operation) = match called.what {
            // An item that is not as expected is a 400, and no refusal.
            What::DynamoDb(operation) => ("dynamodb", connection, None, operation),
            What::Management { connection, posts } => {
                if posts && status != 200 {
                    state.calls.not_posted(&connection);
                }
                ("management", connection, Some(status), None)
            }
        };
        drop(state);
        self.tell(Step {
            at: millis(SystemTime::now()),
            name,
            request,
            connection: Some(connection),
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
            self.tell(Step {
                reason: Some(refusal.reason.clone()),
                ..step
            });
        }
        // Nobody may be waiting for it.
        let _ = self.0.refusals.send(refusal);
    }

    /// Tells the step, with its reason if it is a refusal.
    fn explain(&self, step: Step) {
        let Some(connection) = step.connection.clone() else {
            return self.tell(step);
        };
        let reason = self.state().reasons.remove(&*connection);
        if reason.is_some() || step.status.is_none_or(|status| status < 400) {
            return self.tell(Step { reason, ..step });
        }
        self.state().unexplained.insert(connection.to_string(), step);
        let this = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(REASON_PATIENCE).await;
            let step = this.state().unexplained.remove(&*connection);
            if let Some(step) = step {
                this.tell(step);
            }
        });
    }

    /// Whoever made the handshake may still ask which connection it was.
    fn forget_later(&self, connection: Arc<str>) {
        let this = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(5)).await;
            let mut state = this.state();
            state.handshakes.remove(&connection);
            state.reasons.remove(&*connection);
        });
    }

    fn tell(&self, step: Step) {
        // Nobody may be looking.
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
