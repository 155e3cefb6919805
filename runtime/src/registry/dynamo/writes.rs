//! Recording, changing and forgetting: all items of a connection in one transaction.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};

use super::DynamoRegistry;
use super::error::{Failure, FailureKind};
use super::item::{Item, Key, SHARD, TTL, millis, number, string};
use super::retry::Operation;
use super::shard::shard_of;
use super::stored::{StoredConnection, items_of};
use super::transaction::Transaction;
use crate::clock::unix_seconds;
use crate::registry::{Connection, RegistryError, RoomMember, SingleUse, Trace, Written};

/// The condition that the recorded connection is as it was seen, with its room items in a known shard.
const IS_SEEN: &str = "connected_at = :connected_at AND endpoint = :endpoint AND room = :room AND #shard = :shard AND \
                       version = :version";

/// The condition that the item belongs to a certain connection.
const IS_OF_CONNECTION: &str = "connected_at = :connected_at AND endpoint = :endpoint";

const DOES_NOT_EXIST: &str = "attribute_not_exists(pk)";

impl DynamoRegistry {
    pub(super) async fn record_connection(
        &self,
        connection: &Connection,
        token: Option<&SingleUse>,
    ) -> Result<Written, RegistryError> {
        let mut operation = self.retries.start("record the connection");
        let new = items_of(connection, shard_of(&connection.id, self.shards));
        let mut replaced: Option<StoredConnection> = None;
        loop {
            let old = replaced
                .as_ref()
                .map_or_else(BTreeMap::new, |older| items_of(&older.connection, older.shard));
            let own = self.put_own(connection, &new, replaced.as_ref());
            let others = self.differences(&connection.id, &old, &new, token);
            let stored = match self.transact(&mut operation, own, others).await? {
                Transaction::Done => return Ok(Written::Done),
                Transaction::OtherFailed => return Ok(Written::TokenUsed),
                Transaction::FirstFailed(stored) => stored,
            };
            let is_first = replaced.is_none();
            replaced = match stored {
                None => None,
                // A newer connection, or this one: a repetition changes nothing.
                Some(item) if read(&operation, &item)?.connection.connected_at >= connection.connected_at => {
                    return Ok(Written::Done);
                }
                // Its further rooms are in items of their own.
                Some(_) => self.find_stored(&mut operation, &connection.id).await?,
            };
            if !is_first || replaced.is_none() {
                let failure = Failure::new(FailureKind::Throttled, "the older connection keeps changing");
                operation.wait_after(failure).await?;
            }
        }
    }

    pub(super) async fn change_connection(
        &self,
        seen: &Connection,
        next: &Connection,
        token: Option<&SingleUse>,
    ) -> Result<Written, RegistryError> {
        let mut operation = self.retries.start("change the connection");
        let mut shard = shard_of(&seen.id, self.shards);
        loop {
            let (old, new) = (items_of(seen, shard), items_of(next, shard));
            let stored = StoredConnection {
                connection: seen.clone(),
                shard,
            };
            let own = self.put_own(next, &new, Some(&stored));
            let others = self.differences(&seen.id, &old, &new, token);
            match self.transact(&mut operation, own, others).await? {
                Transaction::Done => return Ok(Written::Done),
                Transaction::OtherFailed => return Ok(Written::TokenUsed),
                Transaction::FirstFailed(other) => match shard_elsewhere(&operation, other, seen, shard)? {
                    Some(elsewhere) => shard = elsewhere,
                    None => return Ok(Written::Changed),
                },
            }
        }
    }

    pub(super) async fn forget_connection(&self, seen: &Connection) -> Result<bool, RegistryError> {
        let mut operation = self.retries.start("forget the connection");
        let mut shard = shard_of(&seen.id, self.shards);
        loop {
            let delete = Delete::builder()
                .set_key(Some(Key::of_connection(&seen.id).item()))
                .condition_expression(IS_SEEN)
                .expression_attribute_names("#shard", SHARD)
                .set_expression_attribute_values(Some(is_seen(seen, shard)))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            let old = items_of(seen, shard);
            let others = self.differences(&seen.id, &old, &BTreeMap::new(), None);
            match self.transact(&mut operation, self.delete(delete), others).await? {
                Transaction::Done => return Ok(true),
                Transaction::OtherFailed => return Ok(false),
                Transaction::FirstFailed(other) => match shard_elsewhere(&operation, other, seen, shard)? {
                    Some(elsewhere) => shard = elsewhere,
                    None => return Ok(false),
                },
            }
        }
    }

