//! The connection that an event came from, and what it may do.

use room_auth::rooms::SendError;
use room_auth::{Error, RoomId};
use serde::Deserialize;

use crate::messages::{Frame, NOT_ALLOWED, NOT_IN_ROOM};

/// What tokens say beside the room, the times and what they allow.
#[derive(Deserialize)]
pub(crate) struct Member {
    pub(crate) user: String,
}

/// The connection that an event came from, in one of its rooms.
pub(crate) type Session<'a> = room_auth::rooms::Session<'a, Member>;

/// Returns the session of the room that is meant if the token for it allows this, and what the client gets if not.
pub(crate) fn permitted<'a>(
    session: &Session<'a>,
    room: Option<&RoomId>,
    capability: &str,
) -> Result<Session<'a>, Frame<'static>> {
    let room = room.unwrap_or(session.claims().room_id());
    let session = session.in_room(room).ok_or(NOT_IN_ROOM)?;
    if session.claims().can(capability) {
        return Ok(session);
    }
    let connection_id = session.context().connection_id().as_str();
    let route = session.context().route_key();
    tracing::warn!(reason = "forbidden", connection_id, route, "refused");
    Err(NOT_ALLOWED)
}

/// To the one who sent the event, unless they have gone by now.
pub(crate) async fn reply(session: &Session<'_>, frame: &Frame<'_>) -> Result<(), Error> {
    match session.reply(frame).await {
        Ok(()) | Err(SendError::UnknownConnection | SendError::Expired) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
