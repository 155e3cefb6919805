//! Sending to rooms, in a world whose time is tokio's.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "support/memory.rs"]
mod memory;
#[path = "support/world.rs"]
#[allow(dead_code)]
mod world;

use std::time::{Duration, SystemTime};

use futures_util::TryStreamExt;
use memory::Memory;
use room_auth::registry::Registry;
use room_auth::rooms::{Broadcast, Delivery, Rooms, SendError, UndeliveredReason};
use room_auth::transport::MAX_MESSAGE_BYTES;
use room_auth::{ApiEndpoint, TransportError};
use world::{T0, Temper, World, room};

const QUICK: Temper = Temper::Takes(Duration::from_millis(10));
const FRAME: &str = r#"{"type":"message","text":"hello"}"#;

fn rooms(world: &World) -> Rooms {
    Rooms::new(world.registry.clone(), world.transport())
        .with_clock(world.clock())
        .with_jitter_seed(7)
}

async fn tell(world: &World, name: &str) -> Delivery {
    let room = room(name);
    rooms(world)
        .broadcast(Broadcast::new(&room, FRAME))
        .await
        .unwrap()
}

/// The undelivered connections and why, in order.
fn missed(delivery: &Delivery) -> Vec<(&str, UndeliveredReason)> {
    let mut missed: Vec<_> = delivery
        .undelivered()
        .iter()
        .map(|missed| (missed.connection_id.as_str(), missed.reason))
        .collect();
    missed.sort_by_key(|(id, _)| *id);
    missed
}

#[tokio::test]
async fn the_registry_of_these_tests_conforms() {
    room_auth::testing::registry_conformance(Memory::with_page_size(7)).await;
}

