//! What all requests share.

use std::{net::SocketAddr, sync::Arc};

use tokio_util::sync::CancellationToken;

use super::{accounts::Accounts, attempts::Attempts, devices::Devices, sessions::Sessions};
use crate::{attacks::Attacks, stack::Stack};

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Backend {
    pub(super) stack: Arc<Stack>,
    pub(super) accounts: Accounts,
    pub(super) attempts: Attempts,
    pub(super) devices: Devices,
    pub(super) sessions: Sessions,
    pub(super) attacks: Attacks,
    pub(super) address: SocketAddr,
    pub(super) stopping: CancellationToken,
}

impl Backend {
    pub(crate) fn new(stack: Arc<Stack>, address: SocketAddr, stopping: CancellationToken) -> Self {
        Self {
            attacks: Attacks::new(stack.clone()),
            accounts: Accounts::new(),
            attempts: Attempts::new(),
            devices: Devices::new(),
            sessions: Sessions::new(),
            stack,
            address,
            stopping,
        }
    }
}
