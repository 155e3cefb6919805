//! All connections of a user.

use room_auth::registry::RegistryErrorKind;
use room_auth::{Connection, Registry as _, RegistryError};

use super::*;

const REVOKED_FRAME: &str = r#"{"message":"revoked"}"#;

impl World {
    /// A connection of a user: a minute old, unless it is new by its temper.
    async fn join_as(&self, user: &str, id: &str, room: &str, temper: Temper) -> Connection {
        let age = if matches!(temper, Temper::Connecting(_) | Temper::LeavesWhenTold) {
            0
        } else {
            60
        };
        let connection = Connection::new(
            id.parse().unwrap(),
            home(),
            room.parse().unwrap(),
            payload(room, T0 + 300),
            at(T0 - age),
            at(T0 + 300),
        );
        let connection = connection.with_user(Some(user));
        self.add(&connection, temper).await;
        connection
    }
}

#[tokio::test(start_paused = true)]
async fn a_frame_to_a_user_reaches_all_their_connections_and_nobody_elses() {
    let world = World::new(3);
    for number in 0..10 {
        let room = if number % 2 == 0 { "lobby" } else { "staff" };
        world
            .join_as("alice", &format!("alice{number}"), room, QUICK)
            .await;
        world.join_as("bob", &format!("bob{number}"), room, QUICK).await;
    }
    world.join("nobody=", "lobby", QUICK).await;
    world.join_as("alice", "gone=", "lobby", Temper::Gone).await;
    world.join_as("alice", "silent=", "lobby", Temper::Silent).await;
    let report = world.rooms().send_to_user("alice", FRAME).await.unwrap();
    assert_eq!((report.delivered(), report.gone()), (10, 1));
    assert_eq!(missed(&report), [("silent=", UndeliveredReason::Timeout)]);
    for number in 0..10 {
        assert_eq!(world.heard(&format!("alice{number}")), [FRAME]);
        assert!(world.heard(&format!("bob{number}")).is_empty());
    }
    assert!(world.heard("nobody=").is_empty());
    assert!(!world.is_recorded("gone=").await);
    let report = world.rooms().send_to_user("carol", FRAME).await.unwrap();
    assert!(report.is_complete() && report.delivered() == 0);
}

#[tokio::test(start_paused = true)]
async fn an_expired_connection_of_a_user_hears_nothing_and_is_ended() {
    let world = World::new(10);
    let connection = world.join_as("alice", "expired=", "lobby", QUICK).await;
    let expired = connection.renewed(payload("lobby", T0), at(T0));
    world.update(&connection, &expired).await;
    let report = world.rooms().send_to_user("alice", FRAME).await.unwrap();
    assert_eq!((report.delivered(), report.expired()), (0, 1));
    assert!(world.heard("expired=").is_empty() && world.is_closed("expired="));
}

#[tokio::test(start_paused = true)]
async fn a_user_who_is_disconnected_or_revoked_is_out_everywhere() {
    for is_revoked in [false, true] {
        let world = World::new(3);
        for number in 0..8 {
            world
                .join_as("alice", &format!("alice{number}"), "lobby", QUICK)
                .await;
        }
        let bob = world.join_as("bob", "bob=", "lobby", QUICK).await;
        world.join_as("alice", "gone=", "staff", Temper::Gone).await;
        let rooms = world.rooms();
        for ended in [9, 0] {
            let report = if is_revoked {
                rooms.revoke_user("alice").await.unwrap()
            } else {
                rooms.disconnect_user("alice").await.unwrap()
            };
            assert!(report.is_complete(), "{report:?}");
            assert_eq!(report.ended(), ended);
        }
        for number in 0..8 {
            let id = format!("alice{number}");
            assert!(world.is_closed(&id) && !world.is_recorded(&id).await);
            let last: &[&str] = if is_revoked { &[REVOKED_FRAME] } else { &[] };
            let heard = world.heard(&id);
            assert_eq!(heard.len(), last.len(), "{heard:?}");
        }
        assert!(world.is_recorded("bob=").await && !world.is_closed("bob="));
        let found = world.registry.find(&bob.id).await.unwrap();
        assert_eq!(found, Some(bob));
    }
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_closed_is_in_the_report_and_mute() {
    let world = World::new(10);
    let endless = Temper::Connecting(Duration::from_secs(29));
    world.join_as("alice", "late=", "lobby", endless).await;
    world.join_as("alice", "here=", "lobby", QUICK).await;
    let report = world.rooms().revoke_user("alice").await.unwrap();
    assert_eq!((report.ended(), report.not_ended_count()), (1, 1));
    let missed = &report.not_ended()[0];
    assert_eq!(
        (missed.connection_id.as_str(), missed.reason),
        ("late=", UndeliveredReason::NotYetConnected)
    );
    assert!(!report.is_complete());
    assert!(
        !world.is_recorded("late=").await,
        "none of its messages is handled"
    );
    assert!(world.elapsed() <= Rooms::DEFAULT_BUDGET);
}

#[tokio::test(start_paused = true)]
async fn whoever_closes_on_the_last_frame_is_not_waited_for_however_young() {
    let world = World::new(10);
    world.join_as("alice", "polite=", "lobby", Temper::LeavesWhenTold).await;
    let report = world.rooms().revoke_user("alice").await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(report.ended(), 1);
    assert!(world.elapsed() < Duration::from_secs(1), "{:?}", world.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_revocation_that_failed_can_be_repeated() {
    let world = World::new(10);
    world.join_as("alice", "here=", "lobby", QUICK).await;
    let rooms = world.rooms();
    world.registry.fail_next(RegistryError::timeout("answer"));
    let error = rooms.revoke_user("alice").await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Timeout);
    assert!(world.is_recorded("here=").await && !world.is_closed("here="));
    world.registry.fail_next(RegistryError::throttled("wait"));
    assert_eq!(rooms.revoke_user("alice").await.unwrap().ended(), 1);
    assert!(world.is_closed("here="));
    let found = world.registry.revocations(Some("alice"), None).await.unwrap();
    assert!(found.user.is_some());
}
