use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use room_auth::RoomId;
use room_auth::rooms::FrameId;
use serde::{Deserialize, Serialize, Serializer};

/// What clients send.
#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "lowercase")]
pub(crate) enum Action {
    Send { text: String },
    Renew { token: String },
    Members,
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
    Joined {
        room: &'a RoomId,
        user: &'a str,
    },
    Left {
        room: &'a RoomId,
        user: &'a str,
    },
    Members {
        members: BTreeSet<String>,
    },
    Renewed {
        /// In seconds since 1970.
        #[serde(serialize_with = "seconds")]
        expires_at: SystemTime,
    },
    Pong,
    Error {
        message: &'a str,
    },
}

impl Frame<'_> {
    pub(crate) fn renewed(expires_at: SystemTime) -> Self {
        Self::Renewed { expires_at }
    }
}

pub(crate) const TOO_LONG: Frame<'static> = error("a text has 4 KB at most");
pub(crate) const NOT_RENEWED: Frame<'static> = error("not renewed");
pub(crate) const NOT_UNDERSTOOD: Frame<'static> =
    error("not understood; the actions are send, renew, members and ping");

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
