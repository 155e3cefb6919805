//! Two APIs over one table: each member is reached through the one that is recorded with it.

use room_auth::Registry as _;
use room_auth::lambda_runtime::Context;

use super::*;

#[tokio::test(start_paused = true)]
async fn each_member_is_reached_through_its_own_api_whatever_the_event_says() {
    // The events name a host of somebody else as their domain.
    let world = World::new(1);
    let here = world.join("here=", "lobby", QUICK).await;
    let there = world.join_at(&abroad(), "there=", "lobby", QUICK, T0 + 300).await;
    let gone = world
        .join_at(&abroad(), "gone=", "lobby", Temper::Gone, T0 + 300)
        .await;
    let expired = world.join_at(&abroad(), "expired=", "lobby", QUICK, T0).await;
    let (claims, invocation) = (world.claims("lobby", T0 + 300).await, Context::default());
    let rooms = world.rooms();
    let context = context(&here, "MESSAGE");
    let report = rooms
        .session(&claims, &context, &invocation)
        .broadcast(FRAME)
        .await
        .unwrap();
    assert!(report.is_complete());
    assert_eq!((report.delivered(), report.gone(), report.expired()), (2, 1, 1));
    for member in [&here, &there] {
        let id = member.id.as_str();
        assert_eq!(world.heard(id), [FRAME]);
        assert!(world.is_recorded(id).await && !world.is_closed(id), "{id}");
    }
    for member in [&gone, &expired] {
        assert!(!world.is_recorded(member.id.as_str()).await, "{member:?}");
    }
    assert!(world.is_closed("expired="), "at its own API");
    assert!(world.misdirected().is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_connection_is_reached_and_ended_through_its_own_api() {
    let world = World::new(10);
    let there = world.join_at(&abroad(), "there=", "lobby", QUICK, T0 + 300).await;
    let rooms = world.rooms();
    rooms.send(&there.id, FRAME).await.unwrap();
    assert_eq!(world.heard("there="), [FRAME]);
    rooms.disconnect(&there.id).await.unwrap();
    assert!(world.is_closed("there=") && world.misdirected().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_transport_with_a_fixed_endpoint_leaves_the_members_of_another_api_alone() {
    let world = World::new(10);
    let here = world.join("here=", "lobby", QUICK).await;
    world.join("gone=", "lobby", Temper::Gone).await;
    world.join_at(&abroad(), "there=", "lobby", QUICK, T0 + 300).await;
    world
        .join_at(&abroad(), "thereExpired=", "lobby", QUICK, T0)
        .await;
    let (claims, invocation) = (world.claims("lobby", T0 + 300).await, Context::default());
    let rooms = world.rooms_of(world.transport().fixed_at(&home()));
    let context = context(&here, "MESSAGE");
    let session = rooms.session(&claims, &context, &invocation);
    for (report, delivered, gone) in [
        (session.broadcast(FRAME).await.unwrap(), 1, 1),
        (session.notify_others(FRAME).await.unwrap(), 0, 0),
    ] {
        assert_eq!(
            (report.delivered(), report.gone(), report.expired()),
            (delivered, gone, 0)
        );
        assert_eq!(
            missed(&report),
            [
                ("there=", UndeliveredReason::OtherEndpoint),
                ("thereExpired=", UndeliveredReason::OtherEndpoint)
            ]
        );
    }
    for id in ["there=", "thereExpired="] {
        assert!(world.is_recorded(id).await && !world.is_closed(id), "{id}");
        assert_eq!(world.attempts(id), 0, "{id}");
    }
    assert!(world.misdirected().is_empty());
    session.reply(FRAME).await.unwrap();
    assert_eq!(world.heard("here="), [FRAME, FRAME]);
}

#[tokio::test(start_paused = true)]
async fn a_410_of_one_api_does_not_forget_the_same_id_at_another() {
    let world = World::new(10);
    let older = world.join("same=", "lobby", Temper::Gone).await;
    let post = async {
        // While the post to the one is under way, the other is recorded.
        tokio::time::sleep(Duration::from_millis(5)).await;
        world.registry.forget(&older).await.unwrap();
        world.join_at(&abroad(), "same=", "lobby", QUICK, T0 + 300).await
    };
    let (report, other) = tokio::join!(tell(&world, "lobby"), post);
    assert_eq!(report.gone(), 1);
    assert_eq!(world.registry.find(&older.id).await.unwrap(), Some(other));
}
