//! Invocations through the layer: `$connect`, messages, `$disconnect`.

use std::sync::Arc;

use room_auth::lambda_runtime::tower::{Layer as _, Service as _};
use room_auth::lambda_runtime::{Context, service_fn};
use room_auth::rooms::{MembershipError, Rooms, Session};
use room_auth::{Authenticated, Error, EventType, Incoming, LambdaEvent, RoomAuthLayer, RoomClaims};
use serde_json::{Value, json};

use crate::backend::{self, Call};
use crate::model::{Audience, Outcome, Socket, Whom};
use crate::steps::{APIS, Pick, ROOMS, USERS, Verb};
use crate::world::name;

/// API Gateway waits so long for the answer to a `$connect`, in milliseconds.
const INTEGRATION_TIMEOUT: u64 = 29_000;

/// How long an id stays unused, in milliseconds. Within a minute, a late event cannot be told from one of the new
/// connection: AWS promises no more of `connectedAt`.
const ID_REST: u64 = 61_000;

type Request = LambdaEvent<Authenticated<room_auth::WebSocketEvent>>;

pub(crate) async fn connect(call: &Call, id: usize, api: usize, pick: Pick, is_welcome: bool) {
    let world = &call.world;
    let (act, began) = (call.line.act, world.now());
    {
        let model = &world.state().model;
        let last = model.newest(id).map(|last| &model.peers[last]);
        let is_taken = |last: &crate::model::Peer| {
            !matches!(last.socket, Socket::Closed | Socket::NeverOpen)
                && began < last.connected_at + 2 * 3_600_000
                || began < last.connected_at + ID_REST
        };
        if last.is_some_and(is_taken) {
            return;
        }
    }
    let token = world.token(pick, id % USERS.len());
    let (peer, text) = {
        let mut state = world.state();
        let text = state.model.tokens[token].text.clone();
        (state.model.connect(act, id, api, token, began), text)
    };
    let mut event = event(call, peer, EventType::Connect);
    event["headers"] = json!({"Authorization": format!("Bearer {text}")});
    let answer = serve(call, event, move |_, _| async move { is_welcome }).await;
    if call.line.loses_answer() {
        return world.state().model.killed(act);
    }
    let (now, is_calm) = (world.now(), call.is_calm);
    let mut state = world.state();
    let (exp, status) = (state.model.tokens[token].exp * 1000, answer.status);
    state.log(|| format!("  #{act} answers {status} to {}", name(id)));
    let is_late = now >= began + INTEGRATION_TIMEOUT;
    match status {
        200 if !is_late => {
            if exp <= began {
                state.wrong("an expired token was accepted");
            }
            if let Err(wrong) = state.model.accepted(peer, 0, world.single_use) {
                state.wrong(wrong);
            }
            state.model.peers[peer].socket = Socket::Open;
        }
        _ => {
            // A registry behind a network gives up a call that waits for long, here that of forgetting.
            let is_certain = call.line.is_clean() && (call.is_calm || !world.store.gives_up_waiting());
            let is_refused = matches!(status, 401 | 403) && is_certain;
            let outcome = if is_refused {
                Outcome::Nothing
            } else {
                Outcome::Unknown
            };
            state.model.end_grant(peer, 0, outcome);
            state.model.peers[peer].socket = if is_certain {
                Socket::Closed
            } else {
                Socket::NeverOpen
            };
            if is_calm
                && state.model.tokens[token].presented == 1
                && is_welcome
                && now < exp
                && !is_late
                && !state.model.may_be_revoked(token)
            {
                state.wrong(format!("a good $connect was answered {status}"));
            }
        }
    }
}

