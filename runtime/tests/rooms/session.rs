//! What a handler does for the connection that its event came from.

use room_auth::lambda_runtime::Context;
use tokio::time::{Instant, sleep};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_notice_makes_one_attempt_each_and_waits_for_nobody() {
    let world = World::new(10);
    let sender = world.join("sender=", "lobby", QUICK).await;
    world.join("here=", "lobby", QUICK).await;
    world.join("gone=", "lobby", Temper::Gone).await;
    world.join("throttled=", "lobby", Temper::Throttled(1)).await;
    world.join("silent=", "lobby", Temper::Silent).await;
    // Its $connect is being answered, or it left just now: API Gateway answers 410 for both.
    let soon = Temper::Connecting(Duration::from_secs(20));
    world.join("young=", "lobby", soon).await;
    let (claims, invocation) = (world.claims("lobby", T0 + 300).await, Context::default());
    let rooms = world.rooms();
    let context = context(&sender, "CONNECT");
    let began = Instant::now();
    let report = rooms
        .session(&claims, &context, &invocation)
        .notify_others(FRAME)
        .await
        .unwrap();
    assert!(began.elapsed() <= Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!((report.delivered(), report.gone()), (1, 1));
    assert_eq!(
        missed(&report),
        [
            ("silent=", UndeliveredReason::Timeout),
            ("throttled=", UndeliveredReason::Throttled),
            ("young=", UndeliveredReason::NotYetConnected),
        ]
    );
    for id in ["here=", "gone=", "throttled=", "silent=", "young="] {
        assert_eq!(world.attempts(id), 1, "{id}");
    }
    assert_eq!(world.attempts("sender="), 0);
    assert!(world.is_recorded("young=").await, "it may still come");
}

#[tokio::test(start_paused = true)]
async fn a_best_effort_broadcast_does_not_wait_for_a_young_connection() {
    let world = World::new(10);
    world
        .join("young=", "lobby", Temper::Connecting(Duration::from_millis(300)))
        .await;
    world.join("here=", "lobby", QUICK).await;
    let lobby = room("lobby");
    let broadcast = Broadcast::new(&lobby, FRAME).best_effort();
    let report = world.rooms().broadcast(broadcast).await.unwrap();
    assert_eq!(missed(&report), [("young=", UndeliveredReason::NotYetConnected)]);
    assert!(
        world.elapsed() < Duration::from_millis(50),
        "{:?}",
        world.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_can_be_replied_before_connect_has_been_answered_or_after_the_end() {
    let world = World::new(10);
    let connection = world.join("me=", "lobby", QUICK).await;
    let (claims, invocation) = (world.claims("lobby", T0 + 300).await, Context::default());
    let rooms = world.rooms();
    for (event_type, is_as_expected) in [
        (
            "CONNECT",
            (|error| matches!(error, SendError::NotYetConnected)) as fn(&SendError) -> bool,
        ),
        ("DISCONNECT", |error| {
            matches!(error, SendError::UnknownConnection)
        }),
    ] {
        let context = context(&connection, event_type);
        let error = rooms
            .session(&claims, &context, &invocation)
            .reply(FRAME)
            .await
            .unwrap_err();
        assert!(is_as_expected(&error), "{event_type}: {error:?}");
    }
    assert_eq!(world.attempts("me="), 0);
}

#[tokio::test(start_paused = true)]
async fn replies_end_with_the_claims_and_go_on_after_a_renewal() {
    for is_renewed in [false, true] {
        let world = World::new(10);
        let connection = world.join_until("me=", "lobby", QUICK, T0 + 5).await;
        let (claims, invocation) = (world.claims("lobby", T0 + 5).await, Context::default());
        let rooms = world.rooms();
        let context = context(&connection, "MESSAGE");
        let session = rooms.session(&claims, &context, &invocation);
        session.reply(FRAME).await.unwrap();
        if is_renewed {
            session
                .renew(&World::token("lobby", T0 + 300).await)
                .await
                .unwrap();
        }
        sleep(Duration::from_secs(6)).await;
        let replied = session.reply(FRAME).await;
        if is_renewed {
            replied.unwrap();
            assert_eq!(world.heard("me="), [FRAME, FRAME]);
        } else {
            assert!(matches!(replied, Err(SendError::Expired)), "{replied:?}");
            assert_eq!(world.heard("me="), [FRAME]);
        }
    }
}
