//! The backend: logs users in, hands out tokens for rooms they may enter, serves the page.
//!
//! What a backend of your own needs of this: [`accounts`] and [`sessions`] are usually there already, [`guard`] is
//! worth a look, and the token is made in [`tokens`].

mod accounts;
mod api;
mod assets;
mod attempts;
mod guard;
mod reply;
mod sessions;
mod tokens;

use std::{net::SocketAddr, sync::Arc};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{attacks::Attacks, stack::Stack};
use accounts::Accounts;
use attempts::Attempts;
use sessions::Sessions;

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Backend {
    stack: Arc<Stack>,
    accounts: Accounts,
    attempts: Attempts,
    sessions: Sessions,
    attacks: Attacks,
    address: SocketAddr,
    stopping: CancellationToken,
}

impl Backend {
    pub(crate) fn new(stack: Arc<Stack>, address: SocketAddr, stopping: CancellationToken) -> Self {
        Self {
            attacks: Attacks::new(stack.clone()),
            accounts: Accounts::new(),
            attempts: Attempts::new(),
            sessions: Sessions::new(),
            stack,
            address,
            stopping,
        }
    }

    /// Serves until it is told to stop.
    pub(crate) async fn serve(self, listener: TcpListener) {
        let stopping = self.stopping.clone();
        let router = api::router(Arc::new(self));
        let server = axum::serve(listener, router).with_graceful_shutdown(stopping.cancelled_owned());
        // It never fails: a connection that cannot be accepted is tried again.
        let _ = server.await;
    }
}
