//! Recording, renewing and forgetting: both items of a connection in one transaction.

use aws_lc_rs::rand;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};

use super::DynamoRegistry;
use super::failure::{Failure, FailureKind};
use super::item::{self, CLAIMS, EXPIRES_AT, Place, Recorded, SHARD, TTL, n, s};
use super::patience::Call;
use crate::id::ConnectionId;
use crate::id::RoomId;
use crate::registry::{Connection, RegistryError};

/// The condition that the recorded connection is a certain one, where its room item is known to be.
const IS_RECORDED_AT: &str = "connected_at = :connected_at AND room = :room AND #shard = :shard";

/// What became of a transaction.
enum Transaction {
    /// All of it was done.
    Done,
    /// None of it: the connection's item, which comes first, is not as expected, but so; or not there at all.
    Refused(Option<Recorded>),
}

impl DynamoRegistry {
    async fn transact(
        &self,
        call: &mut Call<'_>,
        items: Vec<TransactWriteItem>,
    ) -> Result<Transaction, RegistryError> {
        // One token for all attempts: one that was carried out, but whose answer was lost, is not repeated.
        let request = self
            .client
            .transact_write_items()
            .client_request_token(request_token())
            .set_transact_items(Some(items));
        call.attempt(|| {
            let request = request.clone();
            async move { transaction(request.send().await.map(|_| ())) }
        })
        .await
    }

    pub(super) async fn record_connection(&self, connection: &Connection) -> Result<(), RegistryError> {
        let mut call = self.patience.start("record the connection");
        let place = Place::of(&connection.id, &connection.room, self.shards);
        let mut replaced = None;
        loop {
            let items = self.record_items(connection, &place, replaced.as_ref());
            match self.transact(&mut call, items).await? {
                Transaction::Done => return Ok(()),
                // Itself, so that a repetition changes nothing, or a newer one.
                Transaction::Refused(Some(other)) if other.connected_at >= connection.connected_at => {
                    return Ok(());
                }
                Transaction::Refused(other) => {
                    let is_first_sight = replaced.is_none() && other.is_some();
                    replaced = other;
                    if !is_first_sight {
                        let failure =
                            Failure::new(FailureKind::Throttled, "the older connection keeps changing");
                        call.wait_after(failure).await?;
                    }
                }
            }
        }
    }

