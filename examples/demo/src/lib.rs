//! Runs the whole room chat on one machine: a backend that signs tokens, the local API Gateway with the real Lambda
//! functions behind it, and the page.
//!
//! | to see | look at |
//! | --- | --- |
//! | how a backend logs users in and hands out tokens | `backend` |
//! | what runs behind the page | `stack` |
//! | what an identity provider does | `issuer` |
//! | what puts a user out | `backend::out`, `revocation` |
//! | what an attacker would try | `attacks` |
//! | how the page knows what happens inside | `events` |
//! | what the functions call, and who may not | `relay`, `database`, `loopback` |
//! | how the functions are built | `cargo` |

mod attacks;
mod aws;
mod backend;
mod cargo;
mod clock;
mod database;
mod error;
mod events;
mod issuer;
mod loopback;
mod options;
mod relay;
mod revocation;
mod stack;

use std::{io::Write as _, net::SocketAddr, sync::Arc, time::Duration};

use room_auth::Issuer;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub use error::DemoError;
pub use issuer::LocalIssuer;
pub use options::Options;
pub use stack::Endpoints;

use backend::Backend;
use stack::Stack;

/// Runs the demo until `shutdown` completes. Prints one line when the page can be opened:
/// `ready: http://127.0.0.1:<port>/`.
///
/// # Errors
///
/// Returns an error if a port is taken, or if a part does not build or start.
pub async fn run(options: Options, shutdown: impl Future<Output = ()>) -> Result<(), DemoError> {
    tokio::pin!(shutdown);
    let demo = tokio::select! {
        demo = Demo::start(options) => demo?,
        // Dropping the future ends what it has started.
        () = &mut shutdown => return Ok(()),
    };
    // Standard output may be closed.
    let _ = writeln!(std::io::stdout(), "ready: {}", demo.url());
    shutdown.await;
    demo.stop().await;
    Ok(())
}

/// How long requests may go on when the demo stops.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// A running demo.
#[derive(Debug)]
pub struct Demo {
    address: SocketAddr,
    stack: Arc<Stack>,
    stopping: CancellationToken,
    server: JoinHandle<()>,
}

impl Demo {
    /// Builds the functions, starts everything and serves the page.
    ///
    /// # Errors
    ///
    /// Returns an error if a port is taken, or if a part does not build or start.
    pub async fn start(options: Options) -> Result<Self, DemoError> {
        // Before the build, so that a taken port is reported at once.
        let (listener, address) = listen("--port", options.port).await?;
        listen("--gateway-port", options.gateway_port).await?;
        let stack = Arc::new(Stack::start(&options).await?);
        let stopping = CancellationToken::new();
        let backend = Backend::new(stack.clone(), address, stopping.clone());
        let server = tokio::spawn(backend.serve(listener));
        Ok(Self {
            address,
            stack,
            stopping,
            server,
        })
    }

    /// Returns the URL of the page.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Returns where a program of the operator's reaches the same database and connections as the functions.
    pub fn endpoints(&self) -> Endpoints {
        self.stack.endpoints()
    }

    /// Returns the issuer of the backend's tokens, for a program of the operator's that lets users into further rooms.
    pub fn issuer(&self) -> &Issuer {
        &self.stack.issuer
    }

    /// Stops everything, and returns when no process is left.
    pub async fn stop(mut self) {
        self.stopping.cancel();
        if tokio::time::timeout(STOP_GRACE, &mut self.server).await.is_err() {
            self.server.abort();
        }
        self.stack.stop().await;
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.stopping.cancel();
        self.server.abort();
    }
}

async fn listen(option: &'static str, port: u16) -> Result<(TcpListener, SocketAddr), DemoError> {
    let failed = |source| DemoError::Port { option, port, source };
    let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}
