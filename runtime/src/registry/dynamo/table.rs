//! The table, for development machines and tests.

use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TimeToLiveSpecification,
};

use super::DynamoRegistry;
use super::error::{Failure, FailureKind};
use super::item::{PARTITION_KEY, SORT_KEY, TTL};
use super::transaction::built;
use crate::registry::RegistryError;

impl DynamoRegistry {
    /// Creates the table unless it exists: **for local use and tests only**.
    ///
    /// In an AWS account the table belongs to the infrastructure's code, with backups, deletion protection and tags,
    /// and the function's role has no right to create one.
    ///
    /// # Errors
    ///
    /// DynamoDB cannot be reached, or refuses.
    pub async fn create_local_table(&self) -> Result<(), RegistryError> {
        let mut operation = self.retries.start("create the table");
        let request = self
            .client
            .create_table()
            .table_name(&*self.table)
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(string_attribute(PARTITION_KEY))
            .attribute_definitions(string_attribute(SORT_KEY))
            .key_schema(key(PARTITION_KEY, KeyType::Hash))
            .key_schema(key(SORT_KEY, KeyType::Range));
        operation
            .attempt(|| {
                let request = request.clone();
                async move {
                    match request.send().await {
                        Ok(_) => Ok(()),
                        Err(error)
                            if error
                                .as_service_error()
                                .is_some_and(CreateTableError::is_resource_in_use_exception) =>
                        {
                            Ok(())
                        }
                        Err(error) => Err(Failure::from(&error)),
                    }
                }
            })
            .await?;
        operation.attempt(|| self.is_active()).await?;
        let time_to_live = built(
            TimeToLiveSpecification::builder()
                .attribute_name(TTL)
                .enabled(true)
                .build(),
        );
        let request = self
            .client
            .update_time_to_live()
            .table_name(&*self.table)
            .time_to_live_specification(time_to_live);
        match request.send().await {
            Ok(_) => Ok(()),
            // "already enabled": the table existed.
            Err(error)
                if error
                    .raw_response()
                    .is_some_and(|raw| raw.status().as_u16() == 400) =>
            {
                Ok(())
            }
            Err(error) => Err(Failure::from(&error).into_error("create the table")),
        }
    }

    async fn is_active(&self) -> Result<(), Failure> {
        let answer = self.client.describe_table().table_name(&*self.table).send().await;
        let answer = answer.map_err(|error| Failure::from(&error))?;
        let status = answer.table.and_then(|table| table.table_status);
        if status.is_some_and(|status| status.as_str() == "ACTIVE") {
            Ok(())
        } else {
            Err(Failure::new(
                FailureKind::Transient,
                "the table is still being created",
            ))
        }
    }
}

fn string_attribute(name: &str) -> AttributeDefinition {
    let attribute = AttributeDefinition::builder()
        .attribute_name(name)
        .attribute_type(ScalarAttributeType::S);
    built(attribute.build())
}

fn key(name: &str, key_type: KeyType) -> KeySchemaElement {
    built(
        KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(key_type)
            .build(),
    )
}
