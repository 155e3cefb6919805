//! Members whose claims have expired, and renewals in between.

use std::sync::{Arc, Mutex};

use room_auth::registry::{
    Page, PageToken, Revocation, Revocations, RoomMember, SingleUse, Trace, UserConnection, Written,
};
use room_auth::testing::{MemoryRegistry, RecordingTransport};
use room_auth::{Connection, ConnectionId, Registry, RegistryError, RoomId, TransportError};

use super::*;

#[tokio::test(start_paused = true)]
async fn an_expired_member_hears_nothing_and_is_closed_and_forgotten() {
    let world = World::new(10);
    world.join_until("expired=", "lobby", QUICK, T0).await;
    world.join_until("live=", "lobby", QUICK, T0 + 1).await;
    let delivery = tell(&world, "lobby").await;
    assert!(delivery.is_complete());
    assert_eq!((delivery.delivered(), delivery.expired()), (1, 1));
    assert!(world.heard("expired=").is_empty());
    assert!(world.is_closed("expired=") && !world.is_recorded("expired=").await);
    assert!(!world.is_closed("live=") && world.is_recorded("live=").await);
}

#[tokio::test(start_paused = true)]
async fn the_leeway_holds_for_rooms_too() {
    let world = World::new(10);
    world.join_until("late=", "lobby", QUICK, T0 - 30).await;
    world.join_until("tooLate=", "lobby", QUICK, T0 - 60).await;
    let lobby = room("lobby");
    let verifier = world.verifier().with_leeway(Duration::from_mins(1)).unwrap();
    let rooms = Rooms::new(world.registry.clone(), world.transport()).with_verifier(verifier);
    let delivery = rooms.broadcast(Broadcast::new(&lobby, FRAME)).await.unwrap();
    assert_eq!((delivery.delivered(), delivery.expired()), (1, 1));
    assert_eq!(world.heard("late="), [FRAME]);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_expires_between_attempts_ends_them() {
    let world = World::new(10);
    // Throttled for longer than its token counts, then it would take the frame.
    world
        .join_until("expiring=", "lobby", Temper::Throttled(12), T0 + 1)
        .await;
    let delivery = tell(&world, "lobby").await;
    assert!(world.heard("expiring=").is_empty(), "not a frame after expiry");
    assert_eq!(delivery.expired(), 1);
    assert!(world.is_closed("expiring=") && !world.is_recorded("expiring=").await);
}

#[tokio::test(start_paused = true)]
async fn who_is_renewed_while_it_is_tried_hears_the_frame_and_is_not_closed() {
    for (temper, expires_after) in [(Temper::AlwaysThrottled, 2), (Temper::Silent, 12)] {
        let world = World::new(10);
        let connection = world
            .join_until("renewed=", "lobby", temper, T0 + expires_after)
            .await;
        let renew = async {
            tokio::time::sleep(Duration::from_secs(expires_after - 1)).await;
            let renewed = connection.renewed(payload("lobby", T0 + 300), at(T0 + 300));
            world.update(&connection, &renewed).await;
            // After the moment at which the first token expires.
            tokio::time::sleep(Duration::from_secs(2)).await;
            world.set_temper(&connection.id, QUICK);
        };
        let (delivery, ()) = tokio::join!(tell(&world, "lobby"), renew);
        assert_eq!((delivery.delivered(), delivery.expired()), (1, 0), "{temper:?}");
        assert_eq!(world.heard("renewed="), [FRAME], "{temper:?}");
        assert!(
            !world.is_closed("renewed=") && world.is_recorded("renewed=").await,
            "{temper:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn who_was_renewed_after_the_listing_is_not_closed() {
    let world = World::new(10);
    // Keeps the broadcast busy between the listing and the turn of the other.
    world.join("first=", "lobby", QUICK).await;
    let connection = world.join("renewed=", "lobby", QUICK).await;
    let stale = connection.renewed(payload("lobby", T0), at(T0));
    world.update(&connection, &stale).await;
    let renewed = stale.renewed(payload("lobby", T0 + 300), at(T0 + 300));
    let renew = world.update(&stale, &renewed);
    let lobby = room("lobby");
    let rooms = world.rooms().with_concurrency(1);
    // The first page is read when the broadcast is first polled; the renewal comes right after.
    let (delivery, ()) = tokio::join!(rooms.broadcast(Broadcast::new(&lobby, FRAME)), renew);
    let delivery = delivery.unwrap();
    assert_eq!((delivery.delivered(), delivery.expired()), (2, 0));
    assert!(!world.is_closed("renewed=") && world.is_recorded("renewed=").await);
}

/// A registry in which something happens right before a connection is forgotten, and whose room holds a trace of a
/// connection whose own record is gone, as one left by DynamoDB's TTL.
#[derive(Clone, Debug)]
struct Staged {
    memory: MemoryRegistry,
    renewed_before_forget: Arc<Mutex<Option<Connection>>>,
    trace: Arc<Mutex<Option<Connection>>>,
}

impl Staged {
    fn new(world: &World) -> Self {
        Self {
            memory: world.registry.clone(),
            renewed_before_forget: Arc::default(),
            trace: Arc::default(),
        }
    }
}

impl Registry for Staged {
    async fn record(
        &self,
        connection: &Connection,
        token: Option<&SingleUse>,
    ) -> Result<Written, RegistryError> {
        self.memory.record(connection, token).await
    }

    async fn find(&self, id: &ConnectionId) -> Result<Option<Connection>, RegistryError> {
        self.memory.find(id).await
    }

    async fn update(
        &self,
        seen: &Connection,
        next: &Connection,
        token: Option<&SingleUse>,
    ) -> Result<Written, RegistryError> {
        self.memory.update(seen, next, token).await
    }

    async fn forget(&self, seen: &Connection) -> Result<bool, RegistryError> {
        let renewed = self.renewed_before_forget.lock().unwrap().take();
        if let Some(renewed) = renewed {
            assert_eq!(self.memory.update(seen, &renewed, None).await?, Written::Done);
        }
        self.memory.forget(seen).await
    }

    async fn members(
        &self,
        room: &RoomId,
        from: Option<&PageToken>,
    ) -> Result<Page<RoomMember>, RegistryError> {
        let mut page = self.memory.members(room, from).await?;
        let trace = self.trace.lock().unwrap().clone();
        page.items.extend(trace.and_then(|trace| trace.member_of(room)));
        Ok(page)
    }

    async fn connections_of(
        &self,
        user: &str,
        from: Option<&PageToken>,
    ) -> Result<Page<UserConnection>, RegistryError> {
        self.memory.connections_of(user, from).await
    }

    async fn sweep(&self, trace: Trace<'_>) -> Result<(), RegistryError> {
        if let Trace::Member(member) = trace {
            let is_it = |trace: &mut Connection| trace.member_of(&member.room).as_ref() == Some(member);
            self.trace.lock().unwrap().take_if(is_it);
        }
        self.memory.sweep(trace).await
    }

    async fn revoke(&self, revocation: &Revocation) -> Result<(), RegistryError> {
        self.memory.revoke(revocation).await
    }

    async fn revocations(
        &self,
        user: Option<&str>,
        token_id: Option<&str>,
    ) -> Result<Revocations, RegistryError> {
        self.memory.revocations(user, token_id).await
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_renewed_between_the_listing_and_the_ending_hears_the_frame_and_stays() {
    let world = World::new(10);
    let expired = world.join_until("renewed=", "lobby", QUICK, T0).await;
    let renewed = expired.renewed(payload("lobby", T0 + 300), at(T0 + 300));
    let registry = Staged::new(&world);
    *registry.renewed_before_forget.lock().unwrap() = Some(renewed.clone());
    let rooms = Rooms::new(registry, world.transport()).with_verifier(world.verifier());
    let lobby = room("lobby");
    let report = rooms.broadcast(Broadcast::new(&lobby, FRAME)).await.unwrap();
    assert_eq!((report.delivered(), report.expired()), (1, 0));
    assert_eq!(world.heard("renewed="), [FRAME]);
    assert!(!world.is_closed("renewed="));
    assert_eq!(world.registry.find(&expired.id).await.unwrap(), Some(renewed));
}

#[tokio::test(start_paused = true)]
async fn a_stale_room_item_ends_nobody_and_is_gone_afterwards() {
    let world = World::new(10);
    let stale = world.join_until("same=", "lobby", QUICK, T0).await;
    assert!(world.registry.forget(&stale).await.unwrap());
    let registry = Staged::new(&world);
    *registry.trace.lock().unwrap() = Some(stale);
    // Its id belongs to a connection in another room by now.
    let newer = world.join("same=", "staff", QUICK).await;
    let rooms = Rooms::new(registry.clone(), world.transport()).with_verifier(world.verifier());
    let lobby = room("lobby");
    for listed in [1, 0] {
        let report = rooms.broadcast(Broadcast::new(&lobby, FRAME)).await.unwrap();
        assert_eq!((report.delivered(), report.expired()), (0, listed));
        assert!(report.is_complete());
        assert!(!world.is_closed("same=") && world.heard("same=").is_empty());
        assert_eq!(world.registry.find(&newer.id).await.unwrap(), Some(newer.clone()));
        assert!(registry.trace.lock().unwrap().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn an_expired_member_is_forgotten_even_if_it_cannot_be_closed() {
    let world = World::new(10);
    let expired = world.join_until("expired=", "lobby", QUICK, T0).await;
    let transport = RecordingTransport::new();
    transport.fail_next(&expired.id, TransportError::Forbidden);
    let rooms = Rooms::new(world.registry.clone(), transport.clone()).with_verifier(world.verifier());
    let lobby = room("lobby");
    let report = rooms.broadcast(Broadcast::new(&lobby, FRAME)).await.unwrap();
    assert_eq!((report.delivered(), report.expired()), (0, 1));
    assert!(transport.sent().is_empty());
    assert!(!world.is_recorded("expired=").await, "its next message closes it");
}

#[tokio::test(start_paused = true)]
async fn a_clock_before_the_connection_was_made_expires_it() {
    // Clocks may be a minute apart.
    for (seconds_ahead, delivered) in [(0, 1), (60, 1), (61, 0), (3600, 0)] {
        let world = World::new(10);
        let connection = Connection::new(
            "early=".parse().unwrap(),
            home(),
            room("lobby"),
            payload("lobby", T0 + 7200),
            at(T0 + seconds_ahead),
            at(T0 + 7200),
        );
        world.add(&connection, QUICK).await;
        let report = tell(&world, "lobby").await;
        assert_eq!(
            (report.delivered(), report.expired()),
            (delivered, 1 - delivered),
            "{seconds_ahead}"
        );
        assert_eq!(
            world.is_recorded("early=").await,
            delivered == 1,
            "{seconds_ahead}"
        );
    }
}
