//! DynamoDB, embedded: tables in memory, which are empty at first and last as long as the gateway.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use bytes::Bytes;
use dynoxide::{Database, DynoxideError};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    error::StartError,
    http::{
        self, Hosts,
        responses::{self, FullResponse},
    },
    usage::TableUsage,
};

/// The media type of DynamoDB's protocol.
const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");

/// The members by which a request asks for its units, and an answer has them.
const RETURN_CAPACITY: &str = "ReturnConsumedCapacity";
const CAPACITY: &str = "ConsumedCapacity";

/// The longest request that DynamoDB takes: 16 MB.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// A running database. Dropping it ends it.
pub(crate) struct DynamoDb {
    endpoint: String,
    usage: Arc<TableUsage>,
    _stop: DropGuard,
}

impl DynamoDb {
    /// Creates the tables, each by the JSON of a `CreateTable` request, and serves them on a free port.
    ///
    /// # Errors
    ///
    /// If a request is refused, or the port cannot be had.
    pub(crate) async fn start(tables: &[String]) -> Result<Self, StartError> {
        let failed = |reason: String| StartError::Table(reason);
        let database = Database::memory().map_err(|error| failed(error.to_string()))?;
        for table in tables {
            let created = run(&database, "CreateTable", table.as_bytes());
            created.map_err(|error| failed(format!("{error} ({table})")))?;
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let cannot_listen = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(cannot_listen)?;
        let address = listener.local_addr().map_err(cannot_listen)?;
        let stopped = CancellationToken::new();
        let (database, usage) = (Arc::new(database), Arc::<TableUsage>::default());
        let counted = usage.clone();
        let handler = move |request, _peer| answer(database.clone(), counted.clone(), request);
        tokio::spawn(http::serve(listener, stopped.clone(), handler));
        Ok(Self {
            endpoint: format!("http://{address}"),
            usage,
            _stop: stopped.drop_guard(),
        })
    }

    /// Returns the endpoint for the AWS SDKs.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns the units that were used.
    pub(crate) fn usage(&self) -> &TableUsage {
        &self.usage
    }
}

impl fmt::Debug for DynamoDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DynamoDb at {}", self.endpoint)
    }
}

async fn answer(database: Arc<Database>, usage: Arc<TableUsage>, request: Request<Incoming>) -> FullResponse {
    if let Err(refusal) = Hosts::default().check(request.headers()) {
        return *refusal;
    }
    let target = request.headers().get("x-amz-target");
    let operation = target.and_then(|target| Some(target.to_str().ok()?.split_once('.')?.1.to_owned()));
    let Ok(body) = Limited::new(request.into_body(), MAX_BODY).collect().await else {
        return responses::status_only(StatusCode::PAYLOAD_TOO_LARGE);
    };
    // SQLite would block the thread that sockets wait for.
    let work = move || {
        run_counted(
            &database,
            &usage,
            &operation.unwrap_or_default(),
            &body.to_bytes(),
        )
    };
    let result = tokio::task::spawn_blocking(work).await;
    let result = result.unwrap_or_else(|_| Err(DynoxideError::InternalServerError("it panicked".to_owned())));
    let (status, body) = match result {
        Ok(json) => (StatusCode::OK, Bytes::from(json)),
        Err(error) => (
            StatusCode::from_u16(error.status_code()).unwrap_or(StatusCode::BAD_REQUEST),
            error.to_json().into(),
        ),
    };
    let mut response = responses::empty(status);
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    *response.body_mut() = Full::new(body);
    response
}

/// Runs an operation, and counts its units: the database is asked for them, and the answer has them only if the client has
/// asked, too. Those of `PartiQL` are not counted.
fn run_counted(
    database: &Database,
    usage: &TableUsage,
    operation: &str,
    body: &[u8],
) -> Result<Vec<u8>, DynoxideError> {
    let is_write = match operation {
        "GetItem" | "BatchGetItem" | "Query" | "Scan" | "TransactGetItems" => false,
        "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems" => true,
        _ => return run(database, operation, body),
    };
    let Ok(Value::Object(mut request)) = serde_json::from_slice(body) else {
        return run(database, operation, body);
    };
    let asked = request.get(RETURN_CAPACITY).is_some_and(|asked| asked != "NONE");
    if !asked {
        request.insert(RETURN_CAPACITY.into(), "TOTAL".into());
    }
    let answer = run(database, operation, Value::Object(request).to_string().as_bytes())?;
    let Ok(Value::Object(mut answered)) = serde_json::from_slice(&answer) else {
        return Ok(answer);
    };
    let units = match answered.get(CAPACITY) {
        Some(Value::Array(tables)) => tables.iter().filter_map(units_of).sum(),
        Some(table) => units_of(table).unwrap_or_default(),
        None => 0.0,
    };
    usage.operation(is_write, units);
    if asked {
        return Ok(answer);
    }
    answered.remove(CAPACITY);
    Ok(Value::Object(answered).to_string().into_bytes())
}

fn units_of(table: &Value) -> Option<f64> {
    table["CapacityUnits"].as_f64()
}

fn run(database: &Database, operation: &str, body: &[u8]) -> Result<Vec<u8>, DynoxideError> {
    match operation {
        "CreateTable" => json(body, |request| database.create_table(request)),
        "DeleteTable" => json(body, |request| database.delete_table(request)),
        "DescribeTable" => json(body, |request| database.describe_table(request)),
        "UpdateTable" => json(body, |request| database.update_table(request)),
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
        "ExecuteStatement" => json(body, |request| database.execute_statement(request)),
        "ExecuteTransaction" => json(body, |request| database.execute_transaction(request)),
        "BatchExecuteStatement" => json(body, |request| database.batch_execute_statement(request)),
        _ => Err(DynoxideError::ValidationException(format!(
            "the embedded DynamoDB does not know the operation {operation:?}"
        ))),
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
