//! The running gateway, as its owner sees it.

use std::{collections::HashMap, fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::task::JoinHandle;

#[cfg(feature = "dynamodb")]
use crate::dynamodb::DynamoDb;
use crate::{
    api::Api,
    bill::Bill,
    defaults::FunctionDefaults,
    error::StartError,
    faults::Faults,
    function::{Function, FunctionPool},
    http::Tls,
    observations::Observations,
    recorder::Recorder,
    usage::{self, FunctionUsage, TableUsage},
};

/// How long functions may work on the `$disconnect`s of a shutdown.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(3);

/// A running WebSocket API. Dropping it closes its sockets and kills its functions;
/// [`shutdown`](Self::shutdown) also lets them finish.
pub struct Gateway {
    pub(crate) api: Arc<Api>,
    pub(crate) functions: HashMap<String, Arc<FunctionPool>>,
    pub(crate) defaults: FunctionDefaults,
    #[cfg(feature = "dynamodb")]
    pub(crate) database: Option<DynamoDb>,
    pub(crate) tls: Option<Tls>,
    pub(crate) recorder: Option<Arc<Recorder>>,
    pub(crate) server: JoinHandle<()>,
    pub(crate) local_addr: SocketAddr,
    pub(crate) reachable_at: SocketAddr,
    pub(crate) inspector: Option<(SocketAddr, JoinHandle<()>)>,
}

impl Gateway {
    /// Returns the URL for clients: `ws://127.0.0.1:<port>/<stage>`, or `wss://…` with TLS.
    pub fn websocket_url(&self) -> String {
        self.api
            .stage
            .websocket_url(self.reachable_at, self.tls.is_some())
    }

    /// Returns the endpoint of `@connections` for the AWS SDKs: `http://127.0.0.1:<port>/<stage>`. Functions find it
    /// in `AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI`. With TLS `https://` works too.
    pub fn management_endpoint(&self) -> String {
        format!("http://{}{}", self.reachable_at, self.api.stage.path())
    }

    /// Returns the file, as PEM, with the certificate that clients have to trust for `wss://` and `https://`, if there
    /// is [TLS](crate::GatewayBuilder::tls). It is deleted with the gateway.
    #[cfg(feature = "tls")]
    pub fn ca_file(&self) -> Option<&std::path::Path> {
        self.tls.as_ref().map(Tls::ca_file)
    }

    /// Returns the endpoint of the embedded DynamoDB for the AWS SDKs, if there are
    /// [tables](crate::GatewayBuilder::table).
    #[cfg(feature = "dynamodb")]
    pub fn dynamodb_endpoint(&self) -> Option<&str> {
        self.database.as_ref().map(DynamoDb::endpoint)
    }

    /// Returns the URL of the inspector's page, if there is [one](crate::GatewayBuilder::inspect).
    pub fn inspector_url(&self) -> Option<String> {
        let (address, _) = self.inspector.as_ref()?;
        Some(format!("http://{address}/"))
    }

    /// Returns the address that the gateway listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Returns the ids of the open connections.
    pub fn connection_ids(&self) -> Vec<Arc<str>> {
        self.api.connections.ids()
    }

    /// Returns how many connections are open.
    pub fn connection_count(&self) -> usize {
        self.api.connections.len()
    }

    /// Returns what the use of this gateway so far would have cost on AWS, by the prices of us-east-1, so that a test can
    /// hold a budget.
    ///
    /// ```no_run
    /// # async fn run(gateway: room_auth_gateway::Gateway) {
    /// assert!(gateway.bill().messages < 100);
    /// assert!(gateway.bill().total() < 0.001);
    /// # }
    /// ```
    pub fn bill(&self) -> Bill {
        let api = &self.api.usage;
        let open = self.api.connections.connected_at().into_iter();
        let open = open.map(|since| usage::minutes(self.api.clock.since(since)));
        let functions = || self.functions.values().map(|function| function.usage());
        #[cfg(feature = "dynamodb")]
        let tables = self.database.as_ref().map(DynamoDb::usage);
        #[cfg(not(feature = "dynamodb"))]
        let tables: Option<&TableUsage> = None;
        Bill {
            messages: api.messages(),
            connection_minutes: api.minutes() + open.sum::<u64>(),
            invocations: functions().map(FunctionUsage::invocations).sum(),
            gb_seconds: functions().map(FunctionUsage::gb_seconds).sum(),
            read_units: tables.map_or(0.0, TableUsage::read_units),
            write_units: tables.map_or(0.0, TableUsage::write_units),
        }
    }

    /// Returns what happens from now on, to wait for in a test: a step of a connection, without its content.
    ///
    /// ```no_run
    /// use room_auth_gateway::{Gateway, ObservedEvent};
    ///
    /// # async fn run(gateway: Gateway) -> Result<(), room_auth_gateway::NotObserved> {
    /// let mut seen = gateway.observations();
    /// // … a client connects and leaves …
    /// let closed = seen.until(|seen| matches!(seen.event, ObservedEvent::Closed { .. })).await?;
    /// println!("{} has left", closed.connection_id);
    /// # Ok(())
    /// # }
    /// ```
    pub fn observations(&self) -> Observations {
        Observations::new(self.api.observer.subscribe())
    }

    /// Returns the means to inject faults, for tests.
    pub fn faults(&self) -> Faults {
        self.api.faults.clone()
    }

    /// Replaces the function of that name by another version of it, while the sockets stay open: starts a first process
    /// of `function`, and from then on invokes that. What the old version is working on it works on to its end.
    ///
    /// # Errors
    ///
    /// If there is no function of that name, or it cannot be started. Then the old version goes on.
    pub async fn replace_function(&self, name: &str, function: Function) -> Result<(), StartError> {
        let pool = self
            .functions
            .get(name)
            .ok_or_else(|| StartError::UnknownFunction {
                user: "the replacement".to_owned(),
                function: name.to_owned(),
            })?;
        Ok(pool.replace(self.defaults.apply(name, function)).await?)
    }

    /// Checks that all that has happened could be recorded; see [`GatewayBuilder::record`](crate::GatewayBuilder::record).
    /// Without a recording there is nothing to fail.
    ///
    /// # Errors
    ///
    /// If the file could not be written any more. The recording breaks off there; the gateway goes on.
    pub fn check_recording(&self) -> io::Result<()> {
        self.recorder.as_ref().map_or(Ok(()), |recorder| recorder.check())
    }

    /// Begins to end: what happens from now on is not the clients' doing, and is not recorded.
    fn close(&self) {
        if let Some(recorder) = &self.recorder {
            recorder.end(self.api.clock.now());
        }
        self.api.closing.cancel();
    }

    /// Closes the sockets with 1001, invokes `$disconnect` for each of them for at most 3 seconds, and kills the
    /// functions' processes. Returns when they are gone.
    pub async fn shutdown(mut self) {
        self.close();
        self.api.tasks.close();
        // What has not ended by then ends with the functions.
        let _ = tokio::time::timeout(SHUTDOWN_GRACE, self.api.tasks.wait()).await;
        self.api.closed.cancel();
        // The servers' tasks never panic. When they have ended, the ports are free.
        let _ = (&mut self.server).await;
        if let Some((_, inspector)) = &mut self.inspector {
            let _ = inspector.await;
        }
        for function in self.functions.values() {
            function.stop();
        }
        for function in self.functions.values() {
            function.stopped().await;
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.close();
        self.api.closed.cancel();
        self.server.abort();
        if let Some((_, inspector)) = &self.inspector {
            inspector.abort();
        }
        for function in self.functions.values() {
            function.stop();
        }
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("url", &self.websocket_url())
            .field("connections", &self.connection_count())
            .field("functions", &self.functions.values())
            .finish_non_exhaustive()
    }
}
