//! Finding a connection and listing a room: consistent reads.

use super::DynamoRegistry;
use super::failure::Failure;
use super::item::{self, CONNECTED_AT, EXPIRES_AT, Item, PARTITION_KEY, SORT_KEY, s};
use crate::id::ConnectionId;
use crate::id::RoomId;
use crate::registry::{Connection, Member, MemberPage, PageToken, RegistryError};

impl DynamoRegistry {
    pub(super) async fn find_connection(
        &self,
        id: &ConnectionId,
    ) -> Result<Option<Connection>, RegistryError> {
        let mut call = self.patience.start("find the connection");
        let request = self
            .client
            .get_item()
            .table_name(&*self.table)
            .set_key(Some(item::connection_key(id)))
            .consistent_read(true);
        let answer = call
            .attempt(|| {
                let request = request.clone();
                async move { request.send().await.map_err(|error| Failure::from(&error)) }
            })
            .await?;
        match answer.item {
            None => Ok(None),
            Some(item) => item::read_connection(id, &item)
                .map(Some)
                .ok_or_else(|| call.error("the item is none that this registry writes")),
        }
    }

    pub(super) async fn page(
        &self,
        room: &RoomId,
        from: Option<&PageToken>,
    ) -> Result<MemberPage, RegistryError> {
        let mut call = self.patience.start("list the room");
        let (shard, after) = match from {
            None => (0, None),
            Some(token) => {
                parse_token(token).ok_or_else(|| call.error("the page token is none of this registry"))?
            }
        };
        let partition = item::room_partition(room, shard);
        let mut request = self
            .client
            .query()
            .table_name(&*self.table)
            .consistent_read(true)
            .limit(i32::from(self.page_size))
            .key_condition_expression("pk = :room")
            .expression_attribute_values(":room", s(&partition))
            .projection_expression("#sk, #connected_at, #expires_at")
            .expression_attribute_names("#sk", SORT_KEY)
            .expression_attribute_names("#connected_at", CONNECTED_AT)
            .expression_attribute_names("#expires_at", EXPIRES_AT);
        if let Some(after) = after {
            request = request
                .exclusive_start_key(PARTITION_KEY, s(&partition))
                .exclusive_start_key(SORT_KEY, s(&item::room_sort_key(after)));
        }
        let answer = call
            .attempt(|| {
                let request = request.clone();
                async move { request.send().await.map_err(|error| Failure::from(&error)) }
            })
            .await?;
        let next = match &answer.last_evaluated_key {
            Some(key) => {
                let last = item::sort_key_id(key).ok_or_else(|| call.error("the page ends nowhere"))?;
                Some(PageToken::new(format!("{shard}:{last}")))
            }
            None if shard + 1 < self.shards => Some(PageToken::new(format!("{}:", shard + 1))),
            None => None,
        };
        let members = answer.items.unwrap_or_default();
        Ok(MemberPage::new(
            members.iter().filter_map(read_member).collect(),
            next,
        ))
    }
}

/// A room is listed without an item that cannot be read, rather than not at all.
fn read_member(item: &Item) -> Option<Member> {
    let member = item::read_member(item);
    if member.is_none() {
        tracing::warn!(target: "room_auth", "an item in a room is none that this registry writes");
    }
    member
}

/// `<shard>:<id of the last member of the page before>`, the id empty where a shard begins.
fn parse_token(token: &PageToken) -> Option<(u16, Option<&str>)> {
    let (shard, after) = token.as_str().split_once(':')?;
    Some((shard.parse().ok()?, (!after.is_empty()).then_some(after)))
}
