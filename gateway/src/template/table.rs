//! The DynamoDB tables of a template, as requests that create them.

use serde_json::{Value, json};

use super::{reader::Reader, resource::Resource};

/// Returns the `CreateTable` request of an `AWS::DynamoDB::Table`. Everything is on demand: there is nothing to
/// provision.
///
/// # Errors
///
/// If a property that makes the table is not understood.
pub(super) fn read(reader: &Reader<'_>, id: &str, resource: &Resource) -> Result<Value, String> {
    let properties = &resource.properties;
    let mut request = json!({"TableName": name(reader, id, resource)?, "BillingMode": "PAY_PER_REQUEST"});
    for part in [
        "AttributeDefinitions",
        "KeySchema",
        "GlobalSecondaryIndexes",
        "LocalSecondaryIndexes",
    ] {
        let Some(value) = properties.get(part) else {
            continue;
        };
        let mut value = reader
            .resolver
            .value(value)
            .map_err(|what| format!("{id}: {part} is not understood: {what}"))?;
        for index in value.as_array_mut().into_iter().flatten() {
            if let Value::Object(index) = index {
                index.remove("ProvisionedThroughput");
            }
        }
        request[part] = value;
    }
    // AWS may take days to delete what has expired, so no function can rely on TimeToLiveSpecification.
    let known = [
        "AttributeDefinitions",
        "BillingMode",
        "DeletionProtectionEnabled",
        "GlobalSecondaryIndexes",
        "KeySchema",
        "LocalSecondaryIndexes",
        "PointInTimeRecoverySpecification",
        "ProvisionedThroughput",
        "SSESpecification",
        "TableClass",
        "TableName",
        "Tags",
        "TimeToLiveSpecification",
    ];
    reader.unread(id, properties, &known);
    Ok(request)
}

/// Returns the `CreateTable` request of an `AWS::Serverless::SimpleTable`, whose only key is `id` unless it says
/// otherwise.
///
/// # Errors
///
/// If a property that makes the table is not understood.
pub(super) fn read_simple(reader: &Reader<'_>, id: &str, resource: &Resource) -> Result<Value, String> {
    let key = match resource.properties.get("PrimaryKey") {
        Some(key) => reader
            .resolver
            .value(key)
            .map_err(|what| format!("{id}: PrimaryKey is not understood: {what}"))?,
        None => json!({"Name": "id", "Type": "String"}),
    };
    let kind = match key["Type"].as_str() {
        Some("String") => "S",
        Some("Number") => "N",
        Some("Binary") => "B",
        _ => {
            return Err(format!(
                "{id}: the Type of PrimaryKey must be String, Number or Binary"
            ));
        }
    };
    Ok(json!({
        "TableName": name(reader, id, resource)?,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": key["Name"], "AttributeType": kind}],
        "KeySchema": [{"AttributeName": key["Name"], "KeyType": "HASH"}],
    }))
}

fn name(reader: &Reader<'_>, id: &str, resource: &Resource) -> Result<String, String> {
    match resource.properties.get("TableName") {
        Some(name) => reader
            .resolver
            .text(name)
            .map_err(|what| format!("{id}: TableName is not understood: {what}")),
        None => Ok(id.to_owned()),
    }
}
