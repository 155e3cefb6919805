use std::collections::BTreeSet;

use room_auth::RoomId;
use room_auth::rooms::FrameId;
use serde::{Deserialize, Serialize};

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
        at: i64,
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
        expires_at: u64,
    },
    Pong,
    Error {
        message: &'a str,
    },
}
