//! DynamoDB, embedded in this process.
//!
//! It listens on no port of its own: its HTTP server would answer every page that is open in a browser of this machine,
//! with `Access-Control-Allow-Origin: *`. The functions reach it by a [relay](crate::relay), which answers programs
//! only.

use std::io;

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};
use dynoxide::DynoxideError;
use room_auth::registry::DynamoRegistry;
use serde::{Serialize, de::DeserializeOwned};

use crate::{DemoError, aws};

/// The table of connections.
pub(crate) const TABLE: &str = "chat-connections";

/// The longest request that DynamoDB takes: 16 MB.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// A database in memory, which is empty at first and lasts until it is dropped.
pub(crate) struct Database(dynoxide::Database);

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Database")
    }
}

impl Database {
    pub(crate) fn new() -> Result<Self, DemoError> {
        let database = dynoxide::Database::memory();
        let failed = |error: DynoxideError| DemoError::Database(io::Error::other(error.to_string()).into());
        database.map(Self).map_err(failed)
    }

    /// Answers a request of the AWS SDK.
    pub(crate) async fn answer(&self, request: Request) -> Response {
        let target = request.headers().get("x-amz-target");
        let operation = target.and_then(|target| Some(target.to_str().ok()?.split_once('.')?.1.to_owned()));
        let Ok(body) = to_bytes(request.into_body(), MAX_BODY).await else {
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        };
        let (status, json) = match self.run(operation.as_deref().unwrap_or_default(), &body) {
            Ok(json) => (StatusCode::OK, Body::from(json)),
            Err(error) => {
                let status = StatusCode::from_u16(error.status_code()).unwrap_or(StatusCode::BAD_REQUEST);
                (status, Body::from(error.to_json()))
            }
        };
        (status, [(CONTENT_TYPE, "application/x-amz-json-1.0")], json).into_response()
    }

    fn run(&self, operation: &str, body: &[u8]) -> Result<Vec<u8>, DynoxideError> {
        let Self(database) = self;
        match operation {
            "CreateTable" => json(body, |request| database.create_table(request)),
            "DescribeTable" => json(body, |request| database.describe_table(request)),
            "ListTables" => json(body, |request| database.list_tables(request)),
            "UpdateTimeToLive" => json(body, |request| database.update_time_to_live(request)),
            "DescribeTimeToLive" => json(body, |request| database.describe_time_to_live(request)),
            "GetItem" => json(body, |request| database.get_item(request)),
            "PutItem" => json(body, |request| database.put_item(request)),
            "UpdateItem" => json(body, |request| database.update_item(request)),
            "DeleteItem" => json(body, |request| database.delete_item(request)),
            "BatchGetItem" => json(body, |request| database.batch_get_item(request)),
            "BatchWriteItem" => json(body, |request| database.batch_write_item(request)),
            "Query" => json(body, |request| database.query(request)),
            "Scan" => json(body, |request| database.scan(request)),
            "TransactGetItems" => json(body, |request| database.transact_get_items(request)),
            "TransactWriteItems" => json(body, |request| database.transact_write_items(request)),
            _ => Err(DynoxideError::ValidationException(format!(
                "the demo's database does not know the operation {operation:?}"
            ))),
        }
    }
}

/// Runs an operation from JSON to JSON.
fn json<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    operation: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Result<Vec<u8>, DynoxideError> {
    let request = serde_json::from_slice(body)
        .map_err(|error| DynoxideError::SerializationException(error.to_string()))?;
    let answer = operation(request)?;
    serde_json::to_vec(&answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// Creates the table of connections in the database at this URL.
pub(crate) async fn create_table(url: &str) -> Result<(), DemoError> {
    let registry = DynamoRegistry::new(&aws::dynamodb(url), TABLE);
    let created = registry.create_local_table().await;
    created.map_err(|error| DemoError::Database(error.into()))
}
