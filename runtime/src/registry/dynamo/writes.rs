//! Recording, renewing and forgetting: both items of a connection in one transaction.

use aws_lc_rs::rand;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};

use super::DynamoRegistry;
use super::error::{Failure, FailureKind};
use super::item::{
    self, CLAIMS, EXPIRES_AT, Item, SHARD, StoredConnection, TTL, millis, number, shard_of, string,
};
use super::retry::Operation;
use crate::clock::unix_seconds;
use crate::registry::{Connection, RegistryError};

/// The condition that the recorded connection is a certain one, renewed or not, whose room item is in a known shard.
const IS_CONNECTION: &str =
    "connected_at = :connected_at AND endpoint = :endpoint AND room = :room AND #shard = :shard";

/// The condition that the item belongs to a certain connection.
const IS_OF_CONNECTION: &str = "connected_at = :connected_at AND endpoint = :endpoint";

/// What became of a transaction.
enum Transaction {
    /// All of it was done.
    Done,
    /// Nothing was done. Holds what is recorded instead of what the first item's condition expects; `None` if nothing
    /// is.
    ConditionFailed(Option<StoredConnection>),
}

impl DynamoRegistry {
    async fn transact(
        &self,
        operation: &mut Operation,
        items: Vec<TransactWriteItem>,
    ) -> Result<Transaction, RegistryError> {
        // One token for all attempts: a transaction whose response was lost is not carried out again.
        let request = self
            .client
            .transact_write_items()
            .client_request_token(request_token())
            .set_transact_items(Some(items));
        operation
            .attempt(|| {
                let request = request.clone();
                async move { transaction(request.send().await.map(|_| ())) }
            })
            .await
    }

    pub(super) async fn record_connection(&self, connection: &Connection) -> Result<(), RegistryError> {
        let mut operation = self.retries.start("record the connection");
        let shard = shard_of(&connection.id, self.shards);
        let mut replaced = None;
        loop {
            let items = self.record_items(connection, shard, replaced.as_ref());
            match self.transact(&mut operation, items).await? {
                Transaction::Done => return Ok(()),
                // A newer connection, or this one: a repetition changes nothing.
                Transaction::ConditionFailed(Some(other))
                    if other.connection.connected_at >= connection.connected_at =>
                {
                    return Ok(());
                }
                Transaction::ConditionFailed(other) => {
                    let is_seen_first = replaced.is_none() && other.is_some();
                    replaced = other;
                    if !is_seen_first {
                        let failure =
                            Failure::new(FailureKind::Throttled, "the older connection keeps changing");
                        operation.wait_after(failure).await?;
                    }
                }
            }
        }
    }

