//! Who hears a frame, and how often.

use room_auth::Registry as _;
use room_auth::registry::Written;
use room_auth::transport::MAX_MESSAGE_BYTES;

use super::*;

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
    let sender = world.join("sender=", "lobby", QUICK).await;
    world.join("other=", "lobby", QUICK).await;
    let lobby = room("lobby");
    let broadcast = Broadcast::new(&lobby, FRAME).except(&sender.id);
    let delivery = world.rooms().broadcast(broadcast).await.unwrap();
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
    let rooms = world.rooms().with_concurrency(8);
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
        home(),
        room("staff"),
        payload("staff", T0 + 300),
        older.connected_at + Duration::from_millis(1),
        at(T0 + 300),
    );
    let forget = async {
        // While the post is under way.
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(world.registry.record(&newer, None).await.unwrap(), Written::Done);
    };
    let (delivery, ()) = tokio::join!(tell(&world, "lobby"), forget);
    assert_eq!(delivery.gone(), 1);
    assert_eq!(world.registry.find(&older.id).await.unwrap(), Some(newer));
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
async fn a_frame_of_more_than_128_kb_is_refused_before_anything_is_sent() {
    let world = World::new(10);
    let connection = world.join("here=", "lobby", QUICK).await;
    let lobby = room("lobby");
    let rooms = world.rooms();
    let frame = "x".repeat(MAX_MESSAGE_BYTES - "\"\"".len());
    let delivery = rooms.broadcast(Broadcast::new(&lobby, &frame)).await.unwrap();
    assert_eq!(delivery.delivered(), 1);
    let frame = frame + "x";
    let refused = rooms.broadcast(Broadcast::new(&lobby, &frame)).await.unwrap_err();
    assert!(matches!(refused, SendError::TooLarge(_)));
    let refused = rooms.send(&connection.id, &frame).await.unwrap_err();
    assert!(matches!(refused, SendError::TooLarge(_)));
    assert_eq!(world.attempts("here="), 1);
}
