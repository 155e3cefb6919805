//! Invocations without an event: what a backend asks the rooms for, and what reports must say.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use room_auth::registry::RegistryError;
use room_auth::rooms::{Broadcast, DeliveryReport, DisconnectReport, SendError, UndeliveredReason};
use serde_json::json;

use crate::events;
use crate::gates::Line;
use crate::model::{Audience, Outcome, Tick, Whom};
use crate::steps::{Act, ROOMS, USERS};
use crate::world::{World, name, number};

/// One invocation, while it runs.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) world: Arc<World>,
    pub(crate) line: Line,
    /// When it began.
    pub(crate) since: Tick,
    /// Nothing goes wrong, in others at the same time neither.
    pub(crate) is_calm: bool,
}

impl Call {
    pub(crate) fn address(&self, audience: Audience) {
        self.world.state().address(self.line.act, audience);
    }
}

pub(crate) async fn perform(call: Call, act: Act) {
    let (world, line) = (&call.world, &call.line);
    let rooms = || world.rooms(line).with_verifier(world.verifier());
    let frame = json!({"frame": line.act});
    match act {
        Act::Connect {
            id,
            api,
            token,
            is_welcome,
        } => events::connect(&call, id, api, token, is_welcome).await,
        Act::Message { id, verb } => events::message(&call, id, verb).await,
        Act::Disconnect { id, back } => events::disconnect(&call, id, back).await,
        Act::Broadcast { room } => {
            let audience = Audience::Room(room);
            call.address(audience);
            let room = ROOMS[room].parse().unwrap();
            let sent = rooms().broadcast(Broadcast::new(&room, &frame)).await;
            check_delivery(&call, audience, None, sent);
        }
        Act::SendToUser { user } => {
            let audience = Audience::User(user);
            call.address(audience);
            let sent = rooms().send_to_user(USERS[user], &frame).await;
            check_delivery(&call, audience, None, sent);
        }
        Act::Send { id } => {
            call.address(Audience::Id(id));
            let sent = rooms().send(&name(id).parse().unwrap(), &frame).await;
            check_send(&call, Audience::Id(id), &sent);
        }
        Act::Kick { id } => {
            let ending = world.state().model.end(line.act, Whom::Id(id), None);
            let ended = rooms().disconnect(&name(id).parse().unwrap()).await;
            let mut state = world.state();
            if line.loses_answer() {
                state.model.killed(line.act);
            } else {
                state.log(|| format!("  kicked: {ended:?}"));
                let outcome = match ended {
                    Ok(()) | Err(SendError::Undelivered(_)) => Outcome::Done,
                    Err(_) => Outcome::Unknown,
                };
                state.model.end_ending(ending, outcome, BTreeSet::new());
            }
        }
        Act::KickUser { user } => {
            let ending = world.state().model.end(line.act, Whom::User(user), None);
            let ended = rooms().disconnect_user(USERS[user]).await;
            conclude(&call, ending, ended);
        }
        Act::RevokeUser { user } => {
            let not_before = Some(world.now() / 1000);
            let ending = world.state().model.end(line.act, Whom::User(user), not_before);
            let ended = rooms().revoke_user(USERS[user]).await;
            conclude(&call, ending, ended);
        }
        Act::RevokeToken { token } => {
            let found = world.state().model.tokens.get(token).cloned();
            let Some(revoked) = found else { return };
            let expires_at = UNIX_EPOCH + Duration::from_secs(revoked.exp);
            world.state().model.revoking_token(token);
            let done = rooms().revoke_token(&revoked.id, expires_at).await;
            if done.is_ok() && !line.loses_answer() {
                world.state().model.token_revoked(token);
            }
        }
    }
}

/// Takes a report of connections that were ended.
fn conclude(call: &Call, ending: usize, ended: Result<DisconnectReport, RegistryError>) {
    let mut state = call.world.state();
    if call.line.loses_answer() {
        return state.model.killed(call.line.act);
    }
    state.log(|| format!("  ended: {ended:?}"));
    let (outcome, missed) = match ended {
        Ok(report) if !report.is_truncated() => {
            let missed = report.not_ended().iter();
            let missed = missed.filter(|missed| missed.reason == UndeliveredReason::NotForgotten);
            (
                Outcome::Done,
                missed.map(|missed| number(&missed.connection_id)).collect(),
            )
        }
        _ => (Outcome::Unknown, BTreeSet::new()),
    };
    state.model.end_ending(ending, outcome, missed);
}

/// Nobody who was there is missed without being in the report.
pub(crate) fn check_delivery(
    call: &Call,
    audience: Audience,
    except: Option<usize>,
    sent: Result<DeliveryReport, SendError>,
) {
    let act = call.line.act;
    let (since, now) = (call.since, call.world.now());
    let mut state = call.world.state();
    state.log(|| format!("  #{act} to {audience:?}: {sent:?}"));
    let Ok(report) = sent else { return };
    let named: BTreeSet<_> = report
        .undelivered()
        .iter()
        .map(|missed| number(&missed.connection_id))
        .collect();
    let heard = (0..state.model.peers.len())
        .filter(|peer| state.model.has_heard(act, *peer))
        .count();
    if report.delivered() > heard as u64 {
        state.wrong("a report counts more than heard the frame");
    }
    for peer in 0..state.model.peers.len() {
        let one = &state.model.peers[peer];
        let room = match audience {
            Audience::Room(room) => room,
            Audience::User(user) if one.user == user => one.room,
            _ => continue,
        };
        let is_named = report.is_truncated() || named.contains(&one.id) || except == Some(peer);
        if !is_named && !state.model.has_heard(act, peer) && state.model.must(peer, room, since, now) {
            let id = name(state.model.peers[peer].id);
            state.wrong(format!("{id} missed a frame of #{act} and is not in the report"));
        }
    }
}

/// What was taken was heard.
pub(crate) fn check_send(call: &Call, audience: Audience, sent: &Result<(), SendError>) {
    let act = call.line.act;
    let mut state = call.world.state();
    state.log(|| format!("  #{act} to {audience:?}: {sent:?}"));
    let has_heard = (0..state.model.peers.len()).any(|peer| state.model.has_heard(act, peer));
    if sent.is_ok() && !has_heard {
        state.wrong("a frame was sent to nobody");
    }
}
