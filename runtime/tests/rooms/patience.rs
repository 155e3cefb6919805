//! What is tried again, for how long, and at whose cost.

use room_auth::Deadline;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_connection_whose_connect_is_still_being_answered_is_tried_again() {
    // However the delays are drawn.
    for seed in 0..200 {
        fastrand::seed(seed);
        let world = World::new(10);
        let soon = Temper::Connecting(Duration::from_millis(300));
        world.join("soon=", "lobby", soon).await;
        let later = Temper::Connecting(Duration::from_secs(20));
        world.join("later=", "lobby", later).await;
        let delivery = tell(&world, "lobby").await;
        assert_eq!(world.heard("soon="), [FRAME], "{seed}");
        assert_eq!(
            missed(&delivery),
            [("later=", UndeliveredReason::NotYetConnected)]
        );
        assert!(world.is_recorded("later=").await, "it may still come");
        assert!(world.elapsed() < Duration::from_secs(2));
    }
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
        let lobby = room("lobby");
        let rooms = world.rooms().with_concurrency(64);
        let delivery = rooms.broadcast(Broadcast::new(&lobby, FRAME)).await.unwrap();
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
        // More than there are slots: until they are known to be slow they hold all of them.
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
    assert!(
        world.most_under_way() <= Rooms::DEFAULT_CONCURRENCY + 256,
        "{}",
        world.most_under_way()
    );
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
    let rooms = world
        .rooms()
        .with_concurrency(1)
        .with_budget(Duration::from_millis(55));
    let delivery = rooms.broadcast(Broadcast::new(&lobby, FRAME)).await.unwrap();
    assert!(!delivery.is_complete());
    let elapsed = world.elapsed();
    assert!(elapsed <= Duration::from_millis(60), "{elapsed:?}");
    let listed: Vec<_> = missed(&delivery).iter().map(|(id, _)| id.to_string()).collect();
    let expected: Vec<_> = (0..listed.len()).map(|number| format!("m{number:03}")).collect();
    assert_eq!(listed, expected, "every listed member, once");
    // The next page is asked for when 64 members are left.
    assert!((64..1000).contains(&listed.len()), "{}", listed.len());
    assert!(delivery.is_truncated(), "and there are more");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_of_the_invocation_is_kept() {
    let world = World::new(10);
    world.join("m", "lobby", Temper::AlwaysThrottled).await;
    let lobby = room("lobby");
    let broadcast = Broadcast::new(&lobby, FRAME).until(Deadline::after(Duration::from_secs(2)));
    let delivery = world.rooms().broadcast(broadcast).await.unwrap();
    assert_eq!(missed(&delivery), [("m", UndeliveredReason::Throttled)]);
    assert!(world.elapsed() <= Duration::from_secs(2));
    let broadcast = Broadcast::new(&lobby, FRAME).until(Deadline::after(Duration::ZERO));
    let attempts = world.attempts("m");
    let delivery = world.rooms().broadcast(broadcast).await.unwrap();
    assert!(delivery.is_truncated() || delivery.undelivered_count() == 1);
    assert_eq!(world.attempts("m"), attempts, "the time was over before it began");
}

#[tokio::test(start_paused = true)]
async fn a_time_without_end_is_no_reason_to_panic() {
    let world = World::new(10);
    let connection = world.join("here=", "lobby", QUICK).await;
    let lobby = room("lobby");
    let rooms = world
        .rooms()
        .with_budget(Duration::MAX)
        .with_attempt_timeout(Duration::MAX);
    let delivery = rooms.broadcast(Broadcast::new(&lobby, FRAME)).await.unwrap();
    assert_eq!(delivery.delivered(), 1);
    rooms.send(&connection.id, FRAME).await.unwrap();
    rooms.disconnect(&connection.id).await.unwrap();
}