pub(crate) async fn message(call: &Call, id: usize, verb: Verb) {
    let world = &call.world;
    let (act, now) = (call.line.act, world.now());
    let Some(peer) = world.state().model.open(id, now) else {
        return;
    };
    let own = world.state().model.peers[peer].room;
    let event = event(call, peer, EventType::Message);
    let answer = serve(call, event, |rooms, request: Request| async move {
        let LambdaEvent { payload, context } = request;
        let since = call.since;
        {
            let mut state = world.state();
            if !state.model.may(peer, own, since, world.now()) {
                state.wrong(format!("a message of {} was handled", name(id)));
            }
            let claims: &RoomClaims = payload.claims();
            let user = USERS[state.model.peers[peer].user];
            if claims.room_id().as_str() != ROOMS[own] || claims.user() != Some(user) {
                state.wrong(format!(
                    "a message of {} was handled with others' claims",
                    name(id)
                ));
            }
        }
        let session = rooms.session(payload.claims(), payload.context(), &context);
        speak(call, &session, peer, verb).await;
        true
    })
    .await;
    if call.line.loses_answer() {
        return world.state().model.killed(act);
    }
    let now = world.now();
    let mut state = world.state();
    state.log(|| format!("  #{act} answers {}", answer.status));
    let is_member = state.model.must(peer, own, call.since, now);
    if !answer.was_handled && is_member && call.is_calm {
        state.wrong(format!(
            "a message of {} was turned away: {}",
            name(id),
            answer.status
        ));
    }
}

pub(crate) async fn disconnect(call: &Call, id: usize, back: usize) {
    let world = &call.world;
    let peer = {
        let model = &world.state().model;
        let mut peers = (0..model.peers.len())
            .rev()
            .filter(|peer| model.peers[*peer].id == id);
        peers.nth(back).filter(|peer| !model.is_open(*peer, world.now()))
    };
    let Some(peer) = peer.filter(|peer| world.state().model.peers[*peer].socket != Socket::Connecting) else {
        return;
    };
    let ending = world.state().model.end(call.line.act, Whom::Peer(peer), None);
    let event = event(call, peer, EventType::Disconnect);
    let answer = serve(call, event, |_, _| async { true }).await;
    let is_forgotten = answer.was_handled && !call.line.loses_answer();
    let outcome = if is_forgotten {
        Outcome::Done
    } else {
        Outcome::Unknown
    };
    world.state().model.end_ending(ending, outcome, [].into());
}

async fn speak(call: &Call, session: &Session<'_>, peer: usize, verb: Verb) {
    let user = call.world.state().model.peers[peer].user;
    let frame = json!({"frame": call.line.act});
    match verb {
        Verb::Say { room } | Verb::Notify { room } => {
            let Some(session) = enter(call, session, peer, room) else {
                return;
            };
            call.address(Audience::Room(room));
            let (sent, except) = match verb {
                Verb::Say { .. } => (session.broadcast(&frame).await, None),
                _ => (session.notify_others(&frame).await, Some(peer)),
            };
            backend::check_delivery(call, Audience::Room(room), except, sent);
        }
        Verb::Reply => {
            call.address(Audience::Peer(peer));
            let sent = session.reply(&frame).await;
            backend::check_send(call, Audience::Peer(peer), &sent);
        }
        Verb::Join(pick) => {
            let token = call.world.token(pick, user);
            let text = call.world.state().model.tokens[token].text.clone();
            ask(call, peer, token, session.join(&text)).await;
        }
        Verb::Renew { room, token } => {
            let Some(session) = enter(call, session, peer, room) else {
                return;
            };
            let token = call.world.token(token, user);
            let text = call.world.state().model.tokens[token].text.clone();
            ask(call, peer, token, session.renew(&text)).await;
        }
        Verb::Leave { room } => {
            let leave = call.world.state().model.leave(call.line.act, peer, room);
            let left = session.leave(&ROOMS[room].parse().unwrap()).await;
            if call.line.loses_answer() {
                return;
            }
            let mut state = call.world.state();
            state.log(|| format!("  leaves: {left:?}"));
            let outcome = match left {
                Ok(true) => Outcome::Done,
                Ok(false) | Err(MembershipError::OwnRoom) => Outcome::Nothing,
                Err(_) => Outcome::Unknown,
            };
            state.model.end_leave(peer, leave, outcome);
            let now = call.world.now();
            if matches!(left, Ok(false)) && state.model.must(peer, room, call.since, now) {
                state.wrong("a room could not be left, by one who is in it");
            }
        }
    }
}

