//! What every reader would see after a step, held against the model.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use crate::gates::Line;
use crate::model::Socket;
use crate::steps::ROOMS;
use crate::world::{World, name, number};

pub(crate) async fn audit(world: &Arc<World>) {
    let rooms = world.rooms(&Line::open()).with_verifier(world.verifier());
    let now = world.now();
    for (room, room_id) in ROOMS.iter().enumerate() {
        let listed = rooms
            .members::<()>(&room_id.parse().unwrap())
            .up_to(usize::MAX)
            .await
            .unwrap();
        let listed: BTreeSet<_> = listed
            .iter()
            .map(|member| (number(&member.connection_id), millis(member.connected_at)))
            .collect();
        let mut state = world.state();
        let since = state.model.tick();
        for peer in 0..state.model.peers.len() {
            let one = &state.model.peers[peer];
            let who = format!("{} of {} in {room_id}", name(one.id), one.connected_at);
            let is_listed = listed.contains(&(one.id, one.connected_at));
            let may_be_listed = one.socket == Socket::NeverOpen || state.model.may(peer, room, since, now);
            if is_listed && !may_be_listed {
                state.wrong(format!("{who} is still a member"));
            }
            if !is_listed && state.model.must(peer, room, since, now) {
                state.wrong(format!("{who} is no longer a member"));
            }
        }
    }
    let peers = world.state().model.peers.len();
    for peer in 0..peers {
        let id = world.state().model.peers[peer].id;
        let found = world.store.find(&name(id).parse().unwrap()).await;
        let mut state = world.state();
        let (one, since) = (&state.model.peers[peer], state.model.now());
        let found = found.filter(|found| millis(found.connected_at) == one.connected_at);
        let speaks = found.is_some_and(|found| millis(found.expires_at) > now);
        let own = one.room;
        let may_speak = one.socket == Socket::NeverOpen || state.model.may(peer, own, since, now);
        if speaks && !may_speak {
            state.wrong(format!("messages of {} are still handled", name(id)));
        }
        if !speaks && state.model.must(peer, own, since, now) {
            state.wrong(format!("messages of {} are no longer handled", name(id)));
        }
    }
}

fn millis(time: std::time::SystemTime) -> u64 {
    u64::try_from(time.duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}
