//! Sending to one connection, and ending one.

use std::sync::atomic::{AtomicBool, Ordering};

use room_auth::registry::{
    Page, PageToken, Revocation, Revocations, RoomMember, SingleUse, Trace, UserConnection, Written,
};
use room_auth::testing::MemoryRegistry;
use room_auth::{Connection, ConnectionId, Registry, RegistryError, RoomId, TransportError};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_frame_is_sent_to_one_connection() {
    let world = World::new(10);
    let here = world.join("here=", "lobby", Temper::Throttled(2)).await;
    let gone = world.join("gone=", "lobby", Temper::Gone).await;
    let expired = world.join_until("expired=", "lobby", QUICK, T0).await;
    let silent = world.join("silent=", "lobby", Temper::Silent).await;
    let rooms = world.rooms();

    rooms.send(&here.id, FRAME).await.unwrap();
    assert_eq!(world.heard("here="), [FRAME]);
    let error = rooms.send(&gone.id, FRAME).await.unwrap_err();
    assert!(matches!(error, SendError::UnknownConnection));
    assert!(!world.is_recorded("gone=").await);
    let error = rooms.send(&gone.id, FRAME).await.unwrap_err();
    assert!(matches!(error, SendError::UnknownConnection));
    assert_eq!(
        world.attempts("gone="),
        1,
        "who is not recorded is not sent anything"
    );
    let error = rooms.send(&expired.id, FRAME).await.unwrap_err();
    assert!(matches!(error, SendError::Expired));
    assert!(world.heard("expired=").is_empty() && world.is_closed("expired="));
    assert!(!world.is_recorded("expired=").await);
    let error = rooms.send(&silent.id, FRAME).await.unwrap_err();
    assert!(matches!(error, SendError::Undelivered(TransportError::Timeout)));
}

#[tokio::test(start_paused = true)]
async fn a_kicked_connection_is_closed_and_forgotten() {
    let world = World::new(10);
    let connection = world.join("kicked=", "lobby", QUICK).await;
    let rooms = world.rooms();
    for _ in 0..2 {
        rooms.disconnect(&connection.id).await.unwrap();
        assert!(world.is_closed("kicked=") && !world.is_recorded("kicked=").await);
    }
    let stranger = "stranger=".parse().unwrap();
    world.exist(&home(), &stranger, QUICK);
    rooms.disconnect(&stranger).await.unwrap();
    // Without a record nobody knows at which API it is; none of its messages is handled, and the first closes it.
    assert!(!world.is_closed("stranger="));
}

#[tokio::test(start_paused = true)]
async fn a_kick_during_the_handshake_is_tried_until_the_connection_is_closed() {
    let world = World::new(10);
    let soon = Temper::Connecting(Duration::from_secs(3));
    let connection = world.join("soon=", "lobby", soon).await;
    world.rooms().disconnect(&connection.id).await.unwrap();
    assert!(world.is_closed("soon=") && !world.is_recorded("soon=").await);
    assert!(world.elapsed() >= Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_kick_during_an_endless_handshake_is_no_success() {
    let world = World::new(10);
    let endless = Temper::Connecting(Duration::from_secs(29));
    let connection = world.join("late=", "lobby", endless).await;
    let error = world.rooms().disconnect(&connection.id).await.unwrap_err();
    assert!(
        matches!(error, SendError::Undelivered(TransportError::Gone)),
        "{error:?}"
    );
    assert!(!world.is_closed("late="));
    assert!(
        !world.is_recorded("late=").await,
        "none of its messages is handled"
    );
    assert!(world.elapsed() <= Rooms::DEFAULT_BUDGET);
}

/// Forgets or changes, and says once that it had no capacity for it.
#[derive(Debug)]
pub(crate) struct LosesAnswer(pub(crate) MemoryRegistry, pub(crate) AtomicBool);

impl Registry for LosesAnswer {
    async fn record(
        &self,
        connection: &Connection,
        token: Option<&SingleUse>,
    ) -> Result<Written, RegistryError> {
        self.0.record(connection, token).await
    }

    async fn find(&self, id: &ConnectionId) -> Result<Option<Connection>, RegistryError> {
        self.0.find(id).await
    }

    async fn update(
        &self,
        seen: &Connection,
        next: &Connection,
        token: Option<&SingleUse>,
    ) -> Result<Written, RegistryError> {
        let written = self.0.update(seen, next, token).await?;
        if self.1.swap(false, Ordering::Relaxed) {
            return Err(RegistryError::throttled("change the connection"));
        }
        Ok(written)
    }

    async fn forget(&self, seen: &Connection) -> Result<bool, RegistryError> {
        let was_forgotten = self.0.forget(seen).await?;
        if self.1.swap(false, Ordering::Relaxed) {
            return Err(RegistryError::throttled("forget the connection"));
        }
        Ok(was_forgotten)
    }

    async fn members(
        &self,
        room: &RoomId,
        from: Option<&PageToken>,
    ) -> Result<Page<RoomMember>, RegistryError> {
        self.0.members(room, from).await
    }

    async fn connections_of(
        &self,
        user: &str,
        from: Option<&PageToken>,
    ) -> Result<Page<UserConnection>, RegistryError> {
        self.0.connections_of(user, from).await
    }

    async fn sweep(&self, trace: Trace<'_>) -> Result<(), RegistryError> {
        self.0.sweep(trace).await
    }

    async fn revoke(&self, revocation: &Revocation) -> Result<(), RegistryError> {
        self.0.revoke(revocation).await
    }

    async fn revocations(
        &self,
        user: Option<&str>,
        token_id: Option<&str>,
    ) -> Result<Revocations, RegistryError> {
        self.0.revocations(user, token_id).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_closed_even_if_the_answer_to_its_forgetting_was_lost() {
    for exp in [T0, T0 + 300] {
        let world = World::new(10);
        let connection = world.join_until("ended=", "lobby", QUICK, exp).await;
        let registry = LosesAnswer(world.registry.clone(), AtomicBool::new(true));
        let rooms = Rooms::new(registry, world.transport()).with_verifier(world.verifier());
        if exp == T0 {
            let error = rooms.send(&connection.id, FRAME).await.unwrap_err();
            assert!(matches!(error, SendError::Expired), "{error:?}");
        } else {
            rooms.disconnect(&connection.id).await.unwrap();
        }
        assert!(
            world.is_closed("ended=") && !world.is_recorded("ended=").await,
            "{exp}"
        );
    }
}