    /// Writes both items, and replaces those of an older connection.
    fn record_items(
        &self,
        connection: &Connection,
        shard: u16,
        replaced: Option<&StoredConnection>,
    ) -> Vec<TransactWriteItem> {
        let put = Put::builder()
            .table_name(&*self.table)
            .set_item(Some(item::connection_item(connection, shard)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = match replaced {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(older) => put
                .condition_expression(IS_CONNECTION)
                .expression_attribute_names("#shard", SHARD)
                .set_expression_attribute_values(Some(is_connection(&older.connection, older.shard))),
        };
        let mut items = vec![
            TransactWriteItem::builder().put(built(put.build())).build(),
            self.put_in_room(connection, shard),
        ];
        // An item left behind would send the old room's messages to the new connection.
        if let Some(older) = replaced
            && older.room_key() != item::room_key(connection, shard)
        {
            items.push(self.delete(Delete::builder().set_key(Some(older.room_key()))));
        }
        items
    }

    pub(super) async fn renew_connection(&self, renewed: &Connection) -> Result<bool, RegistryError> {
        let mut operation = self.retries.start("renew the connection");
        let mut shard = shard_of(&renewed.id, self.shards);
        loop {
            let items = vec![
                self.update_connection(renewed, shard),
                self.put_in_room(renewed, shard),
            ];
            match self.transact(&mut operation, items).await? {
                Transaction::Done => return Ok(true),
                Transaction::ConditionFailed(Some(stored)) if stored.is_elsewhere(renewed, shard) => {
                    shard = stored.shard;
                }
                Transaction::ConditionFailed(_) => return Ok(false),
            }
        }
    }

    fn update_connection(&self, renewed: &Connection, shard: u16) -> TransactWriteItem {
        let update = Update::builder()
            .table_name(&*self.table)
            .set_key(Some(item::connection_key(&renewed.id)))
            .update_expression("SET #claims = :claims, #expires_at = :expires_at, #ttl = :ttl")
            .condition_expression(IS_CONNECTION)
            .set_expression_attribute_values(Some(is_connection(renewed, shard)))
            .expression_attribute_names("#shard", SHARD)
            .expression_attribute_names("#claims", CLAIMS)
            .expression_attribute_names("#expires_at", EXPIRES_AT)
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_values(":claims", string(&renewed.claims))
            .expression_attribute_values(":expires_at", number(unix_seconds(renewed.expires_at)))
            .expression_attribute_values(":ttl", number(item::ttl(renewed)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        TransactWriteItem::builder().update(built(update.build())).build()
    }

    pub(super) async fn forget_connection(&self, seen: &Connection) -> Result<bool, RegistryError> {
        let mut operation = self.retries.start("forget the connection");
        let mut shard = shard_of(&seen.id, self.shards);
        loop {
            let delete = Delete::builder()
                .set_key(Some(item::connection_key(&seen.id)))
                .condition_expression(format!("{IS_CONNECTION} AND expires_at = :expires_at"))
                .expression_attribute_names("#shard", SHARD)
                .set_expression_attribute_values(Some(is_connection(seen, shard)))
                .expression_attribute_values(":expires_at", number(unix_seconds(seen.expires_at)))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            let items = vec![
                self.delete(delete),
                self.delete(Delete::builder().set_key(Some(item::room_key(seen, shard)))),
            ];
            match self.transact(&mut operation, items).await? {
                Transaction::Done => return Ok(true),
                Transaction::ConditionFailed(Some(stored)) if stored.is_elsewhere(seen, shard) => {
                    shard = stored.shard;
                }
                // Renewed since it was seen.
                Transaction::ConditionFailed(Some(stored)) if stored.connection.is_same_connection(seen) => {
                    return Ok(false);
                }
                Transaction::ConditionFailed(other) => {
                    let items = self.forget_stale_items(seen, shard, other.as_ref());
                    // If the condition fails, there is nothing stale, or what is recorded has changed: then it is no
                    // longer for this call to say what is stale.
                    self.transact(&mut operation, items).await?;
                    return Ok(false);
                }
            }
        }
    }

    /// Deletes the room item of a connection that is no longer recorded: the time to live deletes each item by itself,
    /// and API Gateway may give the id to another connection.
    ///
    /// `recorded` is what is recorded under the id, and must not have changed. That is demanded by writes which change
    /// nothing, since a condition check would need a permission of its own.
    fn forget_stale_items(
        &self,
        stale: &Connection,
        shard: u16,
        recorded: Option<&StoredConnection>,
    ) -> Vec<TransactWriteItem> {
        let unchanged = match recorded {
            None => self.delete(
                Delete::builder()
                    .set_key(Some(item::connection_key(&stale.id)))
                    .condition_expression("attribute_not_exists(pk)"),
            ),
            Some(other) => {
                let update = Update::builder()
                    .table_name(&*self.table)
                    .set_key(Some(item::connection_key(&stale.id)))
                    .update_expression("SET #shard = #shard")
                    .condition_expression(IS_CONNECTION)
                    .expression_attribute_names("#shard", SHARD)
                    .set_expression_attribute_values(Some(is_connection(&other.connection, other.shard)));
                TransactWriteItem::builder().update(built(update.build())).build()
            }
        };
        let room_item = Delete::builder()
            .set_key(Some(item::room_key(stale, shard)))
            .condition_expression(IS_OF_CONNECTION)
            .set_expression_attribute_values(Some(is_of_connection(stale)));
        vec![unchanged, self.delete(room_item)]
    }

    fn put_in_room(&self, connection: &Connection, shard: u16) -> TransactWriteItem {
        let put = Put::builder()
            .table_name(&*self.table)
            .set_item(Some(item::room_item(connection, shard)));
        TransactWriteItem::builder().put(built(put.build())).build()
    }

    fn delete(&self, delete: aws_sdk_dynamodb::types::builders::DeleteBuilder) -> TransactWriteItem {
        let delete = delete.table_name(&*self.table).build();
        TransactWriteItem::builder().delete(built(delete)).build()
    }
}

/// The values of [`IS_CONNECTION`].
fn is_connection(connection: &Connection, shard: u16) -> Item {
    let mut values = is_of_connection(connection);
    values.extend([
        (":room".to_owned(), string(&connection.room)),
        (":shard".to_owned(), number(shard)),
    ]);
    values
}

/// The values of [`IS_OF_CONNECTION`].
fn is_of_connection(connection: &Connection) -> Item {
    Item::from([
        (
            ":connected_at".to_owned(),
            number(millis(connection.connected_at)),
        ),
        (":endpoint".to_owned(), string(&connection.endpoint)),
    ])
}

fn transaction(
    answer: Result<(), SdkError<TransactWriteItemsError, HttpResponse>>,
) -> Result<Transaction, Failure> {
    let error = match answer {
        Ok(()) => return Ok(Transaction::Done),
        Err(error) => error,
    };
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
    else {
        return Err(Failure::from(&error));
    };
    let reasons = cancelled.cancellation_reasons();
    let has_failed = |code: Option<&str>| code == Some("ConditionalCheckFailed");
    if !reasons.iter().any(|reason| has_failed(reason.code())) {
        let codes = reasons.iter().filter_map(|reason| reason.code());
        return Err(Failure::of_cancellation(codes));
    }
    // The first item is the connection's own, the only one whose contents are asked for.
    let first = reasons.first().filter(|reason| has_failed(reason.code()));
    match first.and_then(|reason| reason.item()) {
        None => Ok(Transaction::ConditionFailed(None)),
        Some(item) if item.is_empty() => Ok(Transaction::ConditionFailed(None)),
        Some(item) => match StoredConnection::read(item) {
            Some(stored) => Ok(Transaction::ConditionFailed(Some(stored))),
            None => Err(Failure::new(
                FailureKind::Permanent,
                "the connection's item is not in the format of this registry",
            )),
        },
    }
}

/// Returns 32 random characters: DynamoDB remembers a token for ten minutes, and takes up to 36 characters.
///
/// They come from the system: a function restored from a snapshot must not repeat another's tokens.
fn request_token() -> String {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).expect("the system has randomness");
    format!("{:032x}", u128::from_be_bytes(bytes))
}

pub(super) fn built<T>(request: Result<T, aws_sdk_dynamodb::error::BuildError>) -> T {
    request.expect("all that DynamoDB requires is set")
}
