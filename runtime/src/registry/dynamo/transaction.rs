//! Transactions: all of it, or nothing, once.

use aws_lc_rs::rand;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::{DeleteBuilder, PutBuilder, UpdateBuilder};
use aws_sdk_dynamodb::types::{ReturnValuesOnConditionCheckFailure, TransactWriteItem};

use super::DynamoRegistry;
use super::error::Failure;
use super::item::Item;
use super::retry::Operation;
use crate::registry::RegistryError;

/// What became of a transaction.
pub(super) enum Transaction {
    /// All of it was done.
    Done,
    /// Nothing was done: the first item's condition failed. Holds the item that is there; `None` if none is.
    FirstFailed(Option<Item>),
    /// Nothing was done: only the condition of another item failed.
    OtherFailed,
}

impl DynamoRegistry {
    pub(super) async fn transact(
        &self,
        operation: &mut Operation,
        first: TransactWriteItem,
        others: Vec<TransactWriteItem>,
    ) -> Result<Transaction, RegistryError> {
        let mut items = others;
        items.insert(0, first);
        // One token for all attempts: a transaction whose response was lost is not carried out again.
        let request = self
            .client
            .transact_write_items()
            .client_request_token(request_token())
            .set_transact_items(Some(items));
        operation
            .attempt(|| {
                let request = request.clone();
                async move { outcome(request.send().await.map(|_| ())) }
            })
            .await
    }

    pub(super) fn put(&self, put: PutBuilder) -> TransactWriteItem {
        let put = built(put.table_name(&*self.table).build());
        TransactWriteItem::builder().put(put).build()
    }

    /// A put that shows, where its condition fails, the item that is there.
    pub(super) fn showing(&self, put: PutBuilder) -> TransactWriteItem {
        self.put(put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld))
    }

    pub(super) fn delete(&self, delete: DeleteBuilder) -> TransactWriteItem {
        let delete = built(delete.table_name(&*self.table).build());
        TransactWriteItem::builder().delete(delete).build()
    }

    pub(super) fn update(&self, update: UpdateBuilder) -> TransactWriteItem {
        let update = built(update.table_name(&*self.table).build());
        TransactWriteItem::builder().update(update).build()
    }
}

fn outcome(
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
    match reasons.iter().position(|reason| has_failed(reason.code())) {
        Some(0) => {
            let item = reasons[0].item().filter(|item| !item.is_empty());
            Ok(Transaction::FirstFailed(item.cloned()))
        }
        Some(_) => Ok(Transaction::OtherFailed),
        None => {
            let codes = reasons.iter().filter_map(|reason| reason.code());
            Err(Failure::of_cancellation(codes))
        }
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
