//! The registry in memory, on a line.

use room_auth::registry::{
    Page, PageToken, Revocation, Revocations, RoomMember, SingleUse, Trace, UserConnection, Written,
};
use room_auth::testing::MemoryRegistry;
use room_auth::{Connection, ConnectionId, Registry, RegistryError, RoomId};

use crate::gates::Line;
use crate::steps::Fault;

#[derive(Clone, Debug)]
pub(crate) struct LineToMemory {
    pub(crate) memory: MemoryRegistry,
    pub(crate) line: Line,
}

impl LineToMemory {
    async fn ask<T>(&self, act: impl Future<Output = Result<T, RegistryError>>) -> Result<T, RegistryError> {
        const ACTION: &str = "do what was asked";
        match self.line.pass().await {
            None => act.await,
            Some(Fault::Throttled) => Err(RegistryError::throttled(ACTION)),
            Some(Fault::AnswerLost) => act.await.and_then(|_| Err(RegistryError::throttled(ACTION))),
            Some(Fault::Timeout) => act.await.and_then(|_| Err(RegistryError::timeout(ACTION))),
            Some(Fault::Failed) => Err(RegistryError::new(ACTION, "refused")),
        }
    }
}

impl Registry for LineToMemory {
    async fn record(
        &self,
        connection: &Connection,
        token: Option<&SingleUse>,
    ) -> Result<Written, RegistryError> {
        self.ask(self.memory.record(connection, token)).await
    }

    async fn find(&self, id: &ConnectionId) -> Result<Option<Connection>, RegistryError> {
        self.ask(self.memory.find(id)).await
    }

    async fn update(
        &self,
        seen: &Connection,
        next: &Connection,
        token: Option<&SingleUse>,
    ) -> Result<Written, RegistryError> {
        self.ask(self.memory.update(seen, next, token)).await
    }

    async fn forget(&self, seen: &Connection) -> Result<bool, RegistryError> {
        self.ask(self.memory.forget(seen)).await
    }

    async fn members(
        &self,
        room: &RoomId,
        from: Option<&PageToken>,
    ) -> Result<Page<RoomMember>, RegistryError> {
        self.ask(self.memory.members(room, from)).await
    }

    async fn connections_of(
        &self,
        user: &str,
        from: Option<&PageToken>,
    ) -> Result<Page<UserConnection>, RegistryError> {
        self.ask(self.memory.connections_of(user, from)).await
    }

    async fn sweep(&self, trace: Trace<'_>) -> Result<(), RegistryError> {
        self.ask(self.memory.sweep(trace)).await
    }

    async fn revoke(&self, revocation: &Revocation) -> Result<(), RegistryError> {
        self.ask(self.memory.revoke(revocation)).await
    }

    async fn revocations(
        &self,
        user: Option<&str>,
        token_id: Option<&str>,
    ) -> Result<Revocations, RegistryError> {
        self.ask(self.memory.revocations(user, token_id)).await
    }
}
