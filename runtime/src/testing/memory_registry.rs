//! A registry in memory.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::id::ConnectionId;
use crate::id::RoomId;
use crate::registry::{
    Connection, Page, PageToken, Registry, RegistryError, Revocation, Revocations, Revoked, RoomMember,
    SingleUse, Trace, UserConnection, Written,
};

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
    used_tokens: BTreeSet<String>,
    revocations: BTreeMap<Revoked, Revocation>,
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

    /// Takes the entries after `from`, which are ordered by id.
    fn page<T>(
        &self,
        entries: impl Iterator<Item = T>,
        id: impl Fn(&T) -> &ConnectionId,
        from: Option<&PageToken>,
    ) -> Page<T> {
        let is_after = |entry: &T| from.is_none_or(|from| id(entry).as_str() > from.as_str());
        let mut entries = entries.filter(is_after);
        let page: Vec<_> = entries.by_ref().take(self.page_size).collect();
        let last = page.last().filter(|_| entries.next().is_some());
        let next = last.map(|last| PageToken::new(id(last).as_str()));
        Page::new(page, next)
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

impl State {
    /// Writes a connection, unless the token that it comes by was used before.
    fn write(&mut self, connection: &Connection, token: Option<&SingleUse>) -> Written {
        let is_first_use = token.is_none_or(|token| self.used_tokens.insert(token.token_id.clone()));
        if !is_first_use {
            return Written::TokenUsed;
        }
        self.connections.insert(connection.id.clone(), connection.clone());
        Written::Done
    }

    fn not_before(&self, revoked: &Revoked) -> Option<SystemTime> {
        self.revocations.get(revoked).map(|marker| marker.not_before)
    }
}

impl Registry for MemoryRegistry {
    async fn record(
        &self,
        connection: &Connection,
        token: Option<&SingleUse>,
    ) -> Result<Written, RegistryError> {
        let mut state = self.call()?;
        match state.connections.get(&connection.id) {
            Some(recorded) if recorded.connected_at >= connection.connected_at => Ok(Written::Done),
            _ => Ok(state.write(connection, token)),
        }
    }

    async fn find(&self, id: &ConnectionId) -> Result<Option<Connection>, RegistryError> {
        Ok(self.call()?.connections.get(id).cloned())
    }

    async fn update(
        &self,
        seen: &Connection,
        next: &Connection,
        token: Option<&SingleUse>,
    ) -> Result<Written, RegistryError> {
        let mut state = self.call()?;
        let recorded = state.connections.get(&seen.id);
        if recorded.is_some_and(|recorded| recorded.is_same_as(seen)) {
            Ok(state.write(next, token))
        } else {
            Ok(Written::Changed)
        }
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
    ) -> Result<Page<RoomMember>, RegistryError> {
        let state = self.call()?;
        let members = state.connections.values().filter_map(|one| one.member_of(room));
        Ok(self.page(members, |member| &member.id, from))
    }

    async fn connections_of(
        &self,
        user: &str,
        from: Option<&PageToken>,
    ) -> Result<Page<UserConnection>, RegistryError> {
        let state = self.call()?;
        let connections = state.connections.values();
        let of_user = connections.filter(|one| one.user.as_deref() == Some(user));
        let entries = of_user.map(|one| UserConnection::new(one.id.clone(), one.endpoint.clone()));
        Ok(self.page(entries, |entry| &entry.id, from))
    }

    async fn sweep(&self, _: Trace<'_>) -> Result<(), RegistryError> {
        // Listings are made of the connections themselves: there is never a trace.
        self.call().map(drop)
    }

    async fn revoke(&self, revocation: &Revocation) -> Result<(), RegistryError> {
        let mut state = self.call()?;
        let marker = state
            .revocations
            .entry(revocation.revoked.clone())
            .or_insert_with(|| revocation.clone());
        marker.not_before = marker.not_before.max(revocation.not_before);
        marker.expires_at = marker.expires_at.max(revocation.expires_at);
        Ok(())
    }

    async fn revocations(
        &self,
        user: Option<&str>,
        token_id: Option<&str>,
    ) -> Result<Revocations, RegistryError> {
        let state = self.call()?;
        let user = user.and_then(|user| state.not_before(&Revoked::User(user.to_owned())));
        let token = token_id.and_then(|id| state.not_before(&Revoked::Token(id.to_owned())));
        Ok(Revocations::new(user, token))
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
            let error = registry.record(&connection, None).await.unwrap_err();
            assert!(error.to_string().ends_with(action), "{error}");
        }
        assert_eq!(registry.connections(), []);
        let recorded = registry.clone().record(&connection, None).await.unwrap();
        assert_eq!(recorded, Written::Done);
        assert_eq!(
            registry.connections(),
            [connection],
            "clones share what is recorded"
        );
    }
}
