//! The room chat: one function for all routes of the API.
//!
//! Set `PUBLIC_KEY` to the key that tokens are verified with (or `JWKS_URL`, `JWT_ISSUER` and `JWT_AUDIENCE`, for an
//! identity provider's), and `DYNAMO_TABLE_NAME_CHAT_CONNECTIONS` to the name of the table that keeps who is connected.
//! With `SINGLE_USE_TOKENS=true` each token is accepted once.
//!
//! | file | job |
//! | --- | --- |
//! | `main.rs` | what is configured, and what each event leads to |
//! | `messages.rs` | what clients send, and what they get |
//! | `membership.rs` | joining, leaving, renewing; who hears of it |
//! | `speech.rs` | what is said in a room, and who is there |
//! | `session.rs` | who has sent the event, and may they? |
//! | `authorizer.rs` | the other function, which has `verifier.rs` and `log.rs` in common with this one |

mod log;
mod membership;
mod messages;
mod session;
mod speech;
mod verifier;

use room_auth::lambda_runtime::tower::ServiceBuilder;
use room_auth::registry::DynamoRegistry;
use room_auth::rooms::Rooms;
use room_auth::transport::ManagementApi;
use room_auth::{
    Authenticated, Error, EventType, LambdaEvent, Response, RoomAuthLayer, Verifier, WebSocketEvent, response,
};

use messages::{Action, Frame, NOT_UNDERSTOOD};
use session::{Member, Session, reply};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::json();
    let rooms = Rooms::new(
        DynamoRegistry::from_env().await?,
        ManagementApi::from_env().await?,
    )
    .with_revocation();
    let rooms = match std::env::var("SINGLE_USE_TOKENS").as_deref() {
        Ok("true") => rooms.with_single_use(),
        Ok("false") | Err(_) => rooms,
        Ok(_) => return Err("SINGLE_USE_TOKENS is neither true nor false; set it to one of them".into()),
    };
    let verifier = verifier::from_env().await?;
    // Records at $connect, knows the claims on every later route, forgets at $disconnect.
    let auth = RoomAuthLayer::new(verifier.clone()).with_rooms(rooms.clone());
    let chat = move |request| chat(rooms.clone(), verifier.clone(), request);
    room_auth::run(ServiceBuilder::new().layer(auth).service_fn(chat)).await
}

/// One event. Whoever caused it has been authenticated by the layer, on every route.
async fn chat(
    rooms: Rooms,
    verifier: Verifier,
    request: LambdaEvent<Authenticated<WebSocketEvent, Member>>,
) -> Result<Response, Error> {
    let (request, invocation) = request.into_parts();
    let session = rooms.session(request.claims(), request.context(), &invocation);
    match request.context().event_type() {
        EventType::Connect => membership::tell_joined(&session).await,
        EventType::Disconnect => {
            for room in session.rooms() {
                if let Some(session) = session.in_room(&room) {
                    membership::tell_left(&session).await;
                }
            }
        }
        EventType::Message => match request.event().json() {
            Ok(action) => act(&session, &verifier, action).await?,
            Err(_) => reply(&session, &NOT_UNDERSTOOD).await?,
        },
    }
    Ok(response::ok())
}

async fn act(session: &Session<'_>, verifier: &Verifier, action: Action) -> Result<(), Error> {
    match action {
        Action::Send { text, room } => match session::permitted(session, room.as_ref(), "send") {
            Ok(session) => speech::say(&session, &text).await,
            Err(frame) => reply(session, &frame).await,
        },
        Action::Members { room } => match session::permitted(session, room.as_ref(), "members") {
            Ok(session) => speech::list_members(&session).await,
            Err(frame) => reply(session, &frame).await,
        },
        Action::Join { token, room } => membership::join(session, &token, room).await,
        Action::Leave { room } => membership::leave(session, &room).await,
        Action::Renew { token, room } => membership::renew(session, verifier, &token, room).await,
        Action::Ping => reply(session, &Frame::Pong).await,
    }
}
