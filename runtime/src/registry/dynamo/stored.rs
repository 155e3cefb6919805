//! A connection as the table holds it: which items it consists of.

use std::collections::BTreeMap;

use super::item::{self, Item, Key};
use crate::id::ConnectionId;
use crate::registry::{Connection, RoomMember};

/// A connection, and where it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredConnection {
    pub(super) connection: Connection,
    /// The shard that its room items are in.
    pub(super) shard: u16,
}

impl StoredConnection {
    /// Reads a connection's own item, which knows nothing of further rooms. `None` if it is not in the format of this
    /// registry.
    pub(super) fn read(item: &Item) -> Option<Self> {
        let (connection, shard) = item::read_connection(item)?;
        Some(Self { connection, shard })
    }

    /// Reads all items of a connection's partition. `Err` if one is not in the format of this registry.
    ///
    /// A further room without a connection, or of an older connection of the same id, is one that the time to live has
    /// not deleted yet.
    pub(super) fn read_all(items: &[Item]) -> Result<Option<Self>, NotInFormat> {
        let is_own = |item: &&Item| item::text(item, item::SORT_KEY) == Some(item::OWN);
        let Some(own) = items.iter().find(is_own) else {
            return Ok(None);
        };
        let Self { connection, shard } = Self::read(own).ok_or(NotInFormat)?;
        let mut memberships = Vec::with_capacity(items.len() - 1);
        for item in items.iter().filter(|item| !is_own(item)) {
            let (membership, connected_at) = item::read_membership(item).ok_or(NotInFormat)?;
            if connected_at == connection.connected_at {
                memberships.push(membership);
            }
        }
        let connection = connection.with_memberships(memberships);
        Ok(Some(Self { connection, shard }))
    }

    /// Returns whether this is `connection`, changed or not, recorded in another shard than `shard`.
    ///
    /// It is if the number of shards was changed while the connection lives.
    pub(super) fn is_elsewhere(&self, connection: &Connection, shard: u16) -> bool {
        self.connection.is_same_connection(connection) && self.shard != shard
    }
}

/// An item that is not in the format of this registry.
#[derive(Debug)]
pub(super) struct NotInFormat;

/// Returns all items of a connection.
pub(super) fn items_of(connection: &Connection, shard: u16) -> BTreeMap<Key, Item> {
    let id = &connection.id;
    let own = (Key::of_connection(id), item::connection_item(connection, shard));
    let further = connection.memberships().iter().map(|membership| {
        let key = Key::of_membership(id, &membership.room);
        (key, item::membership_item(connection, membership))
    });
    let members = connection.rooms().filter_map(|room| connection.member_of(room));
    let listed = members.map(|member: RoomMember| {
        let key = Key::of_member(&member.room, shard, id.as_str());
        (key, item::member_item(&member, shard))
    });
    let of_user = connection.user.as_deref().map(|user| {
        let key = Key::of_user(user, id.as_str());
        (key, item::user_item(connection, user))
    });
    std::iter::once(own)
        .chain(further)
        .chain(listed)
        .chain(of_user)
        .collect()
}

/// Returns the shard of a connection: FNV-1a (64 bits) of its id, modulo the number of shards.
///
/// This is part of the table's format: all functions that share the table must compute the same shard.
pub(super) fn shard_of(id: &ConnectionId, shards: u16) -> u16 {
    const OFFSET: u64 = 0xCBF2_9CE4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01B3;
    let hash = id
        .as_str()
        .bytes()
        .fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    u16::try_from(hash % u64::from(shards)).expect("a remainder is less than its divisor")
}
