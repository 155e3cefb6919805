//! Finding a connection and listing a room: consistent reads.

use super::DynamoRegistry;
use super::error::Failure;
use super::item::{self, Item, PARTITION_KEY, SORT_KEY, StoredConnection, string};
use crate::id::ConnectionId;
use crate::id::RoomId;
use crate::registry::{Connection, ConnectionPage, PageToken, RegistryError};

impl DynamoRegistry {
    pub(super) async fn find_connection(
        &self,
        id: &ConnectionId,
    ) -> Result<Option<Connection>, RegistryError> {
        let mut operation = self.retries.start("find the connection");
        let request = self
            .client
            .get_item()
            .table_name(&*self.table)
            .set_key(Some(item::connection_key(id)))
            .consistent_read(true);
        let answer = operation
            .attempt(|| {
                let request = request.clone();
                async move { request.send().await.map_err(|error| Failure::from(&error)) }
            })
            .await?;
        match answer.item {
            None => Ok(None),
            Some(item) => StoredConnection::read(&item)
                .map(|stored| Some(stored.connection))
                .ok_or_else(|| operation.error("the item is not in the format of this registry")),
        }
    }

    pub(super) async fn page(
        &self,
        room: &RoomId,
        from: Option<&PageToken>,
    ) -> Result<ConnectionPage, RegistryError> {
        let mut operation = self.retries.start("list the room");
        let (shard, after) = match from {
            None => (0, None),
            Some(token) => self
                .parse_token(token)
                .ok_or_else(|| operation.error("the page token is not from this registry"))?,
        };
        let partition = item::room_partition(room, shard);
        let mut request = self
            .client
            .query()
            .table_name(&*self.table)
            .consistent_read(true)
            .limit(i32::from(self.page_size))
            .key_condition_expression("pk = :room")
            .expression_attribute_values(":room", string(&partition));
        if let Some(after) = after {
            request = request
                .exclusive_start_key(PARTITION_KEY, string(&partition))
                .exclusive_start_key(SORT_KEY, string(&item::room_sort_key(after)));
        }
        let answer = operation
            .attempt(|| {
                let request = request.clone();
                async move { request.send().await.map_err(|error| Failure::from(&error)) }
            })
            .await?;
        let next = match &answer.last_evaluated_key {
            Some(key) => {
                let last = item::sort_key_id(key)
                    .ok_or_else(|| operation.error("the page ends with a key of another format"))?;
                Some(PageToken::new(format!("{shard}:{last}")))
            }
            None => self
                .shard_after(shard)
                .map(|shard| PageToken::new(format!("{shard}:"))),
        };
        let items = answer.items.unwrap_or_default();
        let connections = items.iter().filter_map(|item| read_member(item, room)).collect();
        Ok(ConnectionPage::new(connections, next))
    }

    /// Parses `<shard>:<id of the last connection of the page before>`; the id is empty where a shard begins.
    ///
    /// Tokens may have come from a client.
    fn parse_token<'t>(&self, token: &'t PageToken) -> Option<(u16, Option<&'t str>)> {
        let (shard, after) = token.as_str().split_once(':')?;
        let shard = shard.parse().ok().filter(|shard| *shard < self.shards)?;
        Some((shard, (!after.is_empty()).then_some(after)))
    }

    fn shard_after(&self, shard: u16) -> Option<u16> {
        shard.checked_add(1).filter(|next| *next < self.shards)
    }
}

/// Reads a room item. One that cannot be read is left out, so that the others are still listed.
fn read_member(item: &Item, room: &RoomId) -> Option<Connection> {
    let member = item::read_room_item(item, room);
    if member.is_none() {
        tracing::warn!(
            target: "room_auth",
            room_id = room.as_str(),
            "skipped an item of a room that is not in the format of this registry"
        );
    }
    member
}