#[tokio::test(start_paused = true)]
async fn every_member_hears_a_frame_once_and_nobody_else_does() {
    let world = World::new(10);
    for number in 0..95 {
        world.join(&format!("in{number}"), "lobby", QUICK).await;
        world.join(&format!("out{number}"), "staff", QUICK).await;
    }
    let delivery = tell(&world, "lobby").await;
    assert!(delivery.is_complete());
    assert_eq!(
        (delivery.delivered(), delivery.gone(), delivery.expired()),
        (95, 0, 0)
    );
    for number in 0..95 {
        assert_eq!(world.heard(&format!("in{number}")), [FRAME]);
        assert!(world.heard(&format!("out{number}")).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_room_is_no_error() {
    let world = World::new(10);
    let delivery = tell(&world, "lobby").await;
    assert!(delivery.is_complete() && delivery.delivered() == 0);
}

#[tokio::test(start_paused = true)]
async fn the_sender_can_be_left_out() {
    let world = World::new(10);
    world.join("sender=", "lobby", QUICK).await;
    world.join("other=", "lobby", QUICK).await;
    let lobby = room("lobby");
    let broadcast = Broadcast::new(&lobby, FRAME).except("sender=");
    let delivery = rooms(&world).broadcast(broadcast).await.unwrap();
    assert_eq!(delivery.delivered(), 1);
    assert!(world.heard("sender=").is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_more_frames_are_under_way_than_allowed() {
    let world = World::new(50);
    for number in 0..200 {
        world.join(&format!("m{number}"), "lobby", QUICK).await;
    }
    let lobby = room("lobby");
    let rooms = rooms(&world).with_concurrency(8);
    let delivery = rooms.broadcast(Broadcast::new(&lobby, FRAME)).await.unwrap();
    assert_eq!(delivery.delivered(), 200);
    assert_eq!(world.most_under_way(), 8);
    assert_eq!(
        world.elapsed(),
        Duration::from_millis(200 / 8 * 10),
        "and no fewer"
    );
}

#[tokio::test(start_paused = true)]
async fn a_gone_connection_is_forgotten() {
    let world = World::new(10);
    world.join("gone=", "lobby", Temper::Gone).await;
    world.join("here=", "lobby", QUICK).await;
    let delivery = tell(&world, "lobby").await;
    assert!(delivery.is_complete(), "who is gone has missed nothing");
    assert_eq!((delivery.delivered(), delivery.gone()), (1, 1));
    assert!(!world.is_recorded("gone=").await);
    assert_eq!(
        world.attempts("gone="),
        1,
        "410 is no reason to try a minute-old connection again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_410_does_not_forget_a_newer_connection_of_the_same_id() {
    let world = World::new(10);
    let older = world.join("same=", "lobby", Temper::Gone).await;
    let newer = room_auth::Connection::new(
        older.id.clone(),
        room("staff"),
        "{}",
        older.connected_at + 1,
        T0 + 300,
    );
    let forget = async {
        // While the post is under way.
        tokio::time::sleep(Duration::from_millis(5)).await;
        world.registry.record(&newer).await.unwrap();
    };
    let (delivery, ()) = tokio::join!(tell(&world, "lobby"), forget);
    assert_eq!(delivery.gone(), 1);
    assert_eq!(world.registry.find(&older.id).await.unwrap(), Some(newer));
}

#[tokio::test(start_paused = true)]
async fn a_connection_whose_connect_is_still_being_answered_is_tried_again() {
    let world = World::new(10);
    let soon = Temper::Connecting(Duration::from_millis(300));
    world.join("soon=", "lobby", soon).await;
    let later = Temper::Connecting(Duration::from_secs(20));
    world.join("later=", "lobby", later).await;
    let delivery = tell(&world, "lobby").await;
    assert_eq!(world.heard("soon="), [FRAME]);
    assert_eq!(
        missed(&delivery),
        [("later=", UndeliveredReason::NotYetConnected)]
    );
    assert!(world.is_recorded("later=").await, "it may still come");
    assert!(world.elapsed() < Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn throttling_is_waited_out_with_growing_delays() {
    let world = World::new(10);
    world.join("throttled=", "lobby", Temper::Throttled(6)).await;
    let delivery = tell(&world, "lobby").await;
    assert!(delivery.is_complete());
    assert_eq!((world.attempts("throttled="), delivery.delivered()), (7, 1));
    assert_eq!(world.heard("throttled="), [FRAME]);
    let elapsed = world.elapsed();
    assert!(
        elapsed > Duration::from_millis(300) && elapsed < Duration::from_secs(4),
        "{elapsed:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn throttling_without_end_ends_with_the_budget() {
    let world = World::new(10);
    world.join("throttled=", "lobby", Temper::AlwaysThrottled).await;
    world.join("here=", "lobby", QUICK).await;
    let delivery = tell(&world, "lobby").await;
    assert_eq!(missed(&delivery), [("throttled=", UndeliveredReason::Throttled)]);
    assert!(world.elapsed() <= Rooms::DEFAULT_BUDGET);
    assert!(world.attempts("throttled=") < 60, "with backoff, not as a storm");
    assert!(world.is_recorded("throttled=").await);
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_given_up_after_three_attempts() {
    let world = World::new(10);
    world.join("silent=", "lobby", Temper::Silent).await;
    let delivery = tell(&world, "lobby").await;
    assert_eq!(missed(&delivery), [("silent=", UndeliveredReason::Timeout)]);
    assert_eq!(world.attempts("silent="), 3);
    assert!(
        world.elapsed() < Duration::from_secs(10),
        "before the budget is over"
    );
    assert!(world.is_recorded("silent=").await, "it may be there");
}

#[tokio::test(start_paused = true)]
async fn delivery_is_at_least_once_where_an_answer_is_lost() {
    let world = World::new(10);
    world.join("lost=", "lobby", Temper::AnswerLost(1)).await;
    let delivery = tell(&world, "lobby").await;
    assert!(delivery.is_complete());
    assert_eq!(world.heard("lost="), [FRAME, FRAME]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_pass_is_not_tried_again() {
    let world = World::new(10);
    world.join("forbidden=", "lobby", Temper::Forbidden).await;
    let delivery = tell(&world, "lobby").await;
    assert_eq!(missed(&delivery), [("forbidden=", UndeliveredReason::Failed)]);
    assert_eq!(world.attempts("forbidden="), 1);
}

#[tokio::test(start_paused = true)]
async fn slow_and_silent_members_cost_the_others_nothing() {
    let time = async |slow: usize, temper: Temper| {
        let world = World::new(100);
        // In front of all others.
        for number in 0..slow {
            world.join(&format!("a{number}"), "lobby", temper).await;
        }
        for number in 0..2000 {
            world.join(&format!("m{number}"), "lobby", QUICK).await;
        }
        let delivery = tell(&world, "lobby").await;
        assert!(delivery.delivered() >= 2000);
        (0..2000)
            .map(|number| world.heard_at(&format!("m{number}")))
            .max()
            .unwrap()
    };
    let alone = time(0, QUICK).await;
    for temper in [Temper::Silent, Temper::Takes(Duration::from_millis(2900))] {
        let beside_one = time(1, temper).await;
        assert!(
            beside_one <= alone + Duration::from_millis(10),
            "{temper:?}: {beside_one:?}, alone {alone:?}"
        );
        // More than there are places: until they are known to be slow they hold all of them.
        let beside_many = time(150, temper).await;
        assert!(
            beside_many <= alone + Duration::from_millis(700),
            "{temper:?}: {beside_many:?}, alone {alone:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn slow_members_do_not_use_up_the_sockets() {
    let world = World::new(500);
    for number in 0..600 {
        world.join(&format!("a{number}"), "lobby", Temper::Silent).await;
    }
    let delivery = tell(&world, "lobby").await;
    assert_eq!(delivery.undelivered_count(), 600);
    assert!(world.most_under_way() <= 64 + 256, "{}", world.most_under_way());
}

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
    let rooms = rooms(&world).with_leeway(Duration::from_mins(1));
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
            let renewed = connection.renewed("{}", T0 + 300);
            assert!(world.registry.renew(&renewed).await.unwrap());
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
async fn a_time_without_end_is_no_reason_to_panic() {
    let world = World::new(10);
    let connection = world.join("here=", "lobby", QUICK).await;
    let lobby = room("lobby");
    let rooms = rooms(&world)
        .with_budget(Duration::MAX)
        .with_attempt_timeout(Duration::MAX)
        .with_leeway(Duration::MAX);
    let delivery = rooms.broadcast(Broadcast::new(&lobby, FRAME)).await.unwrap();
    assert_eq!(delivery.delivered(), 1);
    rooms.send(&connection.id, FRAME).await.unwrap();
    rooms.disconnect(&connection.id).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_was_renewed_after_the_listing_is_not_closed() {
    let world = World::new(10);
    // Keeps the broadcast busy between the listing and the turn of the other.
    world.join("first=", "lobby", QUICK).await;
    let connection = world.join("renewed=", "lobby", QUICK).await;
    let stale = connection.renewed("{}", T0);
    assert!(world.registry.renew(&stale).await.unwrap());
    let renew = async {
        world.registry.renew(&connection).await.unwrap();
    };
    let lobby = room("lobby");
    let rooms = rooms(&world).with_concurrency(1);
    // The first page is read when the broadcast is first polled; the renewal comes right after.
    let (delivery, ()) = tokio::join!(rooms.broadcast(Broadcast::new(&lobby, FRAME)), renew);
    let delivery = delivery.unwrap();
    assert_eq!((delivery.delivered(), delivery.expired()), (2, 0));
    assert!(!world.is_closed("renewed=") && world.is_recorded("renewed=").await);
}

#[tokio::test(start_paused = true)]
async fn a_frame_of_more_than_128_kb_is_refused_before_anything_is_sent() {
    let world = World::new(10);
    let connection = world.join("here=", "lobby", QUICK).await;
    let lobby = room("lobby");
    let rooms = rooms(&world);
    let frame = "x".repeat(MAX_MESSAGE_BYTES);
    let delivery = rooms.broadcast(Broadcast::new(&lobby, &frame)).await.unwrap();
    assert_eq!(delivery.delivered(), 1);
    let frame = frame + "x";
    let refused = rooms.broadcast(Broadcast::new(&lobby, &frame)).await.unwrap_err();
    assert!(matches!(refused, SendError::TooLarge(_)));
    let refused = rooms.send(&connection.id, &frame).await.unwrap_err();
    assert!(matches!(refused, SendError::TooLarge(_)));
    assert_eq!(world.attempts("here="), 1);
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_everyone_not_reached_is_named() {
    let world = World::new(10);
    for number in 0..1000 {
        world
            .join(&format!("m{number:03}"), "lobby", Temper::AlwaysThrottled)
            .await;
    }
    let lobby = room("lobby");
    let rooms = rooms(&world)
        .with_concurrency(1)
        .with_budget(Duration::from_millis(55));
    let delivery = rooms.broadcast(Broadcast::new(&lobby, FRAME)).await.unwrap();
    assert!(!delivery.is_complete());
    let elapsed = world.elapsed();
    assert!(elapsed <= Duration::from_millis(60), "{elapsed:?}");
    let listed: Vec<_> = missed(&delivery).iter().map(|(id, _)| id.to_string()).collect();
    let expected: Vec<_> = (0..listed.len()).map(|number| format!("m{number:03}")).collect();
    assert_eq!(listed, expected, "every listed member, once");
    assert!((256..1000).contains(&listed.len()), "{}", listed.len());
    assert!(delivery.is_cut_short(), "and there are more");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_of_the_invocation_is_kept() {
    let world = World::new(10);
    world.join("m", "lobby", Temper::AlwaysThrottled).await;
    let lobby = room("lobby");
    let broadcast = Broadcast::new(&lobby, FRAME).until(SystemTime::now() + Duration::from_secs(2));
    let delivery = rooms(&world).broadcast(broadcast).await.unwrap();
    assert_eq!(missed(&delivery), [("m", UndeliveredReason::Throttled)]);
    assert!(world.elapsed() <= Duration::from_secs(2));
    let broadcast = Broadcast::new(&lobby, FRAME).until(SystemTime::UNIX_EPOCH);
    let attempts = world.attempts("m");
    let delivery = rooms(&world).broadcast(broadcast).await.unwrap();
    assert!(delivery.is_cut_short() || delivery.undelivered_count() == 1);
    assert_eq!(world.attempts("m"), attempts, "the time was over before it began");
}

#[tokio::test(start_paused = true)]
async fn members_are_those_whose_token_counts() {
    let world = World::new(3);
    for number in 0..8 {
        world.join(&format!("m{number}"), "lobby", QUICK).await;
    }
    world.join_until("expired", "lobby", QUICK, T0).await;
    world.join("elsewhere", "staff", QUICK).await;
    let lobby = room("lobby");
    let rooms = rooms(&world);
    let members: Vec<_> = rooms.members(&lobby).try_collect().await.unwrap();
    let ids: Vec<_> = members
        .iter()
        .map(|member| member.connection_id.as_str())
        .collect();
    assert_eq!(ids, ["m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7"]);
}

#[tokio::test(start_paused = true)]
async fn a_frame_is_sent_to_one_connection() {
    let world = World::new(10);
    let here = world.join("here=", "lobby", Temper::Throttled(2)).await;
    let gone = world.join("gone=", "lobby", Temper::Gone).await;
    let expired = world.join_until("expired=", "lobby", QUICK, T0).await;
    let silent = world.join("silent=", "lobby", Temper::Silent).await;
    let rooms = rooms(&world);

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
    let rooms = rooms(&world);
    for _ in 0..2 {
        rooms.disconnect(&connection.id).await.unwrap();
        assert!(world.is_closed("kicked=") && !world.is_recorded("kicked=").await);
    }
    let stranger = "stranger=".parse().unwrap();
    world.exist(&stranger, QUICK);
    rooms.disconnect(&stranger).await.unwrap();
    assert!(world.is_closed("stranger="), "also who is not recorded");
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_knows_its_way_serves_every_api() {
    let world = World::new(10);
    world.join("here=", "lobby", QUICK).await;
    let lobby = room("lobby");
    let endpoint = ApiEndpoint::new("a1.execute-api.eu-west-1.amazonaws.com", "dev");
    let rooms = rooms(&world).at(&endpoint);
    let delivery = rooms.broadcast(Broadcast::new(&lobby, FRAME)).await.unwrap();
    assert_eq!(delivery.delivered(), 1);
}
