//! The running gateway, in the hands of its owner.

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use tokio::task::JoinHandle;

use crate::{api::Api, builder::GatewayBuilder, faults::Faults, function::FunctionPool};

/// How long functions may take to hear of the connections that a shutdown closes.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(3);

/// A running WebSocket API. Dropping it closes its sockets and kills its functions;
/// [`shutdown`](Self::shutdown) does so in good order.
pub struct Gateway {
    pub(crate) api: Arc<Api>,
    pub(crate) functions: Vec<Arc<FunctionPool>>,
    pub(crate) server: JoinHandle<()>,
    pub(crate) local_addr: SocketAddr,
    pub(crate) reachable_at: SocketAddr,
}

impl Gateway {
    /// Describes a gateway to [`start`](GatewayBuilder::start).
    pub fn builder() -> GatewayBuilder {
        GatewayBuilder::new()
    }

    /// Where clients connect: `ws://127.0.0.1:<port>/<stage>`.
    pub fn websocket_url(&self) -> String {
        format!("ws://{}/{}", self.reachable_at, self.api.stage)
    }

    /// The endpoint of `@connections` for the AWS SDKs: `http://127.0.0.1:<port>/<stage>`. Functions have it
    /// in `AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI`.
    pub fn management_endpoint(&self) -> String {
        format!("http://{}/{}", self.reachable_at, self.api.stage)
    }

    /// The address the gateway listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The ids of the open connections.
    pub fn connection_ids(&self) -> Vec<Arc<str>> {
        self.api.connections.ids()
    }

    /// How many connections are open.
    pub fn connection_count(&self) -> usize {
        self.api.connections.len()
    }

    /// Orders faults, for tests.
    pub fn faults(&self) -> Faults {
        self.api.faults.clone()
    }

    /// Closes the sockets with 1001, lets the functions hear of it for a few seconds at most, and kills their
    /// processes; returns when they are gone.
    pub async fn shutdown(mut self) {
        self.api.closing.cancel();
        self.api.tasks.close();
        // What has not ended by then ends with the functions.
        let _ = tokio::time::timeout(SHUTDOWN_GRACE, self.api.tasks.wait()).await;
        self.api.closed.cancel();
        // It only accepts, and never panics; from here on the port is free.
        let _ = (&mut self.server).await;
        for function in &self.functions {
            function.stop();
        }
        for function in &self.functions {
            function.stopped().await;
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.api.closing.cancel();
        self.api.closed.cancel();
        self.server.abort();
        for function in &self.functions {
            function.stop();
        }
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("url", &self.websocket_url())
            .field("connections", &self.connection_count())
            .field("functions", &self.functions)
            .finish_non_exhaustive()
    }
}
