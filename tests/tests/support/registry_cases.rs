//! What the table must look like, whichever DynamoDB holds it.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, TimeToLiveStatus};
use room_auth::registry::Registry;
use room_auth::{Connection, RoomId};

use super::dynamo;

/// The present, in milliseconds since the epoch: what has been over for hours, a DynamoDB may delete.
pub(crate) fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_millis().try_into().unwrap()
}

pub(crate) fn connection(id: &str, room: &str, connected_at: u64) -> Connection {
    Connection::new(
        id.parse().unwrap(),
        room.parse().unwrap(),
        r#"{"user":"alice"}"#,
        connected_at,
        connected_at / 1000 + 300,
    )
}

/// Every item of the table as `pk sk`.
async fn keys(client: &Client, table: &str) -> BTreeSet<String> {
    let scan = client.scan().table_name(table).send().await.unwrap();
    let text = |value: Option<&AttributeValue>| value.unwrap().as_s().unwrap().clone();
    scan.items()
        .iter()
        .map(|item| format!("{} {}", text(item.get("pk")), text(item.get("sk"))))
        .collect()
}

fn set(keys: &[&str]) -> BTreeSet<String> {
    keys.iter().map(ToString::to_string).collect()
}

pub(crate) async fn items_are_as_documented(client: &Client, table: &str) {
    let registry = dynamo::registry(client, table).await;
    let now = now();
    let connection = connection("L0SM9cOFvHcCIhw=", "team:blue", now);
    registry.record(&connection).await.unwrap();
    assert_eq!(
        keys(client, table).await,
        set(&[
            "CONNECTION#L0SM9cOFvHcCIhw= CONNECTION",
            "ROOM#team:blue#0 CONNECTION#L0SM9cOFvHcCIhw="
        ])
    );
    let scan = client.scan().table_name(table).send().await.unwrap();
    for item in scan.items() {
        let number = |name: &str| item[name].as_n().unwrap().parse::<u64>().unwrap();
        assert_eq!(number("connected_at"), now);
        assert_eq!(number("expires_at"), now / 1000 + 300);
        assert_eq!(number("ttl"), now / 1000 + 2 * 3600 + 600);
        let is_in_room = item["pk"].as_s().unwrap().starts_with("ROOM");
        let names: BTreeSet<_> = item.keys().map(String::as_str).collect();
        let mut expected = BTreeSet::from(["pk", "sk", "connected_at", "expires_at", "ttl"]);
        if !is_in_room {
            expected.extend(["room", "shard", "claims"]);
            assert_eq!(item["room"].as_s().unwrap(), "team:blue");
            assert_eq!(item["claims"].as_s().unwrap(), r#"{"user":"alice"}"#);
        }
        assert_eq!(names, expected, "claims are not copied into the room");
    }

    let newer = Connection::new(
        connection.id.clone(),
        "red".parse().unwrap(),
        "{}",
        connection.connected_at + 1,
        connection.expires_at,
    );
    registry.record(&newer).await.unwrap();
    assert_eq!(
        keys(client, table).await,
        set(&[
            "CONNECTION#L0SM9cOFvHcCIhw= CONNECTION",
            "ROOM#red#0 CONNECTION#L0SM9cOFvHcCIhw="
        ]),
        "moved in one transaction"
    );
    registry
        .forget(&newer.id, &newer.room, newer.connected_at)
        .await
        .unwrap();
    assert_eq!(keys(client, table).await, set(&[]));
}

pub(crate) async fn shards_can_be_raised(client: &Client, table: &str) {
    let one = dynamo::registry(client, table).await;
    let eight = one.clone().with_shards(8);
    // Of shard 5 among eight.
    let connection = connection("b", "lobby", now());
    let in_shard = |shard: u8| {
        let room_item = format!("ROOM#lobby#{shard} CONNECTION#b");
        set(&["CONNECTION#b CONNECTION", &room_item])
    };

    one.record(&connection).await.unwrap();
    assert_eq!(listed(&eight, &connection.room).await, 1);
    let renewed = connection.renewed("{}", connection.expires_at + 60);
    assert!(eight.renew(&renewed).await.unwrap());
    assert_eq!(keys(client, table).await, in_shard(0), "renewed where it is");
    eight
        .forget(&connection.id, &connection.room, connection.connected_at)
        .await
        .unwrap();
    assert_eq!(keys(client, table).await, set(&[]), "forgotten where it is");

    one.record(&connection).await.unwrap();
    let newer = Connection::new(
        connection.id.clone(),
        connection.room.clone(),
        "{}",
        connection.connected_at + 1,
        connection.expires_at,
    );
    eight.record(&newer).await.unwrap();
    assert_eq!(
        keys(client, table).await,
        in_shard(5),
        "replaced in its own shard"
    );
    assert_eq!(listed(&eight, &connection.room).await, 1);
}

async fn listed(registry: &impl Registry, room: &RoomId) -> usize {
    let (mut count, mut next) = (0, None);
    loop {
        let page = registry.members(room, next.as_ref()).await.unwrap();
        count += page.members.len();
        next = page.next;
        if next.is_none() {
            return count;
        }
    }
}

pub(crate) async fn table_can_be_created_again(client: &Client, table: &str) {
    let registry = dynamo::registry(client, table).await;
    let connection = connection("abc=", "lobby", now());
    registry.record(&connection).await.unwrap();
    registry.create_local_table().await.unwrap();
    assert_eq!(registry.find(&connection.id).await.unwrap(), Some(connection));
    let answer = client
        .describe_time_to_live()
        .table_name(table)
        .send()
        .await
        .unwrap();
    let ttl = answer.time_to_live_description().unwrap();
    assert_eq!(ttl.attribute_name(), Some("ttl"));
    assert!(matches!(
        ttl.time_to_live_status(),
        Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
    ));
}
