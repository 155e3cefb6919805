//! The registries under test: in memory, and over a DynamoDB in this process.

use std::sync::Arc;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::{Client, Config};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use dynoxide::{Database, DynoxideError};
use room_auth::registry::DynamoRegistry;
use room_auth::rooms::Rooms;
use room_auth::testing::MemoryRegistry;
use room_auth::{Connection, ConnectionId, Registry as _, Transport};
use serde_json::{Value, from_str, from_value, json, to_string};

use crate::gates::Line;
use crate::memory::LineToMemory;
use crate::steps::{Fault, Sequence};

const TABLE: &str = "connections";

/// From connecting until the time to live deletes what is left, in milliseconds.
const TIME_TO_LIVE: u64 = (2 * 3600 + 600) * 1000;

#[derive(Clone)]
pub(crate) enum Store {
    Memory(MemoryRegistry),
    Dynamo(Arc<Database>, DynamoRegistry),
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    pub(crate) fn memory(sequence: &Sequence) -> Self {
        Self::Memory(MemoryRegistry::new().with_page_size(sequence.page_size))
    }

    pub(crate) fn dynamo(sequence: &Sequence) -> Self {
        let database = Database::memory().unwrap();
        let key = |name, kind| json!({"AttributeName": name, "KeyType": kind});
        let attribute = |name| json!({"AttributeName": name, "AttributeType": "S"});
        let table = json!({
            "TableName": TABLE, "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
            "AttributeDefinitions": [attribute("pk"), attribute("sk")],
        });
        database.create_table(from_value(table).unwrap()).unwrap();
        let database = Arc::new(database);
        let registry = registry(&database).with_page_size(u16::try_from(sequence.page_size).unwrap());
        Self::Dynamo(database, registry)
    }

    /// The rooms of one invocation. That over DynamoDB finds its line by itself, within [`Line::scope`]: a client of
    /// the SDK takes too long to make for each.
    pub(crate) fn rooms(&self, line: &Line, transport: impl Transport) -> Rooms {
        match self {
            Self::Memory(memory) => {
                let (memory, line) = (memory.clone(), line.clone());
                Rooms::new(LineToMemory { memory, line }, transport)
            }
            Self::Dynamo(_, registry) => Rooms::new(registry.clone(), transport),
        }
    }

    /// Whether a call fails that waits too long.
    pub(crate) fn gives_up_waiting(&self) -> bool {
        matches!(self, Self::Dynamo(..))
    }

    pub(crate) async fn find(&self, id: &ConnectionId) -> Option<Connection> {
        match self {
            Self::Memory(memory) => memory.find(id).await.unwrap(),
            Self::Dynamo(_, registry) => registry.find(id).await.unwrap(),
        }
    }

    /// Deletes items that are due at `now`: those whose bit is set.
    pub(crate) async fn time_to_live(&self, bits: u8, now: u64) {
        let mut places = (0..8).cycle();
        let mut is_chosen = || bits & (1 << places.next().unwrap()) != 0;
        match self {
            // A connection is one item here.
            Self::Memory(memory) => {
                for connection in memory.connections() {
                    let connected_at = connection
                        .connected_at
                        .duration_since(std::time::UNIX_EPOCH)
                        .unwrap();
                    let due_at = u64::try_from(connected_at.as_millis()).unwrap() + TIME_TO_LIVE;
                    if due_at < now && is_chosen() {
                        memory.forget(&connection).await.unwrap();
                    }
                }
            }
            Self::Dynamo(database, _) => {
                let scan = from_value(json!({"TableName": TABLE})).unwrap();
                let found = serde_json::to_value(database.scan(scan).unwrap()).unwrap();
                for item in found["Items"].as_array().unwrap() {
                    let due_at: u64 = item["ttl"]["N"].as_str().unwrap().parse().unwrap();
                    if due_at * 1000 < now && is_chosen() {
                        let key = json!({"pk": item["pk"], "sk": item["sk"]});
                        let delete = json!({"TableName": TABLE, "Key": key});
                        database.delete_item(from_value(delete).unwrap()).unwrap();
                    }
                }
            }
        }
    }
}

fn registry(database: &Arc<Database>) -> DynamoRegistry {
    let connector = SharedHttpConnector::new(LineToDynamo(database.clone()));
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .build();
    DynamoRegistry::new(&Client::from_conf(config), TABLE)
}

/// In the place of the network: each request waits for its turn.
#[derive(Clone)]
struct LineToDynamo(Arc<Database>);

impl std::fmt::Debug for LineToDynamo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LineToDynamo").finish_non_exhaustive()
    }
}

impl HttpConnector for LineToDynamo {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move {
            let operation = request.headers().get("x-amz-target").unwrap();
            let operation = operation.rsplit('.').next().unwrap();
            let body = std::str::from_utf8(request.body().bytes().unwrap()).unwrap();
            let fault = Line::current().pass().await;
            let (status, body) = match fault {
                Some(Fault::Throttled) => failure(400, "ThrottlingException"),
                Some(Fault::Failed) => failure(400, "ValidationException"),
                _ => this.carry_out(operation, body),
            };
            let (status, body) = match fault {
                Some(Fault::AnswerLost) => failure(500, "InternalServerError"),
                Some(Fault::Timeout) => std::future::pending().await,
                _ => (status, body),
            };
            Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body)))
        })
    }
}

impl LineToDynamo {
    fn carry_out(&self, operation: &str, body: &str) -> (u16, String) {
        let Self(database) = self;
        let answer: Result<Value, DynoxideError> = match operation {
            "Query" => database
                .query(from_str(body).unwrap())
                .map(|answer| json!(answer)),
            "BatchGetItem" => database
                .batch_get_item(from_str(body).unwrap())
                .map(|answer| json!(answer)),
            "TransactWriteItems" => {
                let written = database.transact_write_items(from_str(body).unwrap());
                written.map(|answer| json!(answer))
            }
            _ => panic!("the registry asks for {operation}, which its documentation does not name"),
        };
        match answer {
            Ok(answer) => (200, to_string(&answer).unwrap()),
            Err(error) => (error.status_code(), error.to_json()),
        }
    }
}

fn failure(status: u16, code: &str) -> (u16, String) {
    let code = format!("com.amazonaws.dynamodb.v20120810#{code}");
    (status, json!({"__type": code, "message": "no"}).to_string())
}
