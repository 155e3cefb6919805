//! Faults by a seed: a registry that is throttled, and a transport that throttles, is late and loses answers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use room_auth::registry::{
    Page, PageToken, Revocation, Revocations, RoomMember, SingleUse, Trace, UserConnection, Written,
};
use room_auth::testing::MemoryRegistry;
use room_auth::{
    ApiEndpoint, Connection, ConnectionId, Registry, RegistryError, RoomId, Transport, TransportError,
};
use tokio::time::sleep;

use super::world::WorldTransport;

/// Numbers that a seed determines (`SplitMix64`).
#[derive(Clone, Debug)]
pub(crate) struct Dice(Arc<Mutex<u64>>);

impl Dice {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(seed)))
    }

    pub(crate) fn below(&self, end: u64) -> u64 {
        let mut state = self.0.lock().unwrap();
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end
    }

    pub(crate) fn percent(&self, chance: u64) -> bool {
        self.below(100) < chance
    }

    pub(crate) fn millis(&self, end: u64) -> Duration {
        Duration::from_millis(self.below(end))
    }
}

/// How often things go wrong, in percent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chances {
    pub(crate) registry_throttled: u64,
    pub(crate) transport_throttled: u64,
    pub(crate) answer_lost: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct FaultyRegistry {
    pub(crate) memory: MemoryRegistry,
    pub(crate) dice: Dice,
    pub(crate) chances: Chances,
}

impl FaultyRegistry {
    /// Does what is asked late, or not at all, or does it and says it did not.
    async fn with_faults<T>(
        &self,
        act: impl Future<Output = Result<T, RegistryError>>,
    ) -> Result<T, RegistryError> {
        sleep(self.dice.millis(20)).await;
        if !self.dice.percent(self.chances.registry_throttled) {
            return act.await;
        }
        if self.dice.percent(50) {
            act.await?;
        }
        Err(RegistryError::throttled("do its work"))
    }
}

impl Registry for FaultyRegistry {
    async fn record(
        &self,
        connection: &Connection,
        token: Option<&SingleUse>,
    ) -> Result<Written, RegistryError> {
        self.with_faults(self.memory.record(connection, token)).await
    }

    async fn find(&self, id: &ConnectionId) -> Result<Option<Connection>, RegistryError> {
        self.with_faults(self.memory.find(id)).await
    }

    async fn update(
        &self,
        seen: &Connection,
        next: &Connection,
        token: Option<&SingleUse>,
    ) -> Result<Written, RegistryError> {
        self.with_faults(self.memory.update(seen, next, token)).await
    }

    async fn forget(&self, seen: &Connection) -> Result<bool, RegistryError> {
        self.with_faults(self.memory.forget(seen)).await
    }

    async fn members(
        &self,
        room: &RoomId,
        from: Option<&PageToken>,
    ) -> Result<Page<RoomMember>, RegistryError> {
        self.with_faults(self.memory.members(room, from)).await
    }

    async fn connections_of(
        &self,
        user: &str,
        from: Option<&PageToken>,
    ) -> Result<Page<UserConnection>, RegistryError> {
        self.with_faults(self.memory.connections_of(user, from)).await
    }

    async fn sweep(&self, trace: Trace<'_>) -> Result<(), RegistryError> {
        self.with_faults(self.memory.sweep(trace)).await
    }

    async fn revoke(&self, revocation: &Revocation) -> Result<(), RegistryError> {
        self.with_faults(self.memory.revoke(revocation)).await
    }

    async fn revocations(
        &self,
        user: Option<&str>,
        token_id: Option<&str>,
    ) -> Result<Revocations, RegistryError> {
        self.with_faults(self.memory.revocations(user, token_id)).await
    }
}

#[derive(Clone, Debug)]
pub(crate) struct FaultyTransport {
    pub(crate) world: WorldTransport,
    pub(crate) dice: Dice,
    pub(crate) chances: Chances,
}

impl FaultyTransport {
    async fn with_faults(
        &self,
        act: impl Future<Output = Result<(), TransportError>>,
    ) -> Result<(), TransportError> {
        if self.dice.percent(self.chances.transport_throttled) {
            sleep(self.dice.millis(10)).await;
            return Err(TransportError::Throttled);
        }
        let answer = act.await;
        if answer.is_ok() && self.dice.percent(self.chances.answer_lost) {
            return Err(TransportError::Unavailable("the answer was lost".into()));
        }
        answer
    }
}

impl Transport for FaultyTransport {
    async fn post(&self, at: &ApiEndpoint, to: &ConnectionId, frame: &[u8]) -> Result<(), TransportError> {
        self.with_faults(self.world.post(at, to, frame)).await
    }

    async fn close(&self, at: &ApiEndpoint, connection: &ConnectionId) -> Result<(), TransportError> {
        self.with_faults(self.world.close(at, connection)).await
    }
}
