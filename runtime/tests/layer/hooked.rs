//! A registry into which something else happens.

use std::fmt;
use std::sync::{Arc, Mutex};

use room_auth::registry::{Connection, ConnectionPage, PageToken};
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
    async fn record(&self, connection: &Connection) -> Result<(), RegistryError> {
        self.registry.record(connection).await
    }

    async fn find(&self, id: &ConnectionId) -> Result<Option<Connection>, RegistryError> {
        self.registry.find(id).await
    }

    async fn renew(&self, renewed: &Connection) -> Result<bool, RegistryError> {
        self.registry.renew(renewed).await
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
    ) -> Result<ConnectionPage, RegistryError> {
        self.registry.members(room, from).await
    }
}

impl fmt::Debug for Hooked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooked").finish_non_exhaustive()
    }
}
