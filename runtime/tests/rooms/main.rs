//! Sending to rooms, in a world whose time is tokio's.
#![allow(clippy::unwrap_used)]

mod apis;
mod delivery;
mod expiry;
mod faults;
mod members;
mod memberships;
mod one;
mod patience;
mod schedules;
mod session;
mod users;
mod world;

use std::time::Duration;

use room_auth::rooms::{Broadcast, DeliveryReport, Rooms, SendError, UndeliveredReason};

use world::{T0, Temper, World, abroad, at, context, home, payload, room};

const QUICK: Temper = Temper::Takes(Duration::from_millis(10));
const FRAME: &str = "hello";

async fn tell(world: &World, name: &str) -> DeliveryReport {
    let room = room(name);
    world
        .rooms()
        .broadcast(Broadcast::new(&room, FRAME))
        .await
        .unwrap()
}

/// The undelivered connections and why, in order.
fn missed(delivery: &DeliveryReport) -> Vec<(&str, UndeliveredReason)> {
    let mut missed: Vec<_> = delivery
        .undelivered()
        .iter()
        .map(|missed| (missed.connection_id.as_str(), missed.reason))
        .collect();
    missed.sort_by_key(|(id, _)| *id);
    missed
}
