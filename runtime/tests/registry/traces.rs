//! What the time to live leaves behind, and who may clear it away: it deletes each item by itself, and API Gateway may give
//! an id to another connection.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use room_auth::Connection;
use room_auth::registry::{DynamoRegistry, Registry, RoomMember, Trace, UserConnection, Written};

use super::dynamo::{self, connection, now};
use super::table::{keys, listed, member, newer, set};

/// Deletes the connection's own item only, as the time to live may do.
async fn expire_connection_item(client: &Client, table: &str, connection: &Connection) {
    let key = |value: &str| AttributeValue::S(value.to_owned());
    let delete = client
        .delete_item()
        .table_name(table)
        .key("pk", key(&format!("CONNECTION#{}", connection.id)))
        .key("sk", key("CONNECTION"));
    delete.send().await.unwrap();
}

pub(crate) async fn stale_room_items_are_deleted_alone(client: &Client, table: &str) {
    let registry = dynamo::registry(client, table).await;
    let stale = connection("abc=", "lobby", now());
    let leave_stale = async |registry: &DynamoRegistry| {
        assert_eq!(registry.record(&stale, None).await.unwrap(), Written::Done);
        expire_connection_item(client, table, &stale).await;
        assert_eq!(listed(registry, &stale.room).await, 1, "still listed");
    };

    let sweep = async |member: &RoomMember| registry.sweep(Trace::Member(member)).await.unwrap();
    let entry = member(&stale);

    leave_stale(&registry).await;
    assert!(!registry.forget(&stale).await.unwrap(), "nothing is recorded");
    sweep(&entry).await;
    assert_eq!(keys(client, table).await, set(&[]), "no connection is recorded");

    leave_stale(&registry).await;
    let of_another_room = newer(&stale, "red");
    assert_eq!(
        registry.record(&of_another_room, None).await.unwrap(),
        Written::Done
    );
    assert_eq!(keys(client, table).await.len(), 3);
    let of_another_api = Connection::new(
        stale.id.clone(),
        "z9/prod".parse().unwrap(),
        stale.room.clone(),
        "{}",
        stale.connected_at,
        stale.expires_at,
    );
    assert!(!registry.forget(&of_another_api).await.unwrap());
    sweep(&member(&of_another_api)).await;
    assert_eq!(
        keys(client, table).await.len(),
        3,
        "the stale item is not of this API"
    );
    assert!(!registry.forget(&stale).await.unwrap());
    sweep(&entry).await;
    assert_eq!(
        keys(client, table).await,
        set(&["CONNECTION#abc= CONNECTION", "ROOM#red#0 CONNECTION#abc="]),
        "the connection of another room has the id"
    );
    let found = registry.find(&stale.id).await.unwrap();
    assert_eq!(found, Some(of_another_room.clone()));
    assert!(registry.forget(&of_another_room).await.unwrap());

    leave_stale(&registry).await;
    let of_the_same_room = newer(&stale, "lobby");
    assert_eq!(
        registry.record(&of_the_same_room, None).await.unwrap(),
        Written::Done
    );
    assert!(!registry.forget(&stale).await.unwrap());
    sweep(&entry).await;
    let page = registry.members(&stale.room, None).await.unwrap();
    assert_eq!(
        page.items,
        [member(&of_the_same_room)],
        "a connection of the same room has the id"
    );
}

/// The same for the further rooms of a connection and for its user.
pub(crate) async fn stale_items_of_rooms_and_users_are_deleted_alone(client: &Client, table: &str) {
    let registry = dynamo::registry(client, table).await;
    let stale = connection("abc=", "lobby", now()).with_user(Some("alice"));
    let joined = stale.joined(&"staff".parse().unwrap(), "{}", stale.expires_at);
    assert_eq!(registry.record(&stale, None).await.unwrap(), Written::Done);
    assert_eq!(
        registry.update(&stale, &joined, None).await.unwrap(),
        Written::Done
    );
    let all = [
        "CONNECTION#abc= CONNECTION",
        "CONNECTION#abc= ROOM#staff",
        "ROOM#lobby#0 CONNECTION#abc=",
        "ROOM#staff#0 CONNECTION#abc=",
        "USER#alice CONNECTION#abc=",
    ];
    assert_eq!(keys(client, table).await, set(&all));
    expire_connection_item(client, table, &stale).await;
    let found = registry.find(&stale.id).await.unwrap();
    assert_eq!(found, None, "a room without a connection");

    let newer = newer(&stale, "red").with_user(Some("bob"));
    assert_eq!(registry.record(&newer, None).await.unwrap(), Written::Done);
    let found = registry.find(&stale.id).await.unwrap();
    assert_eq!(
        found,
        Some(newer.clone()),
        "a room of an older connection is none of its"
    );
    let entry = UserConnection::new(stale.id.clone(), stale.endpoint.clone());
    let staff = joined.member_of(&joined.memberships()[0].room).unwrap();
    for trace in [
        Trace::User("alice", &entry),
        Trace::User("bob", &entry),
        Trace::Member(&member(&stale)),
        Trace::Member(&staff),
        Trace::Member(&member(&newer)),
    ] {
        registry.sweep(trace).await.unwrap();
    }
    let left = [
        "CONNECTION#abc= CONNECTION",
        "CONNECTION#abc= ROOM#staff",
        "ROOM#red#0 CONNECTION#abc=",
        "USER#bob CONNECTION#abc=",
    ];
    assert_eq!(
        keys(client, table).await,
        set(&left),
        "what only the time to live sees stays for it"
    );

    // Whoever joins that room writes over it.
    let joins = newer.joined(&staff.room, "{}", newer.expires_at);
    assert_eq!(
        registry.update(&newer, &joins, None).await.unwrap(),
        Written::Done
    );
    assert_eq!(registry.find(&newer.id).await.unwrap(), Some(joins.clone()));
    assert!(registry.forget(&joins).await.unwrap());
    assert_eq!(keys(client, table).await, set(&[]));
}
