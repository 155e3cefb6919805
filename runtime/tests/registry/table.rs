//! What the table must look like, whichever DynamoDB holds it.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, TimeToLiveStatus};
use room_auth::registry::{Registry, Revocation, Revoked, RoomMember, SingleUse, Written};
use room_auth::{Connection, RoomId};

use super::dynamo::{self, connection, millis, now};

const MS: Duration = Duration::from_millis(1);

/// Returns every item of the table as `pk sk`.
pub(crate) async fn keys(client: &Client, table: &str) -> BTreeSet<String> {
    let scan = client.scan().table_name(table).send().await.unwrap();
    let text = |value: Option<&AttributeValue>| value.unwrap().as_s().unwrap().clone();
    scan.items()
        .iter()
        .map(|item| format!("{} {}", text(item.get("pk")), text(item.get("sk"))))
        .collect()
}

/// Returns a connection as its own room lists it.
pub(crate) fn member(connection: &Connection) -> RoomMember {
    connection.member_of(&connection.room).unwrap()
}

pub(crate) fn set(keys: &[&str]) -> BTreeSet<String> {
    keys.iter().map(ToString::to_string).collect()
}

/// Returns the same connection, made a millisecond later.
pub(crate) fn newer(connection: &Connection, room: &str) -> Connection {
    Connection::new(
        connection.id.clone(),
        connection.endpoint.clone(),
        room.parse().unwrap(),
        "{}",
        connection.connected_at + MS,
        connection.expires_at,
    )
}

pub(crate) async fn items_are_as_documented(client: &Client, table: &str) {
    let registry = dynamo::registry(client, table).await;
    let connected_at = now();
    let connection = connection("L0SM9cOFvHcCIhw=", "team:blue", connected_at);
    assert_eq!(registry.record(&connection, None).await.unwrap(), Written::Done);
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
        let text = |name: &str| item[name].as_s().unwrap().as_str();
        let now = millis(connected_at);
        assert_eq!(number("connected_at"), now);
        assert_eq!(number("expires_at"), now / 1000 + 300);
        assert_eq!(number("ttl"), now / 1000 + 2 * 3600 + 600);
        assert_eq!(text("endpoint"), "a1b2c3d4e5/prod");
        assert_eq!(text("claims"), r#"{"user":"alice"}"#);
        let is_in_room = text("pk").starts_with("ROOM");
        let names: BTreeSet<_> = item.keys().map(String::as_str).collect();
        let mut expected = BTreeSet::from([
            "pk",
            "sk",
            "endpoint",
            "claims",
            "connected_at",
            "expires_at",
            "ttl",
        ]);
        if !is_in_room {
            expected.extend(["room", "shard", "version"]);
            assert_eq!(text("room"), "team:blue");
        }
        assert_eq!(names, expected);
    }

    let newer = newer(&connection, "red");
    assert_eq!(registry.record(&newer, None).await.unwrap(), Written::Done);
    assert_eq!(
        keys(client, table).await,
        set(&[
            "CONNECTION#L0SM9cOFvHcCIhw= CONNECTION",
            "ROOM#red#0 CONNECTION#L0SM9cOFvHcCIhw="
        ]),
        "moved in one transaction"
    );
    assert!(registry.forget(&newer).await.unwrap());
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

    assert_eq!(one.record(&connection, None).await.unwrap(), Written::Done);
    assert_eq!(listed(&eight, &connection.room).await, 1);
    let renewed = connection.renewed("{}", connection.expires_at + Duration::from_mins(1));
    assert_eq!(
        eight.update(&connection, &renewed, None).await.unwrap(),
        Written::Done
    );
    assert_eq!(keys(client, table).await, in_shard(0), "renewed where it is");
    assert!(
        !eight.forget(&connection).await.unwrap(),
        "renewed since it was seen"
    );
    assert_eq!(keys(client, table).await, in_shard(0), "it stays where it is");
    assert!(eight.forget(&renewed).await.unwrap());
    assert_eq!(keys(client, table).await, set(&[]), "forgotten where it is");

    assert_eq!(one.record(&connection, None).await.unwrap(), Written::Done);
    assert_eq!(
        eight.record(&newer(&connection, "lobby"), None).await.unwrap(),
        Written::Done
    );
    assert_eq!(
        keys(client, table).await,
        in_shard(5),
        "replaced in its own shard"
    );
    assert_eq!(listed(&eight, &connection.room).await, 1);
}

