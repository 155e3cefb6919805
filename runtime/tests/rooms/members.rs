//! Who is listed.

use room_auth::Connection;
use serde_json::json;

use super::*;

#[tokio::test(start_paused = true)]
async fn members_are_those_whose_token_counts() {
    let world = World::new(3);
    for number in 0..8 {
        world.join(&format!("m{number}"), "lobby", QUICK).await;
    }
    world.join_until("expired", "lobby", QUICK, T0).await;
    world.join("elsewhere", "staff", QUICK).await;
    let lobby = room("lobby");
    let rooms = world.rooms();
    let members = rooms.members::<()>(&lobby).up_to(100).await.unwrap();
    let ids: Vec<_> = members
        .iter()
        .map(|member| member.connection_id.as_str())
        .collect();
    assert_eq!(ids, ["m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7"]);
}

#[tokio::test(start_paused = true)]
async fn a_member_whose_claims_do_not_fit_is_not_listed() {
    #[derive(Debug, serde::Deserialize)]
    struct Named {
        user: String,
    }
    let claims = |room: &str, exp: u64, user: serde_json::Value| {
        json!({"sub": room, "iat": T0 - 60, "exp": exp, "user": user}).to_string()
    };
    let exp = T0 + 300;
    let rows = [
        ("fits", claims("lobby", exp, json!("alice"))),
        ("longer", claims("lobby", exp + 1, json!("bob"))),
        ("otherRoom", claims("staff", exp, json!("eve"))),
        ("outlivesItsClaims", claims("lobby", exp - 1, json!("eve"))),
        ("otherType", claims("lobby", exp, json!(7))),
        ("noUser", payload("lobby", exp)),
        ("noJson", "{".to_owned()),
    ];
    let world = World::new(3);
    for (id, claims) in rows {
        let id = id.parse().unwrap();
        let member = Connection::new(id, home(), room("lobby"), claims, at(T0 - 60), at(exp));
        world.add(&member, QUICK).await;
    }
    let members = world
        .rooms()
        .members::<Named>(&room("lobby"))
        .up_to(100)
        .await
        .unwrap();
    let users: Vec<_> = members
        .iter()
        .map(|member| {
            (
                member.connection_id.as_str(),
                member.claims.custom().user.as_str(),
            )
        })
        .collect();
    assert_eq!(users, [("fits", "alice"), ("longer", "bob")]);
}
