//! What all requests share.

use std::{net::SocketAddr, sync::Arc};

use room_auth::SystemClock;
use tokio_util::sync::CancellationToken;

use super::{
    accounts::{Account, Accounts},
    attempts::Attempts,
    devices::Devices,
    passwords::Busy,
    provider::Provider,
    sessions::Sessions,
    standings::Standings,
};
use crate::{attacks::Attacks, issuer::LocalIssuer, stack::Stack};

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Backend {
    pub(super) stack: Arc<Stack>,
    pub(super) accounts: Accounts,
    /// Logs users in, in place of the accounts' passwords.
    pub(super) provider: Option<Provider>,
    pub(super) attempts: Attempts,
    pub(super) devices: Devices,
    pub(super) sessions: Sessions,
    pub(super) standings: Standings,
    pub(super) attacks: Attacks,
    pub(super) address: SocketAddr,
    pub(super) stopping: CancellationToken,
}

impl Backend {
    pub(crate) fn new(stack: Arc<Stack>, address: SocketAddr, stopping: CancellationToken) -> Self {
        Self {
            attacks: Attacks::new(stack.clone()),
            accounts: Accounts::new(),
            provider: stack.provider.as_ref().map(LocalIssuer::url).map(Provider::new),
            attempts: Attempts::new(),
            devices: Devices::new(),
            sessions: Sessions::new(),
            standings: Standings::new(SystemClock),
            stack,
            address,
            stopping,
        }
    }

    /// Returns the account if the password is its own, and what the identity provider renews its tokens for.
    pub(super) async fn log_in(
        &self,
        user: &str,
        password: String,
    ) -> Result<Option<(&'static Account, Option<String>)>, Busy> {
        let Some(provider) = &self.provider else {
            let account = self.accounts.log_in(user, password).await?;
            return Ok(account.map(|account| (account, None)));
        };
        let tokens = provider.log_in(user, &password).await.map_err(|_| Busy)?;
        Ok(tokens.and_then(|tokens| Some((Account::named(user)?, Some(tokens.refresh_token)))))
    }
}