pub(crate) async fn listed(registry: &impl Registry, room: &RoomId) -> usize {
    let (mut count, mut next) = (0, None);
    loop {
        let page = registry.members(room, next.as_ref()).await.unwrap();
        count += page.items.len();
        next = page.next;
        if next.is_none() {
            return count;
        }
    }
}

/// Markers stay until nothing that they are about is accepted, and used tokens as well.
pub(crate) async fn markers_are_as_documented(client: &Client, table: &str) {
    let registry = dynamo::registry(client, table).await;
    let seconds = millis(now()) / 1000;
    let at = |seconds| std::time::UNIX_EPOCH + Duration::from_secs(seconds);
    for revoked in [Revoked::User("alice".into()), Revoked::Token("t1".into())] {
        let marker = Revocation::new(revoked, at(seconds), at(seconds + 60));
        registry.revoke(&marker).await.unwrap();
    }
    let connection = connection("abc=", "lobby", now());
    let token = SingleUse::new("t2", at(seconds + 60));
    let recorded = registry.record(&connection, Some(&token)).await.unwrap();
    assert_eq!(recorded, Written::Done);
    assert!(registry.forget(&connection).await.unwrap());
    let expected = [
        "REVOKED#TOKEN#t1 REVOKED",
        "REVOKED#USER#alice REVOKED",
        "USED#t2 USED",
    ];
    assert_eq!(keys(client, table).await, set(&expected));
    let scan = client.scan().table_name(table).send().await.unwrap();
    for item in scan.items() {
        let number = |name: &str| {
            item.get(name)
                .map(|value| value.as_n().unwrap().parse::<u64>().unwrap())
        };
        let is_marker = item["sk"].as_s().unwrap() == "REVOKED";
        assert_eq!(number("ttl"), Some(seconds + 60));
        assert_eq!(number("not_before"), is_marker.then_some(seconds));
        assert_eq!(item.len(), if is_marker { 4 } else { 3 });
    }
}

pub(crate) async fn several_apis_share_the_table(client: &Client, table: &str) {
    let registry = dynamo::registry(client, table).await;
    let prod = connection("one=", "lobby", now());
    let canary = Connection::new(
        "other=".parse().unwrap(),
        "z9y8x7w6v5/canary".parse().unwrap(),
        prod.room.clone(),
        "{}",
        prod.connected_at,
        prod.expires_at,
    );
    assert_eq!(registry.record(&prod, None).await.unwrap(), Written::Done);
    assert_eq!(registry.record(&canary, None).await.unwrap(), Written::Done);
    let page = registry.members(&prod.room, None).await.unwrap();
    assert_eq!(
        page.items,
        [member(&prod), member(&canary)],
        "each with its endpoint"
    );

    // A 410 at the wrong API proves nothing.
    let at_the_wrong_api = Connection::new(
        canary.id.clone(),
        prod.endpoint.clone(),
        canary.room.clone(),
        "{}",
        canary.connected_at,
        canary.expires_at,
    );
    assert!(!registry.forget(&at_the_wrong_api).await.unwrap());
    let renewed = at_the_wrong_api.renewed("{}", canary.expires_at);
    let written = registry.update(&at_the_wrong_api, &renewed, None).await.unwrap();
    assert_eq!(written, Written::Changed);
    assert_eq!(registry.find(&canary.id).await.unwrap(), Some(canary.clone()));
    assert!(registry.forget(&canary).await.unwrap());
    assert_eq!(listed(&registry, &prod.room).await, 1);
}

pub(crate) async fn table_can_be_created_again(client: &Client, table: &str) {
    let registry = dynamo::registry(client, table).await;
    let connection = connection("abc=", "lobby", now());
    assert_eq!(registry.record(&connection, None).await.unwrap(), Written::Done);
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
