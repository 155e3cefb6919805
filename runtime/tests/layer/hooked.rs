//! A registry into which something else happens, and which counts what it is asked.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

use room_auth::registry::{
    Connection, Page, PageToken, Revocation, Revocations, RoomMember, SingleUse, Trace, UserConnection,
    Written,
};
use room_auth::testing::MemoryRegistry;
use room_auth::{ConnectionId, Registry, RegistryError, RoomId};

type Hook = Box<dyn FnOnce() + Send>;

/// A call of a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Record,
    Find,
    Update,
    Forget,
    Members,
    ConnectionsOf,
    Sweep,
    Revoke,
    Revocations,
}

/// A [`MemoryRegistry`] that runs hooks before its calls.
#[derive(Clone)]
pub(crate) struct Hooked {
    registry: MemoryRegistry,
    hooks: Arc<Mutex<VecDeque<(Call, Hook)>>>,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Hooked {
    pub(crate) fn new(registry: MemoryRegistry) -> Self {
        Self {
            registry,
            hooks: Arc::default(),
            calls: Arc::default(),
        }
    }

    /// Lets something happen right before the next call of this kind.
    pub(crate) fn before_next(&self, call: Call, hook: impl FnOnce() + Send + 'static) {
        self.hooks.lock().unwrap().push_back((call, Box::new(hook)));
    }

    /// Returns what was asked since the last time.
    pub(crate) fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    fn enter(&self, call: Call) -> &MemoryRegistry {
        self.calls.lock().unwrap().push(call);
        let hook = {
            let mut hooks = self.hooks.lock().unwrap();
            let next = hooks.iter().position(|(at, _)| *at == call);
            next.and_then(|index| hooks.remove(index))
        };
        if let Some((_, hook)) = hook {
            hook();
        }
        &self.registry
    }
}

impl Registry for Hooked {
    async fn record(
        &self,
        connection: &Connection,
        token: Option<&SingleUse>,
    ) -> Result<Written, RegistryError> {
        self.enter(Call::Record).record(connection, token).await
    }

    async fn find(&self, id: &ConnectionId) -> Result<Option<Connection>, RegistryError> {
        self.enter(Call::Find).find(id).await
    }

    async fn update(
        &self,
        seen: &Connection,
        next: &Connection,
        token: Option<&SingleUse>,
    ) -> Result<Written, RegistryError> {
        self.enter(Call::Update).update(seen, next, token).await
    }

    async fn forget(&self, seen: &Connection) -> Result<bool, RegistryError> {
        self.enter(Call::Forget).forget(seen).await
    }

    async fn members(
        &self,
        room: &RoomId,
        from: Option<&PageToken>,
    ) -> Result<Page<RoomMember>, RegistryError> {
        self.enter(Call::Members).members(room, from).await
    }

    async fn connections_of(
        &self,
        user: &str,
        from: Option<&PageToken>,
    ) -> Result<Page<UserConnection>, RegistryError> {
        self.enter(Call::ConnectionsOf).connections_of(user, from).await
    }

    async fn sweep(&self, trace: Trace<'_>) -> Result<(), RegistryError> {
        self.enter(Call::Sweep).sweep(trace).await
    }

    async fn revoke(&self, revocation: &Revocation) -> Result<(), RegistryError> {
        self.enter(Call::Revoke).revoke(revocation).await
    }

    async fn revocations(
        &self,
        user: Option<&str>,
        token_id: Option<&str>,
    ) -> Result<Revocations, RegistryError> {
        self.enter(Call::Revocations).revocations(user, token_id).await
    }
}

impl fmt::Debug for Hooked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooked").finish_non_exhaustive()
    }
}
