//! Joining and leaving rooms, and what reaches whom then.

use std::sync::atomic::AtomicBool;

use room_auth::lambda_runtime::Context;
use room_auth::rooms::{MembershipError, Session};
use tokio::time::sleep;

use super::*;

impl World {
    /// Does something as the handler of a message of `connection` does.
    pub(crate) async fn as_handler<R>(
        &self,
        rooms: &Rooms,
        connection: &room_auth::Connection,
        act: impl AsyncFnOnce(&Session<'_>) -> R,
    ) -> R {
        let claims = self.claims(connection.room.as_str(), T0 + 300).await;
        let (context, invocation) = (context(connection, "MESSAGE"), Context::default());
        act(&rooms.session(&claims, &context, &invocation)).await
    }

    pub(crate) async fn enter(&self, connection: &room_auth::Connection, name: &str, exp: u64) {
        let token = Self::token(name, exp).await;
        self.as_handler(&self.rooms(), connection, async |session| {
            let claims = session.join(&token).await.unwrap();
            assert_eq!(claims.room_id(), &room(name));
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_in_eight_rooms_hears_each_of_them_once() {
    let world = World::new(3);
    let connection = world.join("me=", "room0", QUICK).await;
    for number in 1..8 {
        world.enter(&connection, &format!("room{number}"), T0 + 300).await;
    }
    world.join("other=", "room3", QUICK).await;
    for number in 0..8 {
        let report = tell(&world, &format!("room{number}")).await;
        assert!(report.is_complete());
        assert_eq!(report.delivered(), if number == 3 { 2 } else { 1 }, "{number}");
    }
    assert_eq!(world.heard("me=").len(), 8);
    assert_eq!(tell(&world, "room8").await.delivered(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_is_told_so_even_if_the_answer_of_the_registry_was_lost() {
    let world = World::new(10);
    let connection = world.join("me=", "lobby", QUICK).await;
    world.enter(&connection, "staff", T0 + 300).await;
    let registry = one::LosesAnswer(world.registry.clone(), AtomicBool::new(true));
    let rooms = Rooms::new(registry, world.transport()).with_verifier(world.verifier());
    let left = async |session: &Session<'_>| session.leave(&room("staff")).await.unwrap();
    assert!(world.as_handler(&rooms, &connection, left).await);
    assert!(!world.as_handler(&rooms, &connection, left).await, "left already");
}

#[tokio::test(start_paused = true)]
async fn who_has_left_hears_nothing_and_stays_in_the_others() {
    let world = World::new(10);
    let connection = world.join("me=", "lobby", QUICK).await;
    world.enter(&connection, "staff", T0 + 300).await;
    let rooms = world.rooms();
    world
        .as_handler(&rooms, &connection, async |session| {
            assert!(session.leave(&room("staff")).await.unwrap());
            assert!(!session.leave(&room("staff")).await.unwrap(), "left already");
            assert!(!session.leave(&room("never")).await.unwrap(), "never joined");
            let error = session.leave(&room("lobby")).await.unwrap_err();
            assert!(matches!(error, MembershipError::OwnRoom), "{error:?}");
            assert!(error.is_refusal());
        })
        .await;
    assert_eq!(tell(&world, "staff").await.delivered(), 0);
    assert_eq!(tell(&world, "lobby").await.delivered(), 1);
    assert_eq!(world.heard("me="), [FRAME]);
}

#[tokio::test(start_paused = true)]
async fn a_membership_lapses_by_itself_and_the_connection_stays() {
    let world = World::new(10);
    let connection = world.join("me=", "lobby", QUICK).await;
    world.enter(&connection, "staff", T0 + 100).await;
    sleep(Duration::from_secs(99)).await;
    assert_eq!(tell(&world, "staff").await.delivered(), 1);
    sleep(Duration::from_secs(1)).await;
    let report = tell(&world, "staff").await;
    assert_eq!((report.delivered(), report.expired()), (0, 1));
    assert!(report.is_complete());
    assert!(!world.is_closed("me=") && world.is_recorded("me=").await);
    assert_eq!(
        tell(&world, "staff").await.expired(),
        0,
        "it is not listed any more"
    );
    assert_eq!(tell(&world, "lobby").await.delivered(), 1);
    assert_eq!(world.heard("me=").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_membership_does_not_outlast_the_connections_own_token_unless_that_is_renewed() {
    for is_renewed in [false, true] {
        let world = World::new(10);
        let connection = world.join("me=", "lobby", QUICK).await;
        world.enter(&connection, "staff", T0 + 3000).await;
        if is_renewed {
            let token = World::token("lobby", T0 + 600).await;
            world
                .as_handler(&world.rooms(), &connection, async |session| {
                    session.renew(&token).await.unwrap();
                })
                .await;
        }
        sleep(Duration::from_mins(5)).await;
        let report = tell(&world, "staff").await;
        let expected = u64::from(is_renewed);
        assert_eq!((report.delivered(), report.expired()), (expected, 1 - expected));
        assert_eq!(world.is_closed("me="), !is_renewed);
        assert_eq!(world.is_recorded("me=").await, is_renewed);
    }
}

#[tokio::test(start_paused = true)]
async fn joining_again_renews_the_membership() {
    let world = World::new(10);
    let connection = world.join("me=", "lobby", QUICK).await;
    world.enter(&connection, "staff", T0 + 100).await;
    let (longer, rooms) = (World::token("staff", T0 + 250).await, world.rooms());
    let other = World::token("night", T0 + 250).await;
    world
        .as_handler(&rooms, &connection, async |session| {
            session
                .join(&World::token("staff", T0 + 100).await)
                .await
                .unwrap();
            let staff = session.in_room(&room("staff")).unwrap();
            let error = staff.renew(&other).await.unwrap_err();
            assert!(matches!(error, MembershipError::OtherRoom), "{error:?}");
            assert_eq!(staff.renew(&longer).await.unwrap().expires_at(), at(T0 + 250));
            // Who has left meanwhile does not come back by a renewal.
            assert!(session.leave(&room("staff")).await.unwrap());
            let error = staff.renew(&longer).await.unwrap_err();
            assert!(matches!(error, MembershipError::UnknownConnection), "{error:?}");
            session.join(&longer).await.unwrap();
        })
        .await;
    sleep(Duration::from_secs(200)).await;
    assert_eq!(tell(&world, "staff").await.delivered(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_of_another_room_speaks_there() {
    let world = World::new(10);
    let connection = world.join("me=", "lobby", QUICK).await;
    world.join("staff=", "staff", QUICK).await;
    world.join("lobby=", "lobby", QUICK).await;
    let rooms = world.rooms();
    let token = World::token("staff", T0 + 200).await;
    world
        .as_handler(&rooms, &connection, async |session| {
            assert!(session.in_room(&room("staff")).is_none(), "not yet");
            session.join(&token).await.unwrap();
            assert_eq!(session.rooms(), [room("lobby"), room("staff")]);
            let staff = session.in_room(&room("staff")).unwrap();
            assert_eq!(staff.claims().room_id(), &room("staff"));
            assert_eq!(staff.broadcast("to staff").await.unwrap().delivered(), 2);
            assert_eq!(staff.notify_others("a notice").await.unwrap().delivered(), 1);
            assert_eq!(staff.members::<()>().up_to(10).await.unwrap().len(), 2);
            staff.reply("to me").await.unwrap();
            let lobby = staff.in_room(&room("lobby")).unwrap();
            assert_eq!(lobby.claims(), session.claims());
            assert_eq!(lobby.broadcast("to all").await.unwrap().delivered(), 2);
        })
        .await;
    assert_eq!(world.heard("staff="), ["to staff", "a notice"]);
    assert_eq!(world.heard("lobby="), ["to all"]);
    assert_eq!(world.heard("me="), ["to staff", "to me", "to all"]);
}

#[tokio::test(start_paused = true)]
async fn members_have_their_claims_for_that_room() {
    let world = World::new(10);
    let connection = world.join("me=", "lobby", QUICK).await;
    world.enter(&connection, "staff", T0 + 200).await;
    let rooms = world.rooms();
    for (name, exp) in [("lobby", 300), ("staff", 200)] {
        let members = rooms.members::<()>(&room(name)).up_to(10).await.unwrap();
        assert_eq!(members.len(), 1);
        assert_eq!(members[0].claims.room_id(), &room(name));
        assert_eq!(members[0].claims.expires_at(), at(T0 + exp));
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_in_as_many_rooms_as_it_may_be_and_what_has_lapsed_makes_room() {
    let world = World::new(10);
    let connection = world.join("me=", "lobby", QUICK).await;
    let rooms = world.rooms().with_max_rooms(2);
    let token = async |name: &str, exp| World::token(name, exp).await;
    world
        .as_handler(&rooms, &connection, async |session| {
            session.join(&token("one", T0 + 10).await).await.unwrap();
            session.join(&token("two", T0 + 200).await).await.unwrap();
            let three = token("three", T0 + 200).await;
            let error = session.join(&three).await.unwrap_err();
            assert!(matches!(error, MembershipError::TooManyRooms(2)), "{error:?}");
            session
                .join(&token("two", T0 + 250).await)
                .await
                .expect("it is in it");
            session
                .join(&token("lobby", T0 + 250).await)
                .await
                .expect("its own room");
            sleep(Duration::from_secs(10)).await;
            session.join(&three).await.expect("the first has lapsed");
            assert_eq!(session.rooms(), ["lobby", "three", "two"].map(room));
        })
        .await;
    assert_eq!(tell(&world, "one").await.expired(), 0, "not listed any more");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_joined_or_left_before_connect_has_been_answered_or_after_the_end() {
    let world = World::new(10);
    let connection = world.join("me=", "lobby", QUICK).await;
    let (claims, invocation) = (world.claims("lobby", T0 + 300).await, Context::default());
    let (rooms, token) = (world.rooms(), World::token("staff", T0 + 300).await);
    let at_connect = context(&connection, "CONNECT");
    let session = rooms.session(&claims, &at_connect, &invocation);
    for error in [
        session.join(&token).await.unwrap_err(),
        session.leave(&room("staff")).await.unwrap_err(),
    ] {
        assert!(matches!(error, MembershipError::NotYetConnected), "{error:?}");
        assert!(!error.is_refusal(), "the handler's mistake");
    }
    rooms.disconnect(&connection.id).await.unwrap();
    let error = world
        .as_handler(&rooms, &connection, async |session| session.join(&token).await)
        .await
        .unwrap_err();
    assert!(matches!(error, MembershipError::UnknownConnection), "{error:?}");
    assert!(!world.is_recorded("me=").await);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_would_not_connect_does_not_join() {
    let world = World::new(10);
    let connection = world.join("me=", "lobby", QUICK).await;
    let rooms = world.rooms();
    let good = World::token("staff", T0 + 300).await;
    let room_of_staff = room("staff");
    world
        .as_handler(&rooms, &connection, async |session| {
            for bad in ["", "not.a.token", &good[..good.len() - 4], &"x".repeat(5000)] {
                let error = session.join(bad).await.unwrap_err();
                assert!(matches!(error, MembershipError::Token(_)), "{error:?}");
            }
            let error = session.join_requested(&good, &room("night")).await.unwrap_err();
            assert!(matches!(error, MembershipError::OtherRoom), "{error:?}");
            assert_eq!(session.rooms(), [room("lobby")]);
            session.join_requested(&good, &room_of_staff).await.unwrap();
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn ending_a_connection_takes_it_out_of_all_rooms() {
    let world = World::new(10);
    let connection = world.join("me=", "lobby", QUICK).await;
    world.enter(&connection, "staff", T0 + 300).await;
    world.rooms().disconnect(&connection.id).await.unwrap();
    assert!(world.is_closed("me="));
    for name in ["lobby", "staff"] {
        let report = tell(&world, name).await;
        assert_eq!(
            (report.delivered(), report.gone(), report.expired()),
            (0, 0, 0),
            "{name}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_gone_is_forgotten_in_all_rooms() {
    let world = World::new(10);
    let connection = world.join("me=", "lobby", QUICK).await;
    world.enter(&connection, "staff", T0 + 300).await;
    world.set_temper(&connection.id, Temper::Gone);
    assert_eq!(tell(&world, "staff").await.gone(), 1);
    assert!(!world.is_recorded("me=").await);
    assert_eq!(tell(&world, "lobby").await.gone(), 0);
}
