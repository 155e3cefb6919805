//! The items of the table: keys, attributes, and how they are read.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::types::AttributeValue;

use crate::clock::unix_seconds;
use crate::id::ConnectionId;
use crate::id::RoomId;
use crate::registry::{Connection, MAX_CONNECTION_AGE};

/// The environment variable that names the table.
pub const TABLE_ENV: &str = "DYNAMO_TABLE_NAME_CHAT_CONNECTIONS";

pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) const PARTITION_KEY: &str = "pk";
pub(super) const SORT_KEY: &str = "sk";
const ENDPOINT: &str = "endpoint";
const ROOM: &str = "room";
/// A reserved word of DynamoDB's expressions.
pub(super) const SHARD: &str = "shard";
pub(super) const CLAIMS: &str = "claims";
const CONNECTED_AT: &str = "connected_at";
pub(super) const EXPIRES_AT: &str = "expires_at";
/// A reserved word of DynamoDB's expressions.
pub(super) const TTL: &str = "ttl";

/// The sort key of a connection's own item, and the prefix of its other keys.
const CONNECTION: &str = "CONNECTION";

/// How long items stay after API Gateway has ended the connection, for a late `$disconnect`.
const GRACE: Duration = Duration::from_mins(10);

/// What the item of a connection holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredConnection {
    pub(super) connection: Connection,
    /// The shard that its room item is in.
    pub(super) shard: u16,
}

impl StoredConnection {
    /// Reads the item of a connection. `None` if it is not in the format of this module.
    pub(super) fn read(item: &Item) -> Option<Self> {
        let id = text(item, PARTITION_KEY)?
            .strip_prefix(CONNECTION)?
            .strip_prefix('#')?;
        let room = text(item, ROOM)?.parse().ok()?;
        Some(Self {
            connection: read_connection(item, id.parse().ok()?, room)?,
            shard: integer(item, SHARD)?.try_into().ok()?,
        })
    }

    /// Returns whether this is `connection`, renewed or not, recorded in another shard than `shard`.
    ///
    /// It is if the number of shards was changed while the connection lives.
    pub(super) fn is_elsewhere(&self, connection: &Connection, shard: u16) -> bool {
        self.connection.is_same_connection(connection) && self.shard != shard
    }

    pub(super) fn room_key(&self) -> Item {
        room_key(&self.connection, self.shard)
    }
}

/// Returns the shard of a connection: FNV-1a (64 bits) of its id, modulo the number of shards.
///
/// This is part of the table's format: all functions that share the table must compute the same shard.
pub(super) fn shard_of(id: &ConnectionId, shards: u16) -> u16 {
    const OFFSET: u64 = 0xCBF2_9CE4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01B3;
    let hash = id
        .as_str()
        .bytes()
        .fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    u16::try_from(hash % u64::from(shards)).expect("a remainder is less than its divisor")
}

pub(super) fn room_partition(room: &RoomId, shard: u16) -> String {
    format!("ROOM#{room}#{shard}")
}

pub(super) fn room_sort_key(id: &str) -> String {
    format!("{CONNECTION}#{id}")
}

pub(super) fn connection_key(id: &ConnectionId) -> Item {
    key(format!("{CONNECTION}#{id}"), CONNECTION.to_owned())
}

pub(super) fn room_key(connection: &Connection, shard: u16) -> Item {
    key(
        room_partition(&connection.room, shard),
        room_sort_key(connection.id.as_str()),
    )
}

pub(super) fn connection_item(connection: &Connection, shard: u16) -> Item {
    let mut item = connection_key(&connection.id);
    item.extend(attributes(connection));
    item.extend([
        (ROOM.into(), string(&connection.room)),
        (SHARD.into(), number(shard)),
    ]);
    item
}

pub(super) fn room_item(connection: &Connection, shard: u16) -> Item {
    let mut item = room_key(connection, shard);
    item.extend(attributes(connection));
    item
}

/// Returns when the items of a connection may be deleted: when API Gateway has ended it for certain.
///
/// Not at `expires_at`: until the connection is closed, its items tell whom to close and who has left.
pub(super) fn ttl(connection: &Connection) -> u64 {
    unix_seconds(connection.connected_at + MAX_CONNECTION_AGE + GRACE)
}

/// What both items of a connection hold.
fn attributes(connection: &Connection) -> [(String, AttributeValue); 5] {
    [
        (ENDPOINT, string(&connection.endpoint)),
        (CLAIMS, string(&connection.claims)),
        (CONNECTED_AT, number(millis(connection.connected_at))),
        (EXPIRES_AT, number(unix_seconds(connection.expires_at))),
        (TTL, number(ttl(connection))),
    ]
    .map(|(name, value)| (name.into(), value))
}

/// Reads a room item. `None` if it is not in the format of this module.
pub(super) fn read_room_item(item: &Item, room: &RoomId) -> Option<Connection> {
    read_connection(item, sort_key_id(item)?.parse().ok()?, room.clone())
}

fn read_connection(item: &Item, id: ConnectionId, room: RoomId) -> Option<Connection> {
    let time = |since_epoch| UNIX_EPOCH.checked_add(since_epoch);
    let connected_at = time(Duration::from_millis(integer(item, CONNECTED_AT)?))?;
    let expires_at = time(Duration::from_secs(integer(item, EXPIRES_AT)?))?;
    Some(Connection {
        id,
        endpoint: text(item, ENDPOINT)?.parse().ok()?,
        room,
        claims: text(item, CLAIMS)?.to_owned(),
        connected_at,
        expires_at,
    })
}

