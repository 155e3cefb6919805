//! The registry over DynamoDB, against an embedded one.
#![allow(clippy::unwrap_used)]

#[path = "support/registry_cases.rs"]
mod cases;
#[path = "support/dynamo.rs"]
mod dynamo;
#[path = "support/registry_faults.rs"]
mod faults;
#[path = "support/memory.rs"]
#[allow(dead_code)]
mod memory;
#[path = "support/world.rs"]
#[allow(dead_code)]
mod world;

use std::process::Command;
use std::time::Duration;

use dynamo::Embedded;
use futures_util::TryStreamExt;
use room_auth::registry::{DynamoRegistry, Registry, TABLE_VARIABLE};
use room_auth::rooms::{Broadcast, Rooms};
use room_auth::testing::registry_conformance;
use world::{Temper, World};

#[tokio::test]
async fn it_conforms() {
    let dynamodb = Embedded::start().await;
    let registry = dynamo::registry(&dynamo::client(&dynamodb.url()), "connections").await;
    registry_conformance(registry).await;
}

#[tokio::test]
async fn it_conforms_with_shards_and_small_pages() {
    let dynamodb = Embedded::start().await;
    let registry = dynamo::registry(&dynamo::client(&dynamodb.url()), "connections").await;
    registry_conformance(registry.with_shards(5).with_page_size(7)).await;
}

#[tokio::test]
async fn the_table_holds_what_is_documented_and_nothing_after_the_end() {
    let dynamodb = Embedded::start().await;
    cases::items_are_as_documented(&dynamo::client(&dynamodb.url()), "connections").await;
}

#[tokio::test]
async fn the_number_of_shards_can_be_raised_while_connections_live() {
    let dynamodb = Embedded::start().await;
    cases::shards_can_be_raised(&dynamo::client(&dynamodb.url()), "connections").await;
}

#[tokio::test]
async fn a_broadcast_reaches_a_room_in_it_and_forgets_who_is_gone() {
    let dynamodb = Embedded::start().await;
    let registry = dynamo::registry(&dynamo::client(&dynamodb.url()), "connections").await;
    let registry = registry.with_shards(3).with_page_size(9);
    let world = World::new(1);
    // Not young: a 410 is final.
    let connected_at = cases::now() - 60_000;
    for number in 0..90 {
        let connection = cases::connection(&format!("m{number}"), "lobby", connected_at);
        let temper = match number % 3 {
            0 => Temper::Gone,
            _ => Temper::Takes(Duration::from_millis(1)),
        };
        world.exist(&connection.id, temper);
        registry.record(&connection).await.unwrap();
    }
    let rooms = Rooms::new(registry.clone(), world.transport());
    let lobby = world::room("lobby");
    for gone in [30, 0] {
        let delivery = rooms.broadcast(Broadcast::new(&lobby, "{}")).await.unwrap();
        assert!(delivery.is_complete());
        assert_eq!((delivery.delivered(), delivery.gone()), (60, gone));
    }
    let left: Vec<_> = rooms.members(&lobby).try_collect().await.unwrap();
    assert_eq!(left.len(), 60);
    let id = "m0".parse().unwrap();
    assert_eq!(registry.find(&id).await.unwrap(), None);
}

#[tokio::test]
async fn the_local_table_is_created_once_and_expires_its_items() {
    let dynamodb = Embedded::start().await;
    cases::table_can_be_created_again(&dynamo::client(&dynamodb.url()), "connections").await;
}

#[tokio::test]
async fn a_missing_table_is_a_lasting_failure_that_says_what_to_do() {
    let dynamodb = Embedded::start().await;
    let registry = DynamoRegistry::new(&dynamo::client(&dynamodb.url()), "missing");
    let error = registry.find(&"abc=".parse().unwrap()).await.unwrap_err();
    let told = std::error::Error::source(&error).unwrap().to_string();
    assert!(told.contains(TABLE_VARIABLE), "{told}");
    assert!(!error.is_throttled());
}

#[tokio::test]
async fn a_dynamodb_that_is_not_there_ends_with_the_budget() {
    // Port 1 of loopback refuses.
    let client = dynamo::client("http://127.0.0.1:1");
    let registry = DynamoRegistry::new(&client, "connections").with_budget(Duration::from_millis(300));
    let began = std::time::Instant::now();
    let error = registry.find(&"abc=".parse().unwrap()).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let told = std::error::Error::source(&error).unwrap().to_string();
    assert!(told.starts_with("DynamoDB could not be reached"), "{told}");
}

/// `from_env` is tried in a process of its own: tests share their environment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_env_finds_table_endpoint_and_credentials_in_the_environment() {
    let dynamodb = Embedded::start().await;
    let client = dynamo::client(&dynamodb.url());
    dynamo::registry(&client, "from-the-environment").await;
    let run = |table: Option<&str>, region: Option<&str>| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "--ignored", "--nocapture", "in_a_child_process"])
            .env_clear()
            .env("IN_A_CHILD_PROCESS", "1")
            .envs(table.map(|table| (TABLE_VARIABLE, table)))
            .envs(region.map(|region| ("AWS_REGION", region)))
            .env("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.url())
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            // Not the machine's own role, if it has one.
            .env("AWS_EC2_METADATA_DISABLED", "true");
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.success(), told)
    };
    let (succeeded, told) = run(Some("from-the-environment"), Some("eu-west-1"));
    assert!(succeeded, "{told}");
    for (table, region, names) in [
        (None, Some("eu-west-1"), TABLE_VARIABLE),
        (Some(""), Some("eu-west-1"), TABLE_VARIABLE),
        (Some("from-the-environment"), None, "AWS_REGION"),
    ] {
        let (succeeded, told) = run(table, region);
        assert!(!succeeded && told.contains(names), "{table:?} {region:?}: {told}");
    }
}

#[tokio::test]
#[ignore = "run by from_env_finds_table_endpoint_and_credentials_in_the_environment"]
async fn in_a_child_process() {
    // Its environment is made by the test that starts it; among the other ignored ones there is nothing to see.
    if std::env::var_os("IN_A_CHILD_PROCESS").is_none() {
        return;
    }
    let registry = DynamoRegistry::from_env().await.unwrap();
    let connection = cases::connection("child=", "lobby", cases::now());
    registry.record(&connection).await.unwrap();
    assert_eq!(registry.find(&connection.id).await.unwrap(), Some(connection));
}
