//! What is said in a room, and who is there to hear it.

use room_auth::Error;

use crate::messages::{Frame, TOO_LONG, milliseconds};
use crate::session::{Member, Session, reply};

/// The longest text, in bytes.
const MAX_TEXT: usize = 4 * 1024;
/// As many members as are listed by name.
const MAX_LISTED: usize = 100;

/// To everybody in the room, the speaker too: so they know that it was said.
pub(crate) async fn say(session: &Session<'_>, text: &str) -> Result<(), Error> {
    if text.len() > MAX_TEXT {
        return reply(session, &TOO_LONG).await;
    }
    let frame = Frame::Message {
        room: session.claims().room_id(),
        user: &session.claims().custom().user,
        text,
        id: session.frame_id(),
        at: session.context().request_time().map(milliseconds),
    };
    session.broadcast(&frame).await?.log_if_incomplete();
    Ok(())
}

/// A name is in the claims that are recorded with each member.
pub(crate) async fn list_members(session: &Session<'_>) -> Result<(), Error> {
    let members = session.members::<Member>().up_to(MAX_LISTED).await?;
    let names = members.into_iter().map(|member| member.claims.into_custom().user);
    let (room, members) = (session.claims().room_id(), names.collect());
    reply(session, &Frame::Members { room, members }).await
}
