//! The running API: what every connection and call shares.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    authorizer::Authorizer,
    connections::{Connection, Connections},
    event::{self, Moment},
    faults::Faults,
    function::{FunctionPool, InvokeError},
    ids,
    limits::{Limits, Throttle},
    observe::{ObservedEvent, Observer},
    proxy::ProxyResponse,
    selection::SelectionExpression,
};

#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) id: String,
    pub(crate) stage: String,
    pub(crate) region: String,
    pub(crate) account_id: String,
    /// `domainName` of the events: a host, and a port that API Gateway would not have.
    pub(crate) domain_name: String,
    pub(crate) port: u16,
    pub(crate) stage_variables: BTreeMap<String, String>,
    pub(crate) signed_management_only: bool,
    pub(crate) selection: SelectionExpression,
    pub(crate) routes: HashMap<String, Route>,
    pub(crate) authorizer: Option<Authorizer>,
    pub(crate) limits: Limits,
    pub(crate) new_connections: Throttle,
    pub(crate) requests: Throttle,
    pub(crate) connections: Connections,
    pub(crate) faults: Faults,
    pub(crate) observer: Observer,
    /// Ends the sockets; nobody new is let in.
    pub(crate) closing: CancellationToken,
    /// Ends the listener. Later: functions that hear of an end may still call `@connections`.
    pub(crate) closed: CancellationToken,
    /// Everything that may still call a function: handshakes, sockets, messages, disconnects.
    pub(crate) tasks: TaskTracker,
}

#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) key: Arc<str>,
    pub(crate) function: Arc<FunctionPool>,
    /// Whether the function's answer is sent to the client.
    pub(crate) response: bool,
}

/// Why an integration has no usable answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IntegrationError {
    /// The function failed, or answered what is no proxy response.
    Failed,
    /// It took longer than the integration timeout.
    TimedOut,
}

impl Api {
    pub(crate) fn route(&self, key: &str) -> Option<&Route> {
        self.routes.get(key)
    }

    /// The route of a message: the one that the selection expression names, or `$default`.
    pub(crate) fn route_of_message(&self, message: &str) -> Option<&Route> {
        let key = self.selection.evaluate(message).unwrap_or_default();
        // A client cannot pretend that it connects.
        let selected = if matches!(key.as_str(), "$connect" | "$disconnect") {
            None
        } else {
            self.route(&key)
        };
        selected.or_else(|| self.route("$default"))
    }

    pub(crate) fn method_arn(&self) -> String {
        let Self {
            region,
            account_id,
            id,
            stage,
            ..
        } = self;
        format!("arn:aws:execute-api:{region}:{account_id}:{id}/{stage}/$connect")
    }

    pub(crate) fn allows_request(&self) -> bool {
        self.requests.allows(Instant::now())
    }

    /// Calls the function of `route`, for at most the integration timeout.
    pub(crate) async fn integrate(
        &self,
        route: &Route,
        connection_id: &Arc<str>,
        event: Vec<u8>,
    ) -> Result<ProxyResponse, IntegrationError> {
        let (response, _) = self.call(&route.key, &route.function, connection_id, event).await;
        response
    }

    async fn call(
        &self,
        key: &Arc<str>,
        function: &Arc<FunctionPool>,
        connection_id: &Arc<str>,
        event: Vec<u8>,
    ) -> (Result<ProxyResponse, IntegrationError>, Duration) {
        let request_id: Arc<str> = ids::lambda_request_id().into();
        let name = function.shared_name();
        self.observer
            .tell(connection_id, || ObservedEvent::FunctionInvoked {
                route: key.clone(),
                function: name.clone(),
                request_id: request_id.clone(),
            });
        let started = Instant::now();
        let answer = self.invoke(function, &request_id, event).await;
        let response =
            answer.and_then(|answer| ProxyResponse::parse(&answer).ok_or(IntegrationError::Failed));
        let took = started.elapsed();
        self.observer
            .tell(connection_id, || ObservedEvent::FunctionAnswered {
                route: key.clone(),
                function: name,
                request_id,
                status: response.as_ref().ok().map(|response| response.status),
                took,
            });
        (response, took)
    }

    async fn invoke(
        &self,
        function: &FunctionPool,
        request_id: &str,
        event: Vec<u8>,
    ) -> Result<bytes::Bytes, IntegrationError> {
        let call = function.invoke_as(request_id.to_owned(), event.into());
        match tokio::time::timeout(self.limits.integration_timeout, call).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(InvokeError::TimedOut { .. }))
                if self.limits.integration_timeout <= function.timeout() =>
            {
                Err(IntegrationError::TimedOut)
            }
            Ok(Err(_)) => Err(IntegrationError::Failed),
            Err(_) => Err(IntegrationError::TimedOut),
        }
    }

    /// Takes the connection out of the list and tells the function of `$disconnect`, if there is one.
    pub(crate) async fn disconnected(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        code: u16,
        reason: &str,
    ) {
        self.connections.remove(connection);
        let id = &connection.info.id;
        self.faults.forget(id);
        self.observer.tell(id, || ObservedEvent::Closed { code });
        let Some(route) = self.route("$disconnect") else {
            return;
        };
        if !self.faults.delivers_disconnect().await {
            return;
        }
        let event = event::disconnect(self, &connection.info, &Moment::now(), code, reason);
        // Nobody is left who could be told of a failure.
        let _ = self.integrate(route, id, event).await;
    }
}
