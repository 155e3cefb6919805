//! The running API, which all connections and calls share.

use std::{collections::HashMap, sync::Arc};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    authorizer::Authorizer,
    call::Call,
    clock::Clock,
    connections::{Connection, Connections},
    event::{self, RequestStamp},
    faults::Faults,
    function::{FunctionPool, InvokeError, Outcome},
    http::Hosts,
    ids,
    journal::{ClosedBy, Content, Journal},
    limits::{Limits, Throttle},
    observe::{ObservedEvent, Observer},
    proxy_response::ProxyResponse,
    selection::SelectionExpression,
    stage::Stage,
    usage::ApiUsage,
};

#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) stage: Stage,
    pub(crate) signed_management_only: bool,
    /// The hosts by which `@connections` may be called.
    pub(crate) hosts: Hosts,
    pub(crate) selection: SelectionExpression,
    pub(crate) routes: HashMap<String, Route>,
    pub(crate) authorizer: Option<Authorizer>,
    pub(crate) limits: Limits,
    /// What everything but the functions takes the time from.
    pub(crate) clock: Clock,
    pub(crate) new_connections: Throttle,
    pub(crate) requests: Throttle,
    pub(crate) connections: Connections,
    pub(crate) faults: Faults,
    pub(crate) observer: Observer,
    pub(crate) journal: Journal,
    pub(crate) usage: ApiUsage,
    /// Cancelled to end the sockets and to refuse new ones.
    pub(crate) closing: CancellationToken,
    /// Cancelled to end the listener, later than the sockets: functions invoked for `$disconnect` may still call
    /// @connections.
    pub(crate) closed: CancellationToken,
    /// Every task that may still call a function: handshakes, sockets, messages, disconnects.
    pub(crate) tasks: TaskTracker,
}

#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) key: Arc<str>,
    pub(crate) function: Arc<FunctionPool>,
    /// Whether the function's response is sent to the client.
    pub(crate) has_response: bool,
}

/// The reason why an integration has no usable response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IntegrationError {
    /// The function failed, or its answer is not a proxy response.
    Failed,
    /// Lambda has refused the invocation.
    Refused,
    /// The function took longer than the integration timeout.
    TimedOut,
}

impl Api {
    pub(crate) fn route(&self, key: &str) -> Option<&Route> {
        self.routes.get(key)
    }

    /// Returns the route of a message: the one that the selection expression names, or `$default`.
    pub(crate) fn route_of_message(&self, message: &str) -> Option<&Route> {
        let key = self.selection.evaluate(message).unwrap_or_default();
        // A message cannot pretend to be a connect or a disconnect.
        let selected = if matches!(key.as_str(), "$connect" | "$disconnect") {
            None
        } else {
            self.route(&key)
        };
        selected.or_else(|| self.route("$default"))
    }

    pub(crate) fn allows_request(&self) -> bool {
        self.requests.allows(self.clock.now())
    }

    /// Calls the function of `route`, and waits for at most the integration timeout.
    pub(crate) async fn integrate(
        &self,
        route: &Route,
        connection_id: &Arc<str>,
        event: Vec<u8>,
    ) -> Result<ProxyResponse, IntegrationError> {
        let request_id: Arc<str> = ids::lambda_request_id().into();
        let (key, function) = (&route.key, route.function.shared_name());
        self.observer
            .notify(connection_id, || ObservedEvent::FunctionInvoked {
                route: key.clone(),
                function: function.clone(),
                request_id: request_id.clone(),
            });
        let call = Call {
            route: Some(key.clone()),
            is_resent: false,
            function: &route.function,
            connection_id,
            request_id: &request_id,
            event: event.into(),
            limit: self.limits.integration_timeout,
        };
        let (outcome, took) = call.run(&self.journal).await;
        let run = outcome.as_ref().and_then(|outcome| outcome.run);
        let response = self.response(&route.function, outcome);
        self.observer
            .notify(connection_id, || ObservedEvent::FunctionAnswered {
                route: key.clone(),
                function,
                request_id,
                status: response.as_ref().ok().map(|response| response.status),
                took,
                cold: run.is_some_and(|run| run.is_cold),
            });
        response
    }

    /// Reads the response out of what a call has led to, if the function was not too slow.
    fn response(
        &self,
        function: &FunctionPool,
        outcome: Option<Outcome>,
    ) -> Result<ProxyResponse, IntegrationError> {
        let outcome = outcome.ok_or(IntegrationError::TimedOut)?;
        let answer = outcome.answer.map_err(|error| match error {
            InvokeError::TimedOut { .. } if self.limits.integration_timeout <= function.timeout() => {
                IntegrationError::TimedOut
            }
            InvokeError::Throttled => IntegrationError::Refused,
            _ => IntegrationError::Failed,
        })?;
        ProxyResponse::parse(&answer).ok_or(IntegrationError::Failed)
    }

    /// Takes the connection out of the list, and invokes `$disconnect` if there is such a route.
    pub(crate) async fn disconnected(
        &self,
        connection: &Arc<Connection>,
        by: ClosedBy,
        code: u16,
        reason: &str,
    ) {
        self.connections.remove(connection);
        let (id, ended_at) = (&connection.info.id, self.clock.now());
        self.faults.forget(id);
        self.usage
            .connection(self.clock.since(connection.info.connected_at));
        self.observer.notify(id, || ObservedEvent::Closed { code });
        self.journal.note(id, || Content::Closed {
            by,
            code,
            reason: reason.to_owned(),
        });
        let Some(route) = self.route("$disconnect") else {
            return;
        };
        if !self.faults.delivers_disconnect(ended_at).await {
            return;
        }
        let event = event::disconnect(
            &self.stage,
            &connection.info,
            &RequestStamp::new(self.clock.now()),
            code,
            reason,
        );
        // Nobody is left to be told of a failure.
        let _ = self.integrate(route, id, event).await;
    }
}
