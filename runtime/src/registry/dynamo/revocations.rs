//! Markers of what is revoked.

use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemOutput;
use aws_sdk_dynamodb::types::{KeysAndAttributes, Put};

use super::DynamoRegistry;
use super::error::{Failure, FailureKind};
use super::item::{self, Item, Key, NOT_BEFORE, PARTITION_KEY, TTL, number};
use super::retry::Operation;
use super::transaction::{Transaction, built};
use crate::clock::unix_seconds;
use crate::registry::{RegistryError, Revocation, Revocations, Revoked};

impl DynamoRegistry {
    /// Writes a marker. One that is there already never gets earlier: neither what it revokes nor its end.
    pub(super) async fn write_marker(&self, revocation: &Revocation) -> Result<(), RegistryError> {
        let mut operation = self.retries.start("write the revocation");
        let key = match &revocation.revoked {
            Revoked::User(user) => Key::of_revoked_user(user),
            Revoked::Token(token_id) => Key::of_revoked_token(token_id),
        };
        let mut not_before = unix_seconds(revocation.not_before);
        let mut ttl = unix_seconds(revocation.expires_at);
        loop {
            let put = Put::builder()
                .set_item(Some(
                    key.with([(NOT_BEFORE, number(not_before)), (TTL, number(ttl))]),
                ))
                .condition_expression(
                    "attribute_not_exists(pk) OR (not_before <= :not_before AND #ttl <= :ttl)",
                )
                .expression_attribute_names("#ttl", TTL)
                .expression_attribute_values(":not_before", number(not_before))
                .expression_attribute_values(":ttl", number(ttl));
            match self.transact(&mut operation, self.showing(put), vec![]).await? {
                Transaction::Done => return Ok(()),
                Transaction::FirstFailed(Some(marker)) => {
                    let read = |name| item::integer(&marker, name).ok_or_else(|| operation.error(MALFORMED));
                    not_before = not_before.max(read(NOT_BEFORE)?);
                    ttl = ttl.max(read(TTL)?);
                }
                Transaction::FirstFailed(None) | Transaction::OtherFailed => {
                    let failure = Failure::new(FailureKind::Throttled, "the marker keeps changing");
                    operation.wait_after(failure).await?;
                }
            }
        }
    }

    /// Reads the markers of a user and of a token by one request.
    pub(super) async fn read_markers(
        &self,
        user: Option<&str>,
        token_id: Option<&str>,
    ) -> Result<Revocations, RegistryError> {
        let mut operation = self.retries.start("read the revocations");
        let user = user.map(Key::of_revoked_user);
        let token = token_id.map(Key::of_revoked_token);
        let keys: Vec<_> = user.iter().chain(&token).map(Key::item).collect();
        if keys.is_empty() {
            return Ok(Revocations::default());
        }
        let keys = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(true)
            .build();
        let request = self
            .client
            .batch_get_item()
            .request_items(&*self.table, built(keys));
        let answer = operation
            .attempt(|| {
                let request = request.clone();
                async move { all_of(request.send().await.map_err(|error| Failure::from(&error))?) }
            })
            .await?;
        let found: Vec<Item> = answer
            .responses
            .unwrap_or_default()
            .into_values()
            .flatten()
            .collect();
        let not_before = |key: Option<Key>| find_marker(&operation, &found, key.as_ref());
        Ok(Revocations::new(not_before(user)?, not_before(token)?))
    }
}

const MALFORMED: &str = "a marker is not in the format of this registry";

/// What was left out for want of capacity is asked for again: no answer is not the answer that there is no marker.
fn all_of(answer: BatchGetItemOutput) -> Result<BatchGetItemOutput, Failure> {
    match answer.unprocessed_keys() {
        Some(unprocessed) if !unprocessed.is_empty() => {
            Err(Failure::new(FailureKind::Throttled, "DynamoDB left keys unread"))
        }
        _ => Ok(answer),
    }
}

fn find_marker(
    operation: &Operation,
    found: &[Item],
    key: Option<&Key>,
) -> Result<Option<std::time::SystemTime>, RegistryError> {
    let is_it = |item: &&Item| {
        let partition = item::text(item, PARTITION_KEY);
        key.is_some_and(|key| partition == Some(&*key.partition))
    };
    let Some(marker) = found.iter().find(is_it) else {
        return Ok(None);
    };
    item::integer(marker, NOT_BEFORE)
        .and_then(item::from_seconds)
        .map(Some)
        .ok_or_else(|| operation.error(MALFORMED))
}