    /// Writes both items, in the place of an older connection's if there is one.
    fn record_items(
        &self,
        connection: &Connection,
        place: &Place,
        replaced: Option<&Recorded>,
    ) -> Vec<TransactWriteItem> {
        let put = Put::builder()
            .table_name(&*self.table)
            .set_item(Some(item::connection_item(connection, place.shard)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = match replaced {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(older) => put
                .condition_expression(IS_RECORDED_AT)
                .expression_attribute_names("#shard", SHARD)
                .expression_attribute_values(":connected_at", n(older.connected_at))
                .expression_attribute_values(":room", s(&older.place.room))
                .expression_attribute_values(":shard", n(older.place.shard)),
        };
        let mut items = vec![
            TransactWriteItem::builder().put(built(put.build())).build(),
            self.put_in_room(connection, place),
        ];
        // An item left behind would send the old room's messages to the new connection.
        if let Some(older) = replaced
            && older.place != *place
        {
            items.push(self.delete_from_room(&connection.id, &older.place));
        }
        items
    }

    pub(super) async fn renew_connection(&self, connection: &Connection) -> Result<bool, RegistryError> {
        let mut call = self.patience.start("renew the connection");
        let mut place = Place::of(&connection.id, &connection.room, self.shards);
        loop {
            let items = vec![
                self.update_connection(connection, &place),
                self.put_in_room(connection, &place),
            ];
            match self.transact(&mut call, items).await? {
                Transaction::Done => return Ok(true),
                Transaction::Refused(Some(other)) if is_in_another_shard(connection, &place, &other) => {
                    place = other.place;
                }
                Transaction::Refused(_) => return Ok(false),
            }
        }
    }

    fn update_connection(&self, connection: &Connection, place: &Place) -> TransactWriteItem {
        let update = Update::builder()
            .table_name(&*self.table)
            .set_key(Some(item::connection_key(&connection.id)))
            .update_expression("SET #claims = :claims, #expires_at = :expires_at, #ttl = :ttl")
            .condition_expression(IS_RECORDED_AT)
            .expression_attribute_names("#claims", CLAIMS)
            .expression_attribute_names("#expires_at", EXPIRES_AT)
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_names("#shard", SHARD)
            .expression_attribute_values(":claims", s(&connection.claims))
            .expression_attribute_values(":expires_at", n(connection.expires_at))
            .expression_attribute_values(":ttl", n(item::ttl(connection)))
            .expression_attribute_values(":connected_at", n(connection.connected_at))
            .expression_attribute_values(":room", s(&connection.room))
            .expression_attribute_values(":shard", n(place.shard))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        TransactWriteItem::builder().update(built(update.build())).build()
    }

    pub(super) async fn forget_connection(
        &self,
        id: &ConnectionId,
        room: &RoomId,
        connected_at: u64,
    ) -> Result<(), RegistryError> {
        let mut call = self.patience.start("forget the connection");
        let mut place = Place::of(id, room, self.shards);
        loop {
            let delete = Delete::builder()
                .table_name(&*self.table)
                .set_key(Some(item::connection_key(id)))
                .condition_expression(format!("attribute_not_exists(pk) OR ({IS_RECORDED_AT})"))
                .expression_attribute_names("#shard", SHARD)
                .expression_attribute_values(":connected_at", n(connected_at))
                .expression_attribute_values(":room", s(room))
                .expression_attribute_values(":shard", n(place.shard))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            let items = vec![
                TransactWriteItem::builder().delete(built(delete.build())).build(),
                self.delete_from_room(id, &place),
            ];
            match self.transact(&mut call, items).await? {
                Transaction::Refused(Some(other))
                    if other.connected_at == connected_at
                        && other.place.room == *room
                        && other.place != place =>
                {
                    place = other.place;
                }
                Transaction::Done | Transaction::Refused(_) => return Ok(()),
            }
        }
    }

    fn put_in_room(&self, connection: &Connection, place: &Place) -> TransactWriteItem {
        let put = Put::builder()
            .table_name(&*self.table)
            .set_item(Some(item::room_item(connection, place)));
        TransactWriteItem::builder().put(built(put.build())).build()
    }

    fn delete_from_room(&self, id: &ConnectionId, place: &Place) -> TransactWriteItem {
        let delete = Delete::builder()
            .table_name(&*self.table)
            .set_key(Some(place.key(id)));
        TransactWriteItem::builder().delete(built(delete.build())).build()
    }
}

/// Whether `other` is the same connection, recorded while the table had another number of shards.
fn is_in_another_shard(connection: &Connection, place: &Place, other: &Recorded) -> bool {
    other.connected_at == connection.connected_at
        && other.place.room == connection.room
        && other.place != *place
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
    // Only the first item of ours has a condition.
    match cancelled.cancellation_reasons().first() {
        Some(reason) if reason.code() == Some("ConditionalCheckFailed") => match reason.item() {
            None => Ok(Transaction::Refused(None)),
            Some(item) if item.is_empty() => Ok(Transaction::Refused(None)),
            Some(item) => Recorded::read(item)
                .map(|recorded| Transaction::Refused(Some(recorded)))
                .ok_or_else(|| {
                    Failure::new(
                        FailureKind::Lasting,
                        "the connection's item is none that this registry writes",
                    )
                }),
        },
        _ => Err(Failure::of_cancellation(
            cancelled
                .cancellation_reasons()
                .iter()
                .filter_map(|reason| reason.code()),
        )),
    }
}

/// 32 random characters: DynamoDB remembers a token for ten minutes, and takes up to 36 characters.
///
/// From the system's randomness: a function restored from a snapshot must not repeat another's tokens.
fn request_token() -> String {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).expect("the system has randomness");
    format!("{:032x}", u128::from_be_bytes(bytes))
}

pub(super) fn built<T>(request: Result<T, aws_sdk_dynamodb::error::BuildError>) -> T {
    request.expect("all that DynamoDB requires is set")
}