/// Returns the connection id in the sort key of a room item.
pub(super) fn sort_key_id(item: &Item) -> Option<&str> {
    text(item, SORT_KEY)?.strip_prefix(CONNECTION)?.strip_prefix('#')
}

fn key(partition: String, sort: String) -> Item {
    Item::from([
        (PARTITION_KEY.into(), AttributeValue::S(partition)),
        (SORT_KEY.into(), AttributeValue::S(sort)),
    ])
}

fn text<'i>(item: &'i Item, name: &str) -> Option<&'i str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

fn integer(item: &Item, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

pub(super) fn string(value: &(impl ToString + ?Sized)) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

pub(super) fn number(value: impl Into<u64>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

/// Returns the unit of `connected_at`: milliseconds since 1970.
pub(super) fn millis(time: SystemTime) -> u64 {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        Connection::new(
            "L0SM9cOFvHcCIhw=".parse().unwrap(),
            "a1b2c3d4e5/prod".parse().unwrap(),
            "team:blue".parse().unwrap(),
            r#"{"sub":"team:blue","user":"zoë"}"#,
            UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
            UNIX_EPOCH + Duration::from_secs(1_700_000_300),
        )
    }

    #[test]
    fn the_items_are_those_of_the_documented_table() {
        let connection = connection();
        let n = |value: u64| AttributeValue::N(value.to_string());
        let s = |value: &str| AttributeValue::S(value.into());
        let of_both = [
            ("endpoint".to_owned(), s("a1b2c3d4e5/prod")),
            ("claims".to_owned(), s(r#"{"sub":"team:blue","user":"zoë"}"#)),
            ("connected_at".to_owned(), n(1_700_000_000_123)),
            ("expires_at".to_owned(), n(1_700_000_300)),
            ("ttl".to_owned(), n(1_700_000_000 + 7200 + 600)),
        ];

        let mut expected = Item::from(of_both.clone());
        expected.extend([
            ("pk".to_owned(), s("CONNECTION#L0SM9cOFvHcCIhw=")),
            ("sk".to_owned(), s("CONNECTION")),
            ("room".to_owned(), s("team:blue")),
            ("shard".to_owned(), n(3)),
        ]);
        assert_eq!(connection_item(&connection, 3), expected);

        let mut expected = Item::from(of_both);
        expected.extend([
            ("pk".to_owned(), s("ROOM#team:blue#3")),
            ("sk".to_owned(), s("CONNECTION#L0SM9cOFvHcCIhw=")),
        ]);
        assert_eq!(room_item(&connection, 3), expected);
    }

    #[test]
    fn what_was_written_is_read_back() {
        let connection = connection();
        let stored = StoredConnection {
            connection: connection.clone(),
            shard: 3,
        };
        assert_eq!(
            StoredConnection::read(&connection_item(&connection, 3)),
            Some(stored)
        );
        let member = read_room_item(&room_item(&connection, 3), &connection.room);
        assert_eq!(member, Some(connection));
    }

    #[test]
    fn an_item_of_another_format_is_nobody() {
        let connection = connection();
        for missing in [
            PARTITION_KEY,
            ENDPOINT,
            ROOM,
            SHARD,
            CLAIMS,
            CONNECTED_AT,
            EXPIRES_AT,
        ] {
            let mut item = connection_item(&connection, 0);
            item.remove(missing);
            assert_eq!(StoredConnection::read(&item), None, "{missing}");
        }
        for (name, value) in [
            (PARTITION_KEY, AttributeValue::S("ROOM#lobby#0".into())),
            (ENDPOINT, AttributeValue::S("evil.example/prod".into())),
            (ROOM, AttributeValue::S("no room".into())),
            (SHARD, AttributeValue::N("65536".into())),
            (CONNECTED_AT, AttributeValue::N("-1".into())),
            (EXPIRES_AT, AttributeValue::S("soon".into())),
            (EXPIRES_AT, AttributeValue::N(u64::MAX.to_string())),
        ] {
            let mut item = connection_item(&connection, 0);
            item.insert(name.into(), value.clone());
            assert_eq!(StoredConnection::read(&item), None, "{name} {value:?}");
        }
        assert_eq!(
            read_room_item(&connection_item(&connection, 0), &connection.room),
            None,
            "the connection's own item is not a room item"
        );
        for missing in [SORT_KEY, ENDPOINT, CLAIMS, CONNECTED_AT, EXPIRES_AT] {
            let mut item = room_item(&connection, 0);
            item.remove(missing);
            assert_eq!(read_room_item(&item, &connection.room), None, "{missing}");
        }
    }

    #[test]
    fn shards_stay_where_they_are_and_spread() {
        // Known answers: an item written by one release must be found by the next.
        let shard = |id: &str, shards| shard_of(&id.parse().unwrap(), shards);
        assert_eq!(shard("L0SM9cOFvHcCIhw=", 1), 0);
        assert_eq!(
            ["L0SM9cOFvHcCIhw=", "a", "b", "Abc123="].map(|id| shard(id, 16)),
            [13, 12, 5, 8]
        );
        let mut filled = [0; 16];
        for number in 0..1600 {
            filled[usize::from(shard(&format!("id{number}="), 16))] += 1;
        }
        assert!(filled.iter().all(|count| (60..140).contains(count)), "{filled:?}");
    }
}
