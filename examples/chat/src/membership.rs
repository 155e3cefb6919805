//! Coming into a room, staying in it with a new token, and leaving it.

use room_auth::rooms::MembershipError;
use room_auth::{Error, RoomId, Verifier};

use crate::messages::{Frame, NOT_IN_ROOM, NOT_JOINED, NOT_LEFT, NOT_RENEWED};
use crate::session::{Member, Session, reply};

/// A token for a further room brings the connection into it. An identity provider's is for several, so there the room
/// has to be named.
pub(crate) async fn join(session: &Session<'_>, token: &str, room: Option<RoomId>) -> Result<(), Error> {
    let before = session.rooms();
    let joined = match &room {
        Some(room) => session.join_requested(token, room).await,
        None => session.join(token).await,
    };
    let claims = match joined {
        Ok(claims) => claims,
        Err(error) if error.is_refusal() => return reply(session, &NOT_JOINED).await,
        Err(error) => return Err(error.into()),
    };
    let room = claims.room_id();
    reply(session, &Frame::Entered { room }).await?;
    match session.in_room(room) {
        Some(session) if !before.contains(room) => tell_joined(&session).await,
        _ => {}
    }
    Ok(())
}

/// Who has left already is out as well.
pub(crate) async fn leave(session: &Session<'_>, room: &RoomId) -> Result<(), Error> {
    let there = session.in_room(room);
    match session.leave(room).await {
        Ok(was_there) => {
            reply(session, &Frame::Exited { room }).await?;
            if let Some(there) = there.filter(|_| was_there) {
                tell_left(&there).await;
            }
            Ok(())
        }
        Err(MembershipError::OwnRoom) => reply(session, &NOT_LEFT).await,
        Err(error) if error.is_refusal() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A new token for a room that the connection is in takes the place of the old one.
pub(crate) async fn renew(
    session: &Session<'_>,
    verifier: &Verifier,
    token: &str,
    room: Option<RoomId>,
) -> Result<(), Error> {
    let is_named = room.is_some();
    // Only a verified token says which room it is for. What is none is refused, and logged, by renewing with it.
    let of_token = || Some(verifier.verify::<Member>(token).ok()?.room_id().clone());
    let there = room.or_else(of_token).and_then(|room| session.in_room(&room));
    if is_named && there.is_none() {
        return reply(session, &NOT_IN_ROOM).await;
    }
    let renewed = there.as_ref().unwrap_or(session).renew(token).await;
    let frame = match &renewed {
        Ok(claims) => Frame::Renewed {
            room: claims.room_id(),
            expires_at: claims.expires_at(),
        },
        Err(error) if error.is_refusal() => NOT_RENEWED,
        Err(_) => return renewed.map(|_| ()).map_err(Error::from),
    };
    reply(session, &frame).await
}

pub(crate) async fn tell_joined(session: &Session<'_>) {
    let (room, user) = (session.claims().room_id(), &*session.claims().custom().user);
    tell_others(session, &Frame::Joined { room, user }).await;
}

pub(crate) async fn tell_left(session: &Session<'_>) {
    let (room, user) = (session.claims().room_id(), &*session.claims().custom().user);
    tell_others(session, &Frame::Left { room, user }).await;
}

/// What others miss by this is only a notice: nobody is refused for it.
async fn tell_others(session: &Session<'_>, frame: &Frame<'_>) {
    match session.notify_others(frame).await {
        Ok(report) => report.log_if_incomplete(),
        Err(error) => tracing::error!(%error, "nobody was told"),
    }
}
