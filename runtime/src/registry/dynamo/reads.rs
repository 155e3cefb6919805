//! Finding a connection, listing a room or a user: consistent reads.

use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;

use super::DynamoRegistry;
use super::error::Failure;
use super::item::{self, Item, Key, PARTITION_KEY, SORT_KEY, string};
use super::retry::Operation;
use super::stored::StoredConnection;
use crate::id::ConnectionId;
use crate::id::RoomId;
use crate::registry::{Page, PageToken, RegistryError, RoomMember, UserConnection};

impl DynamoRegistry {
    /// Reads a connection and its further rooms, which share a partition, by one query.
    pub(super) async fn find_stored(
        &self,
        operation: &mut Operation,
        id: &ConnectionId,
    ) -> Result<Option<StoredConnection>, RegistryError> {
        let request = self.query(&Key::of_connection(id).partition);
        let answer = send(operation, &request).await?;
        if answer.last_evaluated_key.is_some() {
            return Err(operation.error("the connection has more items than can be"));
        }
        StoredConnection::read_all(answer.items())
            .map_err(|_| operation.error("an item of the connection is not in the format of this registry"))
    }

    pub(super) async fn page_of_room(
        &self,
        room: &RoomId,
        from: Option<&PageToken>,
    ) -> Result<Page<RoomMember>, RegistryError> {
        let mut operation = self.retries.start("list the room");
        let (shard, after) = match from {
            None => (0, None),
            Some(token) => self
                .parse_token(token)
                .ok_or_else(|| operation.error(NOT_OUR_TOKEN))?,
        };
        let begin = Key::of_member(room, shard, after.unwrap_or_default());
        let answer = self.page(&mut operation, &begin, after.is_some()).await?;
        let next = match last_id(&operation, &answer)? {
            Some(last) => Some(PageToken::new(format!("{shard}:{last}"))),
            None => self
                .shard_after(shard)
                .map(|shard| PageToken::new(format!("{shard}:"))),
        };
        let read = |item| warn_if_none(item::read_member(item, room));
        Ok(Page::new(answer.items().iter().filter_map(read).collect(), next))
    }

    pub(super) async fn page_of_user(
        &self,
        user: &str,
        from: Option<&PageToken>,
    ) -> Result<Page<UserConnection>, RegistryError> {
        let mut operation = self.retries.start("list the user's connections");
        let after = from.map(|token| token.as_str().parse::<ConnectionId>());
        let after = after.transpose().map_err(|_| operation.error(NOT_OUR_TOKEN))?;
        let begin = Key::of_user(user, after.as_ref().map_or("", ConnectionId::as_str));
        let answer = self.page(&mut operation, &begin, after.is_some()).await?;
        let next = last_id(&operation, &answer)?.map(PageToken::new);
        let read = |item| warn_if_none(item::read_user_connection(item));
        Ok(Page::new(answer.items().iter().filter_map(read).collect(), next))
    }

    /// Reads a page of a partition: from its beginning, or from after `begin`.
    async fn page(
        &self,
        operation: &mut Operation,
        begin: &Key,
        is_after: bool,
    ) -> Result<QueryOutput, RegistryError> {
        let mut request = self.query(&begin.partition).limit(i32::from(self.page_size));
        if is_after {
            request = request
                .exclusive_start_key(PARTITION_KEY, string(&begin.partition))
                .exclusive_start_key(SORT_KEY, string(&begin.sort));
        }
        send(operation, &request).await
    }

    fn query(&self, partition: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&*self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", string(partition))
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

const NOT_OUR_TOKEN: &str = "the page token is not from this registry";

async fn send(operation: &mut Operation, request: &QueryFluentBuilder) -> Result<QueryOutput, RegistryError> {
    operation
        .attempt(|| {
            let request = request.clone();
            async move { request.send().await.map_err(|error| Failure::from(&error)) }
        })
        .await
}

/// Returns the id that a page ends with, if it is not the last one.
fn last_id<'a>(operation: &Operation, answer: &'a QueryOutput) -> Result<Option<&'a str>, RegistryError> {
    let last: Option<&Item> = answer.last_evaluated_key.as_ref();
    last.map(|key| {
        item::sort_key_id(key).ok_or_else(|| operation.error("the page ends with a key of another format"))
    })
    .transpose()
}

/// Leaves out an entry that cannot be read, so that the others are still listed.
fn warn_if_none<T>(read: Option<T>) -> Option<T> {
    if read.is_none() {
        tracing::warn!(
            target: "room_auth",
            "skipped an entry of a listing that is not in the format of this registry"
        );
    }
    read
}
