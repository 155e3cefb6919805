//! The registry over DynamoDB, with an embedded one.
#![allow(clippy::unwrap_used)]

mod broadcast;
mod dynamo;
mod dynamodb_local;
mod faults;
mod markers;
mod table;
mod traces;

use std::process::Command;
use std::time::Duration;

use dynamo::{Embedded, connection, now};
use room_auth::registry::{DynamoRegistry, PageToken, Registry, RegistryErrorKind, TABLE_ENV, Written};
use room_auth::testing::registry_conformance;

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
    table::items_are_as_documented(&dynamo::client(&dynamodb.url()), "connections").await;
}

#[tokio::test]
async fn the_number_of_shards_can_be_raised_while_connections_live() {
    let dynamodb = Embedded::start().await;
    table::shards_can_be_raised(&dynamo::client(&dynamodb.url()), "connections").await;
}

#[tokio::test]
async fn what_the_time_to_live_left_in_a_room_is_deleted_without_its_successor() {
    let dynamodb = Embedded::start().await;
    traces::stale_room_items_are_deleted_alone(&dynamo::client(&dynamodb.url()), "connections").await;
}

#[tokio::test]
async fn what_the_time_to_live_left_of_rooms_and_users_is_deleted_without_its_successor() {
    let dynamodb = Embedded::start().await;
    let client = dynamo::client(&dynamodb.url());
    traces::stale_items_of_rooms_and_users_are_deleted_alone(&client, "connections").await;
}

#[tokio::test]
async fn markers_and_used_tokens_are_as_documented() {
    let dynamodb = Embedded::start().await;
    table::markers_are_as_documented(&dynamo::client(&dynamodb.url()), "connections").await;
}

#[tokio::test]
async fn two_apis_share_a_table_and_forget_only_their_own() {
    let dynamodb = Embedded::start().await;
    table::several_apis_share_the_table(&dynamo::client(&dynamodb.url()), "connections").await;
}

#[tokio::test]
async fn a_page_token_of_another_registry_is_refused() {
    let dynamodb = Embedded::start().await;
    let registry = dynamo::registry(&dynamo::client(&dynamodb.url()), "connections").await;
    let lobby = "lobby".parse().unwrap();
    for (shards, token) in [
        (1, ""),
        (1, "0"),
        (1, "x:"),
        (1, "-1:"),
        (1, "1:"),
        (4, "4:abc="),
        (4, "65535:"),
        (4, "65536:"),
    ] {
        let registry = registry.clone().with_shards(shards);
        let error = registry.members(&lobby, Some(&PageToken::new(token))).await;
        let error = error.expect_err(token);
        assert_eq!(error.kind(), RegistryErrorKind::Failed, "{token}");
        let told = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(told, "the page token is not from this registry", "{token}");
    }
    let all = registry.with_shards(u16::MAX);
    let last = PageToken::new(format!("{}:", u16::MAX - 1));
    let page = all.members(&lobby, Some(&last)).await.unwrap();
    assert_eq!(page.next, None, "the last shard ends the listing");
}

#[tokio::test]
async fn the_local_table_is_created_once_and_expires_its_items() {
    let dynamodb = Embedded::start().await;
    table::table_can_be_created_again(&dynamo::client(&dynamodb.url()), "connections").await;
}

#[tokio::test]
async fn a_missing_table_is_a_permanent_failure_that_says_what_to_do() {
    let dynamodb = Embedded::start().await;
    let registry = DynamoRegistry::new(&dynamo::client(&dynamodb.url()), "missing");
    let error = registry.find(&"abc=".parse().unwrap()).await.unwrap_err();
    let told = std::error::Error::source(&error).unwrap().to_string();
    assert!(told.contains(TABLE_ENV), "{told}");
    assert_eq!(error.kind(), RegistryErrorKind::Failed);
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
            .envs(table.map(|table| (TABLE_ENV, table)))
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
        (None, Some("eu-west-1"), TABLE_ENV),
        (Some(""), Some("eu-west-1"), TABLE_ENV),
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
    let connection = connection("child=", "lobby", now());
    assert_eq!(registry.record(&connection, None).await.unwrap(), Written::Done);
    assert_eq!(registry.find(&connection.id).await.unwrap(), Some(connection));
}
