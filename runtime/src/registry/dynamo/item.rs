//! The items of the table: keys, attributes, and how they are read.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::types::AttributeValue;

use crate::clock::unix_seconds;
use crate::id::ConnectionId;
use crate::id::RoomId;
use crate::membership::Membership;
use crate::registry::{Connection, MAX_CONNECTION_AGE, RoomMember, UserConnection};

/// The environment variable that names the table.
pub const TABLE_ENV: &str = "DYNAMO_TABLE_NAME_CHAT_CONNECTIONS";

pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) const PARTITION_KEY: &str = "pk";
pub(super) const SORT_KEY: &str = "sk";
const ENDPOINT: &str = "endpoint";
const ROOM: &str = "room";
const USER: &str = "user";
/// A reserved word of DynamoDB's expressions.
pub(super) const SHARD: &str = "shard";
const CLAIMS: &str = "claims";
const CONNECTED_AT: &str = "connected_at";
const EXPIRES_AT: &str = "expires_at";
const VERSION: &str = "version";
pub(super) const NOT_BEFORE: &str = "not_before";
/// A reserved word of DynamoDB's expressions.
pub(super) const TTL: &str = "ttl";

/// The sort key of a connection's own item.
pub(super) const OWN: &str = CONNECTION;

/// The prefix of the keys of connections.
const CONNECTION: &str = "CONNECTION";

/// The prefix of the keys of rooms.
const ROOMS: &str = "ROOM";

/// How long items stay after API Gateway has ended the connection, for a late `$disconnect`.
const GRACE: Duration = Duration::from_mins(10);

/// The key of an item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) partition: String,
    pub(super) sort: String,
}

impl Key {
    /// The connection's own item.
    pub(super) fn of_connection(id: &ConnectionId) -> Self {
        Self {
            partition: format!("{CONNECTION}#{id}"),
            sort: OWN.to_owned(),
        }
    }

    /// A further room of a connection.
    pub(super) fn of_membership(id: &ConnectionId, room: &RoomId) -> Self {
        Self {
            partition: format!("{CONNECTION}#{id}"),
            sort: format!("{ROOMS}#{room}"),
        }
    }

    /// A connection in a room.
    pub(super) fn of_member(room: &RoomId, shard: u16, id: &str) -> Self {
        Self {
            partition: format!("{ROOMS}#{room}#{shard}"),
            sort: format!("{CONNECTION}#{id}"),
        }
    }

    /// A connection of a user.
    pub(super) fn of_user(user: &str, id: &str) -> Self {
        Self {
            partition: format!("USER#{user}"),
            sort: format!("{CONNECTION}#{id}"),
        }
    }

    pub(super) fn of_revoked_user(user: &str) -> Self {
        Self::of_revoked(format!("REVOKED#USER#{user}"))
    }

    pub(super) fn of_revoked_token(token_id: &str) -> Self {
        Self::of_revoked(format!("REVOKED#TOKEN#{token_id}"))
    }

    fn of_revoked(partition: String) -> Self {
        Self {
            partition,
            sort: "REVOKED".to_owned(),
        }
    }

    pub(super) fn of_used(token_id: &str) -> Self {
        Self {
            partition: format!("USED#{token_id}"),
            sort: "USED".to_owned(),
        }
    }

    /// Returns the attributes of the key.
    pub(super) fn item(&self) -> Item {
        self.with([])
    }

