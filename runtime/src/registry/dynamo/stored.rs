//! A connection as the table holds it: which items it consists of.

use std::collections::BTreeMap;

use super::item::{self, Item, Key};
use crate::registry::{Connection, RoomMember};

/// A connection, and where it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredConnection {
    pub(super) connection: Connection,
    /// The shard that its room items are in.
    pub(super) shard: u16,
}

impl StoredConnection {
    /// Reads a connection's own item, which knows nothing of further rooms. `None` if it is not in the format of this
    /// registry.
    pub(super) fn read(item: &Item) -> Option<Self> {
        let (connection, shard) = item::read_connection(item)?;
        Some(Self { connection, shard })
    }

    /// Reads all items of a connection's partition. `Err` if one is not in the format of this registry.
    ///
    /// A further room without a connection, or of an older connection of the same id, is one that the time to live has
    /// not deleted yet.
    pub(super) fn read_all(items: &[Item]) -> Result<Option<Self>, NotInFormat> {
        let is_own = |item: &&Item| item::text(item, item::SORT_KEY) == Some(item::OWN);
        let Some(own) = items.iter().find(is_own) else {
            return Ok(None);
        };
        let Self { connection, shard } = Self::read(own).ok_or(NotInFormat)?;
        let mut memberships = Vec::with_capacity(items.len() - 1);
        for item in items.iter().filter(|item| !is_own(item)) {
            let (membership, connected_at) = item::read_membership(item).ok_or(NotInFormat)?;
            if connected_at == connection.connected_at {
                memberships.push(membership);
            }
        }
        let connection = connection.with_memberships(memberships);
        Ok(Some(Self { connection, shard }))
    }

    /// Returns whether this is `connection`, changed or not, recorded in another shard than `shard`.
    ///
    /// It is if the number of shards was changed while the connection lives.
    pub(super) fn is_elsewhere(&self, connection: &Connection, shard: u16) -> bool {
        self.connection.is_same_connection(connection) && self.shard != shard
    }
}

/// An item that is not in the format of this registry.
#[derive(Debug)]
pub(super) struct NotInFormat;

