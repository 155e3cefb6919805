//! A registry into which something else happens.

use std::fmt;
use std::sync::{Arc, Mutex};

use room_auth::registry::{
    Connection, Page, PageToken, Revocation, Revocations, RoomMember, SingleUse, Trace, UserConnection,
    Written,
};
use room_auth::testing::MemoryRegistry;
use room_auth::{ConnectionId, Registry, RegistryError, RoomId};

type Hook = Box<dyn FnOnce() + Send>;

/// A [`MemoryRegistry`] that runs a hook before it forgets.
#[derive(Clone)]
pub(crate) struct Hooked {
    registry: MemoryRegistry,
    before_forget: Arc<Mutex<Option<Hook>>>,
}

impl Hooked {
    pub(crate) fn new(registry: MemoryRegistry) -> Self {
        Self {
            registry,
            before_forget: Arc::default(),
        }
    }

    pub(crate) fn before_next_forget(&self, hook: impl FnOnce() + Send + 'static) {
        *self.before_forget.lock().unwrap() = Some(Box::new(hook));
    }
}

impl Registry for Hooked {
    async fn record(
        &self,
        connection: &Connection,
        token: Option<&SingleUse>,
    ) -> Result<Written, RegistryError> {
        self.registry.record(connection, token).await
    }

    async fn find(&self, id: &ConnectionId) -> Result<Option<Connection>, RegistryError> {
        self.registry.find(id).await
    }

    async fn update(
        &self,
        seen: &Connection,
        next: &Connection,
        token: Option<&SingleUse>,
    ) -> Result<Written, RegistryError> {
        self.registry.update(seen, next, token).await
    }

    async fn forget(&self, seen: &Connection) -> Result<bool, RegistryError> {
        let hook = self.before_forget.lock().unwrap().take();
        if let Some(hook) = hook {
            hook();
        }
        self.registry.forget(seen).await
    }

    async fn members(
        &self,
        room: &RoomId,
        from: Option<&PageToken>,
    ) -> Result<Page<RoomMember>, RegistryError> {
        self.registry.members(room, from).await
    }

    async fn connections_of(
        &self,
        user: &str,
        from: Option<&PageToken>,
    ) -> Result<Page<UserConnection>, RegistryError> {
        self.registry.connections_of(user, from).await
    }

    async fn sweep(&self, trace: Trace<'_>) -> Result<(), RegistryError> {
        self.registry.sweep(trace).await
    }

    async fn revoke(&self, revocation: &Revocation) -> Result<(), RegistryError> {
        self.registry.revoke(revocation).await
    }

    async fn revocations(
        &self,
        user: Option<&str>,
        token_id: Option<&str>,
    ) -> Result<Revocations, RegistryError> {
        self.registry.revocations(user, token_id).await
    }
}

impl fmt::Debug for Hooked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooked").finish_non_exhaustive()
    }
}