    /// Returns the item with these attributes beside the key.
    pub(super) fn with(&self, attributes: impl IntoIterator<Item = (&'static str, AttributeValue)>) -> Item {
        let key = [
            (PARTITION_KEY, string(&self.partition)),
            (SORT_KEY, string(&self.sort)),
        ];
        let all = key.into_iter().chain(attributes);
        all.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// The connection's own item.
pub(super) fn connection_item(connection: &Connection, shard: u16) -> Item {
    Key::of_connection(&connection.id).with(
        [
            (ENDPOINT, string(&connection.endpoint)),
            (ROOM, string(&connection.room)),
            (CLAIMS, string(&connection.claims)),
            (CONNECTED_AT, number(millis(connection.connected_at))),
            (EXPIRES_AT, number(unix_seconds(connection.expires_at))),
            (SHARD, number(shard)),
            (VERSION, number(connection.version)),
            (TTL, number(ttl(connection.connected_at))),
        ]
        .into_iter()
        .chain(connection.user.as_ref().map(|user| (USER, string(user)))),
    )
}

/// A further room of a connection. The time of connecting says whose it is: the time to live deletes each item by
/// itself, and the id may be another connection's by then.
pub(super) fn membership_item(connection: &Connection, membership: &Membership) -> Item {
    Key::of_membership(&connection.id, &membership.room).with([
        (CLAIMS, string(&membership.claims)),
        (CONNECTED_AT, number(millis(connection.connected_at))),
        (EXPIRES_AT, number(unix_seconds(membership.expires_at))),
        (TTL, number(ttl(connection.connected_at))),
    ])
}

/// A connection in a room.
pub(super) fn member_item(member: &RoomMember, shard: u16) -> Item {
    Key::of_member(&member.room, shard, member.id.as_str()).with(
        [
            (ENDPOINT, string(&member.endpoint)),
            (CLAIMS, string(&member.claims)),
            (CONNECTED_AT, number(millis(member.connected_at))),
            (EXPIRES_AT, number(unix_seconds(member.expires_at))),
            (TTL, number(ttl(member.connected_at))),
        ]
        .into_iter()
        .chain(member.user.as_ref().map(|user| (USER, string(user)))),
    )
}

/// A connection of a user.
pub(super) fn user_item(connection: &Connection, user: &str) -> Item {
    Key::of_user(user, connection.id.as_str()).with([
        (ENDPOINT, string(&connection.endpoint)),
        (TTL, number(ttl(connection.connected_at))),
    ])
}

/// Returns when the items of a connection may be deleted: when API Gateway has ended it for certain.
///
/// Not at `expires_at`: until the connection is closed, its items tell whom to close and who has left.
fn ttl(connected_at: SystemTime) -> u64 {
    unix_seconds(connected_at + MAX_CONNECTION_AGE + GRACE)
}

/// Reads a connection's own item and the shard that its room items are in; its further rooms are in items of their
/// own. `None` if it is not in the format of this module.
pub(super) fn read_connection(item: &Item) -> Option<(Connection, u16)> {
    let id = text(item, PARTITION_KEY)?
        .strip_prefix(CONNECTION)?
        .strip_prefix('#')?;
    if text(item, SORT_KEY).is_some_and(|sort| sort != OWN) {
        return None;
    }
    let mut connection = Connection::new(
        id.parse().ok()?,
        text(item, ENDPOINT)?.parse().ok()?,
        text(item, ROOM)?.parse().ok()?,
        text(item, CLAIMS)?,
        connected_at(item)?,
        UNIX_EPOCH,
    )
    .with_user(user(item)?);
    connection.expires_at = expires_at(item)?;
    connection.version = integer(item, VERSION)?;
    Some((connection, integer(item, SHARD)?.try_into().ok()?))
}

/// Reads a further room of a connection, and the time of connecting. `None` if it is not in the format of this module.
pub(super) fn read_membership(item: &Item) -> Option<(Membership, SystemTime)> {
    let room = text(item, SORT_KEY)?.strip_prefix(ROOMS)?.strip_prefix('#')?;
    let membership = Membership::new(room.parse().ok()?, text(item, CLAIMS)?, expires_at(item)?);
    Some((membership, connected_at(item)?))
}

/// Reads a connection in a room. `None` if it is not in the format of this module.
pub(super) fn read_member(item: &Item, room: &RoomId) -> Option<RoomMember> {
    Some(RoomMember {
        id: sort_key_id(item)?.parse().ok()?,
        endpoint: text(item, ENDPOINT)?.parse().ok()?,
        room: room.clone(),
        claims: text(item, CLAIMS)?.to_owned(),
        user: user(item)?.map(Into::into),
        connected_at: connected_at(item)?,
        expires_at: expires_at(item)?,
    })
}

/// Reads a connection of a user. `None` if it is not in the format of this module.
pub(super) fn read_user_connection(item: &Item) -> Option<UserConnection> {
    let id = sort_key_id(item)?.parse().ok()?;
    Some(UserConnection::new(id, text(item, ENDPOINT)?.parse().ok()?))
}

fn connected_at(item: &Item) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(integer(item, CONNECTED_AT)?))
}

fn expires_at(item: &Item) -> Option<SystemTime> {
    from_seconds(integer(item, EXPIRES_AT)?)
}

/// Returns the time that is this many seconds after 1970.
pub(super) fn from_seconds(seconds: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// The user, if there is one: `None` where it is not a string.
#[allow(clippy::option_option)]
fn user(item: &Item) -> Option<Option<&str>> {
    match item.get(USER) {
        None => Some(None),
        Some(user) => user.as_s().ok().map(|user| Some(user.as_str())),
    }
}

/// Returns the connection id in the sort key of an entry of a listing.
pub(super) fn sort_key_id(item: &Item) -> Option<&str> {
    text(item, SORT_KEY)?.strip_prefix(CONNECTION)?.strip_prefix('#')
}

pub(super) fn text<'i>(item: &'i Item, name: &str) -> Option<&'i str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

pub(super) fn integer(item: &Item, name: &str) -> Option<u64> {
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
