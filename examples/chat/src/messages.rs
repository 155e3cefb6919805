//! What clients send, and what they get.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use room_auth::RoomId;
use room_auth::rooms::FrameId;
use serde::{Deserialize, Serialize, Serializer};

/// What clients send. Without a room that of `$connect` is meant, and for a token the room that it is for.
#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "lowercase")]
pub(crate) enum Action {
    Send { text: String, room: Option<RoomId> },
    Members { room: Option<RoomId> },
    Join { token: String, room: Option<RoomId> },
    Leave { room: RoomId },
    Renew { token: String, room: Option<RoomId> },
    Ping,
}

/// What clients get.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Frame<'a> {
    Message {
        room: &'a RoomId,
        user: &'a str,
        text: &'a str,
        id: FrameId,
        /// In milliseconds since 1970.
        at: Option<u64>,
    },
    /// Somebody else is in the room.
    Joined {
        room: &'a RoomId,
        user: &'a str,
    },
    /// Somebody else is no longer in the room.
    Left {
        room: &'a RoomId,
        user: &'a str,
    },
    Members {
        room: &'a RoomId,
        members: BTreeSet<String>,
    },
    /// The client itself is in the room.
    Entered {
        room: &'a RoomId,
    },
    /// The client itself is no longer in the room.
    Exited {
        room: &'a RoomId,
    },
    Renewed {
        room: &'a RoomId,
        /// In seconds since 1970.
        #[serde(serialize_with = "seconds")]
        expires_at: SystemTime,
    },
    Pong,
    Error {
        message: &'a str,
    },
}

pub(crate) const TOO_LONG: Frame<'static> = error("a text has 4 KB at most");
pub(crate) const NOT_ALLOWED: Frame<'static> = error("your token does not allow this");
pub(crate) const NOT_IN_ROOM: Frame<'static> = error("you are not in this room");
pub(crate) const NOT_JOINED: Frame<'static> = error("not joined");
pub(crate) const NOT_LEFT: Frame<'static> = error("the first room is left by closing the connection");
pub(crate) const NOT_RENEWED: Frame<'static> = error("not renewed");
pub(crate) const NOT_UNDERSTOOD: Frame<'static> =
    error("not understood; the actions are send, members, join, leave, renew and ping");

const fn error(message: &'static str) -> Frame<'static> {
    Frame::Error { message }
}

fn seconds<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(since_1970(*time).as_secs())
}

pub(crate) fn milliseconds(time: SystemTime) -> u64 {
    u64::try_from(since_1970(time).as_millis()).unwrap_or(u64::MAX)
}

fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}
