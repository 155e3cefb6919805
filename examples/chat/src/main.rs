//! The room chat: one function for all routes of the API.
//!
//! Set `PUBLIC_KEY` to the key that tokens are verified with (or `JWKS_URL`, `JWT_ISSUER` and `JWT_AUDIENCE`, for an
//! identity provider's), and `DYNAMO_TABLE_NAME_CHAT_CONNECTIONS` to the name of the table that keeps who is connected.

mod log;
mod messages;
mod verifier;

use room_auth::lambda_runtime::tower::ServiceBuilder;
use room_auth::registry::DynamoRegistry;
use room_auth::rooms::{MembershipError, Rooms, SendError, Session};
use room_auth::transport::ManagementApi;
use room_auth::{
    Authenticated, Error, EventType, LambdaEvent, Response, RoomAuthLayer, WebSocketEvent, response,
};
use serde::Deserialize;

use messages::{Action, Frame, NOT_RENEWED, NOT_UNDERSTOOD, TOO_LONG, milliseconds};

/// What tokens say beside the room and the times.
#[derive(Deserialize)]
struct Member {
    user: String,
}

/// The longest text, in bytes.
const MAX_TEXT: usize = 4 * 1024;
/// As many members as are listed by name.
const MAX_LISTED: usize = 100;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::json();
    let rooms = Rooms::new(
        DynamoRegistry::from_env().await?,
        ManagementApi::from_env().await?,
    );
    // Records at $connect, knows the claims on every later route, forgets at $disconnect.
    let auth = RoomAuthLayer::new(verifier::from_env().await?).with_rooms(rooms.clone());
    let chat = move |request| chat(rooms.clone(), request);
    room_auth::run(ServiceBuilder::new().layer(auth).service_fn(chat)).await
}

/// One event. Whoever caused it has been authenticated by the layer, on every route.
async fn chat(
    rooms: Rooms,
    request: LambdaEvent<Authenticated<WebSocketEvent, Member>>,
) -> Result<Response, Error> {
    let (request, invocation) = request.into_parts();
    let session = rooms.session(request.claims(), request.context(), &invocation);
    let (room, user) = (request.claims().room_id(), &*request.claims().custom().user);
    match request.context().event_type() {
        EventType::Connect => notify_others(&session, &Frame::Joined { room, user }).await,
        EventType::Disconnect => notify_others(&session, &Frame::Left { room, user }).await,
        EventType::Message => match request.event().json() {
            Ok(Action::Send { text }) if text.len() <= MAX_TEXT => say(&session, &text).await?,
            Ok(Action::Send { .. }) => reply(&session, &TOO_LONG).await?,
            Ok(Action::Renew { token }) => renew(&session, &token).await?,
            Ok(Action::Members) => list(&session).await?,
            Ok(Action::Ping) => reply(&session, &Frame::Pong).await?,
            Err(_) => reply(&session, &NOT_UNDERSTOOD).await?,
        },
    }
    Ok(response::ok())
}

/// What others miss by this is only a notice: nobody is refused for it.
async fn notify_others(session: &Session<'_, Member>, frame: &Frame<'_>) {
    match session.notify_others(frame).await {
        Ok(report) => report.log_if_incomplete(),
        Err(error) => tracing::error!(%error, "nobody was told"),
    }
}

/// To everybody in the room, the speaker too: so they know that it was said.
async fn say(session: &Session<'_, Member>, text: &str) -> Result<(), Error> {
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

/// A new token for the same room and the same user takes the place of the old one.
async fn renew(session: &Session<'_, Member>, token: &str) -> Result<(), Error> {
    let user = &session.claims().custom().user;
    let renewed = session.renew_if(token, |new| new.custom().user == *user).await;
    let frame = match renewed {
        Ok(claims) => Frame::renewed(claims.expires_at()),
        Err(MembershipError::Registry(error)) => return Err(error.into()),
        Err(_) => NOT_RENEWED,
    };
    reply(session, &frame).await
}

/// Who is in the room. A name is in the claims that are recorded with each member.
async fn list(session: &Session<'_, Member>) -> Result<(), Error> {
    let members = session.members::<Member>().up_to(MAX_LISTED).await?;
    let members = members
        .into_iter()
        .map(|member| member.claims.into_custom().user)
        .collect();
    reply(session, &Frame::Members { members }).await
}

/// To the one who spoke, unless they have gone by now.
async fn reply(session: &Session<'_, Member>, frame: &Frame<'_>) -> Result<(), Error> {
    match session.reply(frame).await {
        Ok(()) | Err(SendError::UnknownConnection | SendError::Expired) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
