//! A registry in memory: for tests that need thousands of schedules, or none of the network.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use room_auth::registry::{BoxFuture, Member, MemberPage, PageToken};
use room_auth::{Connection, ConnectionId, Registry, RegistryError, RoomId};

#[derive(Clone, Debug)]
pub(crate) struct Memory {
    connections: Arc<Mutex<BTreeMap<ConnectionId, Connection>>>,
    page_size: usize,
}

impl Memory {
    pub(crate) fn with_page_size(page_size: usize) -> Self {
        Self {
            connections: Arc::default(),
            page_size,
        }
    }

    /// Who is recorded, whatever the room.
    pub(crate) fn recorded(&self) -> Vec<Connection> {
        self.connections.lock().unwrap().values().cloned().collect()
    }

    fn page(&self, room: &RoomId, from: Option<&PageToken>) -> MemberPage {
        let connections = self.connections.lock().unwrap();
        let mut members: Vec<_> = connections
            .values()
            .filter(|connection| connection.room == *room)
            .filter(|connection| from.is_none_or(|from| connection.id.as_str() > from.as_str()))
            .take(self.page_size + 1)
            .map(|connection| {
                Member::new(
                    connection.id.clone(),
                    connection.connected_at,
                    connection.expires_at,
                )
            })
            .collect();
        let has_more = members.len() > self.page_size;
        members.truncate(self.page_size);
        let last = members.last().filter(|_| has_more);
        let next = last.map(|last| PageToken::new(last.connection_id.as_str()));
        MemberPage::new(members, next)
    }
}

impl Registry for Memory {
    fn record<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Result<(), RegistryError>> {
        Box::pin(async {
            let mut connections = self.connections.lock().unwrap();
            let known = connections.get(&connection.id);
            if known.is_none_or(|known| known.connected_at < connection.connected_at) {
                connections.insert(connection.id.clone(), connection.clone());
            }
            Ok(())
        })
    }

    fn find<'a>(&'a self, id: &'a ConnectionId) -> BoxFuture<'a, Result<Option<Connection>, RegistryError>> {
        Box::pin(async { Ok(self.connections.lock().unwrap().get(id).cloned()) })
    }

    fn renew<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Result<bool, RegistryError>> {
        Box::pin(async {
            let mut connections = self.connections.lock().unwrap();
            let known = connections.get_mut(&connection.id).filter(|known| {
                known.connected_at == connection.connected_at && known.room == connection.room
            });
            let Some(known) = known else { return Ok(false) };
            *known = connection.clone();
            Ok(true)
        })
    }

    fn forget<'a>(
        &'a self,
        id: &'a ConnectionId,
        room: &'a RoomId,
        connected_at: u64,
    ) -> BoxFuture<'a, Result<(), RegistryError>> {
        Box::pin(async move {
            let mut connections = self.connections.lock().unwrap();
            let known = connections.get(id);
            if known.is_some_and(|known| known.connected_at == connected_at && known.room == *room) {
                connections.remove(id);
            }
            Ok(())
        })
    }

    fn members<'a>(
        &'a self,
        room: &'a RoomId,
        from: Option<&'a PageToken>,
    ) -> BoxFuture<'a, Result<MemberPage, RegistryError>> {
        Box::pin(async move { Ok(self.page(room, from)) })
    }
}
