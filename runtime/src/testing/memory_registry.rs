//! A registry in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::id::ConnectionId;
use crate::id::RoomId;
use crate::registry::{Connection, ConnectionPage, PageToken, Registry, RegistryError};

/// A [`Registry`] in memory, which fails when a test says so.
///
/// Clones share what is recorded.
///
/// ```
/// use room_auth::testing::MemoryRegistry;
/// use room_auth::{Registry, RegistryError};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let registry = MemoryRegistry::new();
/// let id = "L0SM9cOFvHcCIhw=".parse().unwrap();
/// assert_eq!(registry.find(&id).await.unwrap(), None);
///
/// registry.fail_next(RegistryError::throttled("find the connection"));
/// assert!(registry.find(&id).await.is_err());
/// assert!(registry.find(&id).await.is_ok());
/// # });
/// # Ok::<_, std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MemoryRegistry {
    state: Arc<Mutex<State>>,
    page_size: usize,
}

#[derive(Debug, Default)]
struct State {
    connections: BTreeMap<ConnectionId, Connection>,
    failures: VecDeque<RegistryError>,
}

impl MemoryRegistry {
    /// Creates an empty registry.
    pub fn new() -> Self {
        Self {
            state: Arc::default(),
            page_size: 100,
        }
    }

    /// Sets how many connections a page holds at most (default: 100; 0 counts as 1).
    #[must_use]
    pub fn with_page_size(mut self, connections: usize) -> Self {
        self.page_size = connections.max(1);
        self
    }

    /// Lets the next call fail with `error` and do nothing. Repeated, it lets as many calls fail, in this order.
    pub fn fail_next(&self, error: RegistryError) {
        self.state().failures.push_back(error);
    }

    /// Returns who is recorded, in any room.
    pub fn connections(&self) -> Vec<Connection> {
        self.state().connections.values().cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a call, which may have been told to fail.
    fn call(&self) -> Result<MutexGuard<'_, State>, RegistryError> {
        let mut state = self.state();
        match state.failures.pop_front() {
            Some(error) => Err(error),
            None => Ok(state),
        }
    }
}

impl Default for MemoryRegistry {
    fn default() -> Self {
        Self::new()
    }
}

impl Registry for MemoryRegistry {
    async fn record(&self, connection: &Connection) -> Result<(), RegistryError> {
        let mut state = self.call()?;
        let recorded = state
            .connections
            .entry(connection.id.clone())
            .or_insert_with(|| connection.clone());
        if recorded.connected_at < connection.connected_at {
            *recorded = connection.clone();
        }
        Ok(())
    }

    async fn find(&self, id: &ConnectionId) -> Result<Option<Connection>, RegistryError> {
        Ok(self.call()?.connections.get(id).cloned())
    }

    async fn renew(&self, renewed: &Connection) -> Result<bool, RegistryError> {
        let mut state = self.call()?;
        let recorded = state.connections.get_mut(&renewed.id);
        let recorded = recorded.filter(|recorded| recorded.is_same_connection(renewed));
        Ok(recorded.map(|recorded| *recorded = renewed.clone()).is_some())
    }

    async fn forget(&self, seen: &Connection) -> Result<bool, RegistryError> {
        let mut state = self.call()?;
        let recorded = state.connections.get(&seen.id);
        let is_seen = recorded.is_some_and(|recorded| recorded.is_same_as(seen));
        Ok(is_seen && state.connections.remove(&seen.id).is_some())
    }

    async fn members(
        &self,
        room: &RoomId,
        from: Option<&PageToken>,
    ) -> Result<ConnectionPage, RegistryError> {
        let state = self.call()?;
        let is_after = |id: &ConnectionId| from.is_none_or(|from| id.as_str() > from.as_str());
        let members = state.connections.values();
        let mut members = members.filter(|connection| connection.room == *room && is_after(&connection.id));
        let page: Vec<_> = members.by_ref().take(self.page_size).cloned().collect();
        let last = page.last().filter(|_| members.next().is_some());
        let next = last.map(|last| PageToken::new(last.id.as_str()));
        Ok(ConnectionPage::new(page, next))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::registry_conformance;

    #[tokio::test]
    async fn it_conforms() {
        registry_conformance(MemoryRegistry::new()).await;
        registry_conformance(MemoryRegistry::new().with_page_size(7)).await;
        registry_conformance(MemoryRegistry::new().with_page_size(0)).await;
    }

    #[tokio::test]
    async fn failures_come_in_their_order_and_change_nothing() {
        let registry = MemoryRegistry::new();
        registry.fail_next(RegistryError::throttled("first"));
        registry.fail_next(RegistryError::timeout("second"));
        let connection = Connection::new(
            "abc=".parse().unwrap(),
            "a1/dev".parse().unwrap(),
            "lobby".parse().unwrap(),
            "{}",
            std::time::UNIX_EPOCH,
            std::time::UNIX_EPOCH,
        );
        for action in ["first", "second"] {
            let error = registry.record(&connection).await.unwrap_err();
            assert!(error.to_string().ends_with(action), "{error}");
        }
        assert_eq!(registry.connections(), []);
        registry.clone().record(&connection).await.unwrap();
        assert_eq!(
            registry.connections(),
            [connection],
            "clones share what is recorded"
        );
    }
}
