//! The registry over Amazon's own DynamoDB Local: Java, fetched by `tests/dynamodb-local.sh`, so run on demand.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use room_auth::registry::DynamoRegistry;
use room_auth::testing::registry_conformance;

use super::{dynamo, table, traces};

/// DynamoDB Local, until it is dropped.
struct Local {
    port: u16,
    process: Child,
}

impl Local {
    /// Starts it on a port that was free a moment ago.
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/dynamodb-local.sh");
        let process = Command::new(script)
            .arg(port.to_string())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { port, process }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        // The script has become the Java process.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
#[ignore = "needs Java and npm: run by .ci/run, or with --ignored"]
async fn amazons_dynamodb_local_agrees() {
    let local = Local::start();
    let client = dynamo::client(&format!("http://127.0.0.1:{}", local.port));
    let registry = DynamoRegistry::new(&client, "conforms");
    // The download and the start of Java: attempts go on until there is an answer.
    let patient = registry.clone().with_budget(Duration::from_mins(2));
    patient.create_local_table().await.unwrap();
    registry_conformance(registry.clone()).await;
    registry_conformance(registry.with_shards(5).with_page_size(7)).await;
    table::items_are_as_documented(&client, "documented").await;
    table::shards_can_be_raised(&client, "shards").await;
    traces::stale_room_items_are_deleted_alone(&client, "stale").await;
    traces::stale_items_of_rooms_and_users_are_deleted_alone(&client, "users").await;
    table::markers_are_as_documented(&client, "markers").await;
    table::several_apis_share_the_table(&client, "apis").await;
    table::table_can_be_created_again(&client, "again").await;
}