    /// Deletes an entry of a listing to which no recorded connection belongs: the time to live deletes each item by
    /// itself, and API Gateway may give the id to another connection.
    pub(super) async fn sweep_trace(&self, trace: Trace<'_>) -> Result<(), RegistryError> {
        let mut operation = self.retries.start("sweep a listing");
        let id = match trace {
            Trace::Member(member) => &member.id,
            Trace::User(_, entry) => &entry.id,
        };
        let recorded = self.find_stored(&mut operation, id).await?;
        let found = recorded.as_ref().map(|stored| &stored.connection);
        let delete = match trace {
            Trace::Member(member) => {
                let is_recorded = |found: &Connection| found.is_connection_of(member);
                if found.is_some_and(|found| is_recorded(found) && found.is_in(&member.room)) {
                    return Ok(());
                }
                let shard = recorded
                    .as_ref()
                    .filter(|stored| is_recorded(&stored.connection))
                    .map_or_else(|| shard_of(id, self.shards), |stored| stored.shard);
                Delete::builder()
                    .set_key(Some(Key::of_member(&member.room, shard, id.as_str()).item()))
                    .condition_expression(IS_OF_CONNECTION)
                    .set_expression_attribute_values(Some(is_of(member)))
            }
            Trace::User(user, _) => {
                if found.is_some_and(|found| found.user.as_deref() == Some(user)) {
                    return Ok(());
                }
                Delete::builder().set_key(Some(Key::of_user(user, id.as_str()).item()))
            }
        };
        // If a condition fails, what is recorded has changed, or the entry has: then it is no longer for this call to
        // say what is stale.
        let unchanged = self.unchanged(&Key::of_connection(id), recorded.as_ref());
        self.transact(&mut operation, unchanged, vec![self.delete(delete)])
            .await
            .map(drop)
    }

    /// Puts the connection's own item, if what is recorded is `seen`.
    fn put_own(
        &self,
        connection: &Connection,
        items: &BTreeMap<Key, Item>,
        seen: Option<&StoredConnection>,
    ) -> TransactWriteItem {
        let item = items.get(&Key::of_connection(&connection.id)).cloned();
        let put = Put::builder().set_item(item);
        self.showing(match seen {
            None => put.condition_expression(DOES_NOT_EXIST),
            Some(stored) => put
                .condition_expression(IS_SEEN)
                .expression_attribute_names("#shard", SHARD)
                .set_expression_attribute_values(Some(is_seen(&stored.connection, stored.shard))),
        })
    }

    /// Makes `new` of `old`, the connection's own item aside, and records the use of a token.
    fn differences(
        &self,
        id: &crate::id::ConnectionId,
        old: &BTreeMap<Key, Item>,
        new: &BTreeMap<Key, Item>,
        token: Option<&SingleUse>,
    ) -> Vec<TransactWriteItem> {
        let own = Key::of_connection(id);
        let used = token.map(|token| {
            let ttl = number(unix_seconds(token.expires_at));
            let item = Key::of_used(&token.token_id).with([(TTL, ttl)]);
            let put = Put::builder().set_item(Some(item));
            self.put(put.condition_expression(DOES_NOT_EXIST))
        });
        let put = new
            .iter()
            .filter(|(key, item)| **key != own && old.get(key) != Some(item));
        let put = put.map(|(_, item)| self.put(Put::builder().set_item(Some(item.clone()))));
        let deleted = old.keys().filter(|key| **key != own && !new.contains_key(key));
        let deleted = deleted.map(|key| self.delete(Delete::builder().set_key(Some(key.item()))));
        used.into_iter().chain(put).chain(deleted).collect()
    }

    /// Demands that what is recorded has not changed: by a write which changes nothing, since a condition check would
    /// need a permission of its own.
    fn unchanged(&self, own: &Key, recorded: Option<&StoredConnection>) -> TransactWriteItem {
        match recorded {
            None => self.delete(
                Delete::builder()
                    .set_key(Some(own.item()))
                    .condition_expression(DOES_NOT_EXIST),
            ),
            Some(stored) => self.update(
                Update::builder()
                    .set_key(Some(own.item()))
                    .update_expression("SET #shard = #shard")
                    .condition_expression(IS_SEEN)
                    .expression_attribute_names("#shard", SHARD)
                    .set_expression_attribute_values(Some(is_seen(&stored.connection, stored.shard))),
            ),
        }
    }
}

fn read(operation: &Operation, item: &Item) -> Result<StoredConnection, RegistryError> {
    StoredConnection::read(item)
        .ok_or_else(|| operation.error("the connection's item is not in the format of this registry"))
}

/// Returns the shard of the connection if it is recorded in another one: the number of shards was changed while it
/// lives.
fn shard_elsewhere(
    operation: &Operation,
    recorded: Option<Item>,
    seen: &Connection,
    shard: u16,
) -> Result<Option<u16>, RegistryError> {
    let Some(item) = recorded else { return Ok(None) };
    let stored = read(operation, &item)?;
    Ok(stored.is_elsewhere(seen, shard).then_some(stored.shard))
}

/// The values of [`IS_SEEN`].
fn is_seen(connection: &Connection, shard: u16) -> Item {
    let mut values = is_of(&connection.member());
    values.extend([
        (":room".to_owned(), string(&connection.room)),
        (":shard".to_owned(), number(shard)),
        (":version".to_owned(), number(connection.version)),
    ]);
    values
}

/// The values of [`IS_OF_CONNECTION`].
fn is_of(member: &RoomMember) -> Item {
    Item::from([
        (":connected_at".to_owned(), number(millis(member.connected_at))),
        (":endpoint".to_owned(), string(&member.endpoint)),
    ])
}
