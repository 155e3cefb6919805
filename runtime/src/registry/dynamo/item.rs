//! The items of the table: keys, attributes, and reading them back.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::id::ConnectionId;
use crate::id::RoomId;
use crate::registry::{Connection, MAX_CONNECTION_SECONDS, Member};

pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) const PARTITION_KEY: &str = "pk";
pub(super) const SORT_KEY: &str = "sk";
pub(super) const ROOM: &str = "room";
pub(super) const SHARD: &str = "shard";
pub(super) const CLAIMS: &str = "claims";
pub(super) const CONNECTED_AT: &str = "connected_at";
pub(super) const EXPIRES_AT: &str = "expires_at";
/// A reserved word of DynamoDB's expressions.
pub(super) const TTL: &str = "ttl";

/// The sort key of an item that stands alone, and the prefix of the ones in a room.
const CONNECTION: &str = "CONNECTION";

/// How long after API Gateway has ended a connection its items may stay, for a late `$disconnect`.
const GRACE_SECONDS: u64 = 10 * 60;

/// Where a connection's room item is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) room: RoomId,
    pub(super) shard: u16,
}

impl Place {
    pub(super) fn of(id: &ConnectionId, room: &RoomId, shards: u16) -> Self {
        Self {
            room: room.clone(),
            shard: shard_of(id, shards),
        }
    }

    pub(super) fn key(&self, id: &ConnectionId) -> Item {
        key(
            room_partition(&self.room, self.shard),
            format!("{CONNECTION}#{id}"),
        )
    }
}

/// What the item of a connection says, beside its claims: enough to know which connection it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) place: Place,
    pub(super) connected_at: u64,
}

impl Recorded {
    pub(super) fn read(item: &Item) -> Option<Self> {
        Some(Self {
            place: Place {
                room: text(item, ROOM)?.parse().ok()?,
                shard: number(item, SHARD)?.try_into().ok()?,
            },
            connected_at: number(item, CONNECTED_AT)?,
        })
    }
}

/// The shard of a connection: FNV-1a (64 bits) of its id, modulo the number of shards.
///
/// Part of the table's format: every function that shares the table must find the same one.
fn shard_of(id: &ConnectionId, shards: u16) -> u16 {
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

pub(super) fn connection_item(connection: &Connection, shard: u16) -> Item {
    let mut item = connection_key(&connection.id);
    item.extend(times(connection));
    item.extend([
        (ROOM.into(), s(&connection.room)),
        (SHARD.into(), n(shard)),
        (CLAIMS.into(), s(&connection.claims)),
    ]);
    item
}

pub(super) fn room_item(connection: &Connection, place: &Place) -> Item {
    let mut item = place.key(&connection.id);
    item.extend(times(connection));
    item
}

/// When the items of a connection may be deleted: once API Gateway has surely ended it.
///
/// Not at `expires_at`: until the connection is closed, its items tell whom to close and who has left.
pub(super) fn ttl(connection: &Connection) -> u64 {
    connection.connected_at / 1000 + MAX_CONNECTION_SECONDS + GRACE_SECONDS
}

fn times(connection: &Connection) -> [(String, AttributeValue); 3] {
    [
        (CONNECTED_AT, connection.connected_at),
        (EXPIRES_AT, connection.expires_at),
        (TTL, ttl(connection)),
    ]
    .map(|(name, value)| (name.into(), n(value)))
}

/// The connection of an item; `None` if the item is none of this format.
pub(super) fn read_connection(id: &ConnectionId, item: &Item) -> Option<Connection> {
    let Recorded { place, connected_at } = Recorded::read(item)?;
    Some(Connection {
        id: id.clone(),
        room: place.room,
        claims: text(item, CLAIMS)?.to_owned(),
        connected_at,
        expires_at: number(item, EXPIRES_AT)?,
    })
}

/// The member of a room item; `None` if the item is none of this format.
pub(super) fn read_member(item: &Item) -> Option<Member> {
    Some(Member {
        connection_id: sort_key_id(item)?.parse().ok()?,
        connected_at: number(item, CONNECTED_AT)?,
        expires_at: number(item, EXPIRES_AT)?,
    })
}

/// The id in the sort key of a room item.
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

fn number(item: &Item, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

pub(super) fn s(value: &(impl ToString + ?Sized)) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

pub(super) fn n(value: impl Into<u64>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        Connection::new(
            "L0SM9cOFvHcCIhw=".parse().unwrap(),
            "team:blue".parse().unwrap(),
            r#"{"sub":"team:blue","user":"zoë"}"#,
            1_700_000_000_123,
            1_700_000_300,
        )
    }

    #[test]
    fn the_items_are_those_of_the_documented_table() {
        let connection = connection();
        let n = |value: u64| AttributeValue::N(value.to_string());
        let s = |value: &str| AttributeValue::S(value.into());
        let times = [
            ("connected_at".to_owned(), n(1_700_000_000_123)),
            ("expires_at".to_owned(), n(1_700_000_300)),
            ("ttl".to_owned(), n(1_700_000_000 + 7200 + 600)),
        ];

        let mut expected = Item::from(times.clone());
        expected.extend([
            ("pk".to_owned(), s("CONNECTION#L0SM9cOFvHcCIhw=")),
            ("sk".to_owned(), s("CONNECTION")),
            ("room".to_owned(), s("team:blue")),
            ("shard".to_owned(), n(3)),
            ("claims".to_owned(), s(r#"{"sub":"team:blue","user":"zoë"}"#)),
        ]);
        assert_eq!(connection_item(&connection, 3), expected);

        let mut expected = Item::from(times);
        expected.extend([
            ("pk".to_owned(), s("ROOM#team:blue#3")),
            ("sk".to_owned(), s("CONNECTION#L0SM9cOFvHcCIhw=")),
        ]);
        let place = Place {
            room: connection.room.clone(),
            shard: 3,
        };
        assert_eq!(room_item(&connection, &place), expected);
    }

    #[test]
    fn what_was_written_is_read_back() {
        let connection = connection();
        let item = connection_item(&connection, 3);
        assert_eq!(read_connection(&connection.id, &item).as_ref(), Some(&connection));
        let place = Place::of(&connection.id, &connection.room, 8);
        let member = read_member(&room_item(&connection, &place)).unwrap();
        assert_eq!(
            member,
            Member::new(
                connection.id.clone(),
                connection.connected_at,
                connection.expires_at
            )
        );
    }

    #[test]
    fn an_item_of_another_format_is_nobody() {
        let connection = connection();
        for missing in [ROOM, SHARD, CLAIMS, CONNECTED_AT, EXPIRES_AT] {
            let mut item = connection_item(&connection, 0);
            item.remove(missing);
            assert_eq!(read_connection(&connection.id, &item), None, "{missing}");
        }
        let mut item = connection_item(&connection, 0);
        item.insert(EXPIRES_AT.into(), AttributeValue::S("soon".into()));
        assert_eq!(read_connection(&connection.id, &item), None);
        assert_eq!(
            read_member(&item),
            None,
            "the connection's own item is no member's"
        );
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