/// The session of a room that the connection says it is in.
fn enter<'a>(call: &Call, session: &Session<'a>, peer: usize, room: usize) -> Option<Session<'a>> {
    let entered = session.in_room(&ROOMS[room].parse().unwrap());
    let (since, now) = (call.since, call.world.now());
    let mut state = call.world.state();
    if entered.is_some() && !state.model.may(peer, room, since, now) {
        state.wrong("a message was handled in a room that its sender is not in");
    }
    if entered.is_none() && state.model.must(peer, room, since, now) {
        state.wrong("a message was not handled in a room that its sender is in");
    }
    entered
}

/// Presents a token in a live connection.
async fn ask(
    call: &Call,
    peer: usize,
    token: usize,
    asking: impl Future<Output = Result<RoomClaims, MembershipError>>,
) {
    let world = &call.world;
    let (began, grant) = {
        let mut state = world.state();
        (world.now(), state.model.ask(call.line.act, peer, token))
    };
    let answer = asking.await;
    if call.line.loses_answer() {
        return;
    }
    let now = world.now();
    let mut state = world.state();
    state.log(|| format!("  token {token}: {:?}", answer.as_ref().map(|_| "accepted")));
    let presented = state.model.tokens[token].clone();
    match answer {
        Ok(_) => {
            if presented.exp * 1000 <= began {
                state.wrong("an expired token was accepted");
            }
            if let Err(wrong) = state.model.accepted(peer, grant, world.single_use) {
                state.wrong(wrong);
            }
        }
        Err(error) => {
            let is_refused = error.is_refusal() && call.line.is_clean();
            let outcome = if is_refused {
                Outcome::Nothing
            } else {
                Outcome::Unknown
            };
            state.model.end_grant(peer, grant, outcome);
            let is_good = presented.presented == 1
                && presented.user == state.model.peers[peer].user
                && now < presented.exp * 1000;
            let is_other_room = matches!(error, MembershipError::OtherRoom);
            // Who leaves a room meanwhile does not renew it.
            let has_left = matches!(error, MembershipError::UnknownConnection)
                && !state.model.must(peer, presented.room, call.since, now);
            if is_good && !is_other_room && !has_left && call.is_calm {
                let own = state.model.peers[peer].room;
                if state.model.must(peer, own, call.since, now) && !state.model.may_be_revoked(token) {
                    state.wrong(format!("a good token was refused: {error}"));
                }
            }
        }
    }
}

struct Answer {
    status: u64,
    was_handled: bool,
}

/// Sends an event through the layer. The handler says whether it accepts it.
async fn serve<H>(call: &Call, event: Value, handle: impl Fn(Rooms, Request) -> H + Clone) -> Answer
where
    H: Future<Output = bool>,
{
    let rooms = call.world.rooms(&call.line);
    let layer = RoomAuthLayer::new(call.world.verifier()).with_rooms(rooms.clone());
    let was_handled = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let handled = was_handled.clone();
    let mut service = layer.layer(service_fn(move |request: Request| {
        handled.store(true, std::sync::atomic::Ordering::Relaxed);
        let handling = handle(rooms.clone(), request);
        async move {
            let status = if handling.await { 200 } else { 403 };
            Ok::<_, Error>(json!({"statusCode": status}))
        }
    }));
    let incoming: Incoming = serde_json::from_str(&event.to_string()).unwrap();
    let answer = service.call(LambdaEvent::new(incoming, Context::default())).await;
    Answer {
        status: answer.expect("a refusal is no error")["statusCode"]
            .as_u64()
            .unwrap(),
        was_handled: was_handled.load(std::sync::atomic::Ordering::Relaxed),
    }
}

fn event(call: &Call, peer: usize, event_type: EventType) -> Value {
    let world = call.world.state();
    let peer = &world.model.peers[peer];
    let (event_type, route) = match event_type {
        EventType::Connect => ("CONNECT", "$connect"),
        EventType::Disconnect => ("DISCONNECT", "$disconnect"),
        EventType::Message => ("MESSAGE", "$default"),
    };
    let (api, stage) = APIS[peer.api].split_once('/').unwrap();
    json!({"requestContext": {
        "eventType": event_type, "routeKey": route, "connectionId": name(peer.id),
        "connectedAt": peer.connected_at, "apiId": api, "stage": stage, "domainName": "h.example",
    }, "isBase64Encoded": false})
}
