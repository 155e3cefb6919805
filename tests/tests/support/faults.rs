//! Faults by a seed: a registry that is throttled, and a transport that throttles, is late and loses answers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use room_auth::registry::{BoxFuture, MemberPage, PageToken};
use room_auth::{Connection, ConnectionId, Registry, RegistryError, RoomId, Transport, TransportError};
use tokio::time::sleep;

use super::memory::Memory;
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
    pub(crate) memory: Memory,
    pub(crate) dice: Dice,
    pub(crate) chances: Chances,
}

impl FaultyRegistry {
    /// Does what is asked late, or not at all, or does it and says it did not.
    async fn with_faults<'a, T>(
        &self,
        act: impl FnOnce() -> BoxFuture<'a, Result<T, RegistryError>>,
    ) -> Result<T, RegistryError> {
        sleep(self.dice.millis(20)).await;
        if !self.dice.percent(self.chances.registry_throttled) {
            return act().await;
        }
        if self.dice.percent(50) {
            act().await?;
        }
        Err(RegistryError::throttled("do its work"))
    }
}

impl Registry for FaultyRegistry {
    fn record<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Result<(), RegistryError>> {
        Box::pin(self.with_faults(|| self.memory.record(connection)))
    }

    fn find<'a>(&'a self, id: &'a ConnectionId) -> BoxFuture<'a, Result<Option<Connection>, RegistryError>> {
        Box::pin(self.with_faults(|| self.memory.find(id)))
    }

    fn renew<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Result<bool, RegistryError>> {
        Box::pin(self.with_faults(|| self.memory.renew(connection)))
    }

    fn forget<'a>(
        &'a self,
        id: &'a ConnectionId,
        room: &'a RoomId,
        connected_at: u64,
    ) -> BoxFuture<'a, Result<(), RegistryError>> {
        Box::pin(self.with_faults(move || self.memory.forget(id, room, connected_at)))
    }

    fn members<'a>(
        &'a self,
        room: &'a RoomId,
        from: Option<&'a PageToken>,
    ) -> BoxFuture<'a, Result<MemberPage, RegistryError>> {
        Box::pin(self.with_faults(move || self.memory.members(room, from)))
    }
}

#[derive(Clone, Debug)]
pub(crate) struct FaultyTransport {
    pub(crate) world: WorldTransport,
    pub(crate) dice: Dice,
    pub(crate) chances: Chances,
}

impl FaultyTransport {
    async fn with_faults<'a>(
        &self,
        act: impl FnOnce() -> BoxFuture<'a, Result<(), TransportError>>,
    ) -> Result<(), TransportError> {
        if self.dice.percent(self.chances.transport_throttled) {
            sleep(self.dice.millis(10)).await;
            return Err(TransportError::Throttled);
        }
        let answer = act().await;
        if answer.is_ok() && self.dice.percent(self.chances.answer_lost) {
            return Err(TransportError::Unavailable("the answer was lost".into()));
        }
        answer
    }
}

impl Transport for FaultyTransport {
    fn post<'a>(
        &'a self,
        to: &'a ConnectionId,
        frame: &'a [u8],
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(self.with_faults(|| self.world.post(to, frame)))
    }

    fn close<'a>(&'a self, connection: &'a ConnectionId) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(self.with_faults(|| self.world.close(connection)))
    }
}