/// Returns all items of a connection.
pub(super) fn items_of(connection: &Connection, shard: u16) -> BTreeMap<Key, Item> {
    let id = &connection.id;
    let own = (Key::of_connection(id), item::connection_item(connection, shard));
    let further = connection.memberships().iter().map(|membership| {
        let key = Key::of_membership(id, &membership.room);
        (key, item::membership_item(connection, membership))
    });
    let members = connection.rooms().filter_map(|room| connection.member_of(room));
    let listed = members.map(|member: RoomMember| {
        let key = Key::of_member(&member.room, shard, id.as_str());
        (key, item::member_item(&member, shard))
    });
    let of_user = connection.user.as_deref().map(|user| {
        let key = Key::of_user(user, id.as_str());
        (key, item::user_item(connection, user))
    });
    std::iter::once(own)
        .chain(further)
        .chain(listed)
        .chain(of_user)
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;
    use crate::registry::UserConnection;

    fn connection() -> Connection {
        let connection = Connection::new(
            "L0SM9cOFvHcCIhw=".parse().unwrap(),
            "a1b2c3d4e5/prod".parse().unwrap(),
            "team:blue".parse().unwrap(),
            r#"{"sub":"team:blue","user":"zoë"}"#,
            UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
            UNIX_EPOCH + Duration::from_secs(1_700_000_300),
        );
        connection.with_user(Some("zoë"))
    }

    /// Longer than its connection.
    fn joined() -> Connection {
        let red = "red".parse().unwrap();
        let until = UNIX_EPOCH + Duration::from_secs(1_700_000_900);
        connection().joined(&red, r#"{"sub":"red"}"#, until)
    }

    #[test]
    fn the_items_are_those_of_the_documented_table() {
        let n = |value: u64| AttributeValue::N(value.to_string());
        let s = |value: &str| AttributeValue::S(value.into());
        let (endpoint, user) = (("endpoint", s("a1b2c3d4e5/prod")), ("user", s("zoë")));
        let claims = ("claims", s(r#"{"sub":"team:blue","user":"zoë"}"#));
        let red_claims = ("claims", s(r#"{"sub":"red"}"#));
        let connected_at = ("connected_at", n(1_700_000_000_123));
        let (expires_at, ttl) = (
            ("expires_at", n(1_700_000_300)),
            ("ttl", n(1_700_000_000 + 7200 + 600)),
        );
        let expected = [
            (
                "CONNECTION#L0SM9cOFvHcCIhw= CONNECTION",
                vec![
                    endpoint.clone(),
                    ("room", s("team:blue")),
                    claims.clone(),
                    user.clone(),
                    connected_at.clone(),
                    expires_at.clone(),
                    ("shard", n(3)),
                    ("version", n(1)),
                    ttl.clone(),
                ],
            ),
            (
                "CONNECTION#L0SM9cOFvHcCIhw= ROOM#red",
                vec![
                    red_claims.clone(),
                    connected_at.clone(),
                    // Its own: the connection may be renewed.
                    ("expires_at", n(1_700_000_900)),
                    ttl.clone(),
                ],
            ),
            (
                "ROOM#red#3 CONNECTION#L0SM9cOFvHcCIhw=",
                vec![
                    endpoint.clone(),
                    red_claims,
                    user.clone(),
                    connected_at.clone(),
                    expires_at.clone(),
                    ttl.clone(),
                ],
            ),
            (
                "ROOM#team:blue#3 CONNECTION#L0SM9cOFvHcCIhw=",
                vec![
                    endpoint.clone(),
                    claims,
                    user,
                    connected_at,
                    expires_at,
                    ttl.clone(),
                ],
            ),
            ("USER#zoë CONNECTION#L0SM9cOFvHcCIhw=", vec![endpoint, ttl]),
        ];
        let items = items_of(&joined(), 3);
        assert_eq!(items.len(), expected.len());
        for ((key, item), (name, attributes)) in items.iter().zip(expected) {
            assert_eq!(format!("{} {}", key.partition, key.sort), name);
            assert_eq!(*item, key.with(attributes), "{name}");
        }
    }

    #[test]
    fn what_was_written_is_read_back() {
        for connection in [connection(), connection().with_user(None), joined()] {
            let items = items_of(&connection, 3);
            let partition = Key::of_connection(&connection.id).partition;
            let own: Vec<_> = items
                .iter()
                .filter(|(key, _)| key.partition == partition)
                .map(|(_, item)| item.clone())
                .collect();
            let stored = StoredConnection::read_all(&own).unwrap().unwrap();
            let (expected, shard) = (connection.clone(), 3);
            let expected = StoredConnection {
                connection: expected,
                shard,
            };
            assert_eq!(stored, expected);
            for room in connection.rooms() {
                let key = Key::of_member(room, 3, connection.id.as_str());
                let member = item::read_member(&items[&key], room);
                assert_eq!(member, connection.member_of(room));
            }
            if let Some(user) = &connection.user {
                let key = Key::of_user(user, connection.id.as_str());
                let entry = UserConnection::new(connection.id.clone(), connection.endpoint.clone());
                assert_eq!(item::read_user_connection(&items[&key]), Some(entry));
            }
        }
    }

    #[test]
    fn a_further_room_of_an_older_connection_is_none_of_the_one_that_has_its_id() {
        let older = joined();
        let mut newer = connection();
        newer.connected_at += Duration::from_millis(1);
        let room = Key::of_membership(&older.id, &older.memberships()[0].room);
        let left_behind = items_of(&older, 0)[&room].clone();
        let own = items_of(&newer, 0)[&Key::of_connection(&newer.id)].clone();
        let stored = StoredConnection::read_all(&[own, left_behind.clone()])
            .unwrap()
            .unwrap();
        assert_eq!(stored.connection, newer);
        assert_eq!(StoredConnection::read_all(&[left_behind]).unwrap(), None);
    }

    #[test]
    fn an_item_of_another_format_is_nobody() {
        let connection = joined();
        let items = items_of(&connection, 0);
        let own = &items[&Key::of_connection(&connection.id)];
        for missing in [
            "pk",
            "endpoint",
            "room",
            "shard",
            "claims",
            "connected_at",
            "expires_at",
            "version",
        ] {
            let mut item = own.clone();
            item.remove(missing);
            assert_eq!(StoredConnection::read(&item), None, "{missing}");
        }
        for (name, value) in [
            ("pk", AttributeValue::S("ROOM#lobby#0".into())),
            ("sk", AttributeValue::S("ROOM#red".into())),
            ("endpoint", AttributeValue::S("evil.example/prod".into())),
            ("room", AttributeValue::S("no room".into())),
            ("user", AttributeValue::N("7".into())),
            ("shard", AttributeValue::N("65536".into())),
            ("connected_at", AttributeValue::N("-1".into())),
            ("expires_at", AttributeValue::S("soon".into())),
            ("expires_at", AttributeValue::N(u64::MAX.to_string())),
        ] {
            let mut item = own.clone();
            item.insert(name.into(), value.clone());
            assert_eq!(StoredConnection::read(&item), None, "{name} {value:?}");
        }
        let membership = &items[&Key::of_membership(&connection.id, &"red".parse().unwrap())];
        for missing in ["claims", "connected_at", "expires_at"] {
            let mut item = membership.clone();
            item.remove(missing);
            assert!(
                StoredConnection::read_all(&[own.clone(), item]).is_err(),
                "a room that cannot be read: {missing}"
            );
        }
        let room = &connection.room;
        assert_eq!(item::read_member(own, room), None, "the connection's own item");
        let listed = &items[&Key::of_member(room, 0, connection.id.as_str())];
        for missing in ["sk", "endpoint", "claims", "connected_at", "expires_at"] {
            let mut item = listed.clone();
            item.remove(missing);
            assert_eq!(item::read_member(&item, room), None, "{missing}");
        }
    }
}
