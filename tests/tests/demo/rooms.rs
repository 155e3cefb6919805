//! Several rooms in one connection, and what a token allows in each.

use std::collections::BTreeMap;

use super::browser::{Browser, Events, Socket, Ticket};
use demo::{Demo, Options};
use serde_json::{Value, json};

const ROOMS: [&str; 8] = ["lobby", "staff", "r3", "r4", "r5", "r6", "r7", "r8"];

async fn start() -> Demo {
    let options = Options {
        port: 0,
        gateway_port: 0,
        token_lifetime: 300,
        authorizer: false,
        issuer: false,
    };
    Demo::start(options).await.unwrap()
}

/// A token for any room.
async fn token(demo: &Demo, room: &str, claims: &Value) -> String {
    let issued = demo.issuer().issue(&room.parse().unwrap(), claims).await;
    issued.unwrap().as_str().to_owned()
}

/// A connection by a token for any room.
async fn connect(demo: &Demo, url: &str, room: &str, claims: &Value) -> Socket {
    let ticket = Ticket {
        token: token(demo, room, claims).await,
        url: url.to_owned(),
        expires_at: 0,
    };
    Socket::open(&ticket).await.unwrap()
}

async fn join(socket: &mut Socket, room: &str, token: &str) {
    socket.send(&json!({"action": "join", "token": token})).await;
    assert_eq!(socket.next().await, json!({"type": "entered", "room": room}));
}

/// Alice, in all of the rooms by one connection.
async fn everywhere(demo: &Demo, url: &str) -> Socket {
    let alice = json!({"user": "alice"});
    let mut socket = connect(demo, url, ROOMS[0], &alice).await;
    for room in &ROOMS[1..] {
        join(&mut socket, room, &token(demo, room, &alice).await).await;
    }
    socket
}

fn say(room: &str, text: &str) -> Value {
    json!({"action": "send", "room": room, "text": text})
}

/// How often each message came.
fn messages(frames: &[Value]) -> BTreeMap<(String, String), usize> {
    let mut messages = BTreeMap::new();
    for frame in frames.iter().filter(|frame| frame["type"] == "message") {
        let [room, text] = ["room", "text"].map(|name| frame[name].as_str().unwrap().to_owned());
        *messages.entry((room, text)).or_default() += 1;
    }
    messages
}

#[tokio::test]
async fn a_connection_in_eight_rooms_hears_and_speaks_in_each_of_them_once() {
    let demo = start().await;
    let watcher = Browser::of(&demo.url(), "alice").await;
    let url = watcher.ticket("lobby").await.url;
    let mut events = watcher.events().await;
    let mut alice = everywhere(&demo, &url).await;
    let mut bobs = Vec::new();
    for room in ROOMS {
        bobs.push(connect(&demo, &url, room, &json!({"user": "bob"})).await);
        let joined = json!({"type": "joined", "room": room, "user": "bob"});
        assert_eq!(alice.next().await, joined);
    }
    let once = |room: &str, text: &str| ((room.to_owned(), text.to_owned()), 1);
    let mut expected = BTreeMap::new();
    for (room, bob) in ROOMS.iter().zip(&mut bobs) {
        bob.send(&say(room, "from bob")).await;
        alice.send(&say(room, "from alice")).await;
        expected.extend([once(room, "from bob"), once(room, "from alice")]);
    }
    for _ in 0..2 * ROOMS.len() {
        assert_eq!(events.step("function", "send").await["status"], 200);
    }
    assert_eq!(messages(&alice.until_pong().await), expected);
    for (room, bob) in ROOMS.iter().zip(&mut bobs) {
        let own = BTreeMap::from([once(room, "from bob"), once(room, "from alice")]);
        assert_eq!(messages(&bob.until_pong().await), own, "{room}");
    }
    // Without a room, that of the first token is meant.
    alice.send(&json!({"action": "send", "text": "where?"})).await;
    assert_eq!(alice.next().await["room"], ROOMS[0]);

    alice.close().await;
    for (room, bob) in ROOMS.iter().zip(&mut bobs) {
        let left = json!({"type": "left", "room": room, "user": "alice"});
        let mut heard = bob.next().await;
        if heard["type"] == "message" {
            heard = bob.next().await;
        }
        assert_eq!(heard, left);
    }
    demo.stop().await;
}

/// How many requests the database gets for a message.
async fn requests_of(message: &Value, socket: &mut Socket, events: &mut Events) -> usize {
    socket.send(message).await;
    let mut requests = 0;
    loop {
        let of_messages = |event: &Value| event["route"] == "send";
        match events.find(of_messages).await["step"].as_str() {
            Some("dynamodb") => requests += 1,
            Some("function") => return requests,
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_message_costs_no_more_for_all_the_rooms_that_its_connection_is_in() {
    let demo = start().await;
    let alice = Browser::of(&demo.url(), "alice").await;
    let url = alice.ticket("lobby").await.url;
    let mut events = alice.events().await;
    let mut in_one = connect(&demo, &url, "r0", &json!({"user": "alice"})).await;
    let mut in_eight = everywhere(&demo, &url).await;
    let one = requests_of(&say("r0", "hello"), &mut in_one, &mut events).await;
    assert!(one >= 2, "who speaks, and who hears it: {one}");
    for room in ["lobby", "r8"] {
        let eight = requests_of(&say(room, "hello"), &mut in_eight, &mut events).await;
        assert!(
            eight * 5 <= one * 6,
            "{room}: {eight} with eight rooms, {one} with one"
        );
    }
    demo.stop().await;
}

#[tokio::test]
async fn whoever_joins_is_found_there_at_once_and_hears_nothing_more_after_leaving() {
    let demo = start().await;
    let alice = Browser::of(&demo.url(), "alice").await;
    let mut stays = alice.join("staff").await;
    let mut comes = alice.join("lobby").await;
    let other = json!({"user": "bob"});
    let mut bob = connect(&demo, &alice.ticket("lobby").await.url, "lobby", &other).await;
    assert_eq!(comes.next().await["type"], "joined");
    for visit in 0..3 {
        join(&mut bob, "staff", &token(&demo, "staff", &other).await).await;
        let joined = json!({"type": "joined", "room": "staff", "user": "bob"});
        assert_eq!(stays.next().await, joined, "visit {visit}");
        stays.send(&json!({"action": "members"})).await;
        assert_eq!(stays.next().await["members"], json!(["alice", "bob"]));
        bob.send(&json!({"action": "members", "room": "staff"})).await;
        let members = json!({"type": "members", "room": "staff", "members": ["alice", "bob"]});
        assert_eq!(bob.next().await, members);
        // Again for a room that it is in: another token, and nobody is told.
        join(&mut bob, "staff", &token(&demo, "staff", &other).await).await;

        bob.send(&json!({"action": "leave", "room": "staff"})).await;
        assert_eq!(bob.next().await, json!({"type": "exited", "room": "staff"}));
        let left = json!({"type": "left", "room": "staff", "user": "bob"});
        assert_eq!(stays.next().await, left, "visit {visit}");
        stays.send(&json!({"action": "members"})).await;
        assert_eq!(stays.next().await["members"], json!(["alice"]));
        stays.send(&say("staff", "he has gone")).await;
        assert_eq!(stays.next().await["text"], "he has gone");
        assert_eq!(bob.until_pong().await, [] as [Value; 0], "visit {visit}");
    }
    for (row, message, answer) in [
        ("speaking where one was", say("staff", "x"), "error"),
        (
            "members of a room where one was",
            json!({"action": "members", "room": "staff"}),
            "error",
        ),
        (
            "leaving once more",
            json!({"action": "leave", "room": "staff"}),
            "exited",
        ),
        (
            "leaving the first room",
            json!({"action": "leave", "room": "lobby"}),
            "error",
        ),
        ("leaving no room", json!({"action": "leave"}), "error"),
        ("joining without a token", json!({"action": "join"}), "error"),
        ("a room that is none", say("no room", "x"), "error"),
    ] {
        bob.send(&message).await;
        assert_eq!(bob.next().await["type"], answer, "{row}");
    }
    assert_eq!(stays.until_pong().await, [] as [Value; 0], "nobody heard of that");
    assert_eq!(comes.until_pong().await, [] as [Value; 0]);
    demo.stop().await;
}

#[tokio::test]
async fn a_token_for_a_further_room_is_checked_like_the_first() {
    let demo = start().await;
    let alice = Browser::of(&demo.url(), "alice").await;
    let bob = Browser::of(&demo.url(), "bob").await;
    let mut staff = alice.join("staff").await;
    let mut socket = bob.join("lobby").await;
    let foreign = alice.ticket("staff").await.token;
    let expired = {
        let [header, _, signature] = [0, 1, 2].map(|part| foreign.split('.').nth(part).unwrap());
        format!("{header}.e30.{signature}")
    };
    for (row, token) in [
        ("another user's", &*foreign),
        ("another payload", &*expired),
        ("none", "x"),
    ] {
        for message in [
            json!({"action": "join", "token": token}),
            json!({"action": "join", "room": "staff", "token": token}),
            json!({"action": "renew", "token": token}),
            json!({"action": "renew", "room": "staff", "token": token}),
        ] {
            socket.send(&message).await;
            let answer = socket.next().await;
            assert_eq!(answer["type"], "error", "{row}: {answer}");
            assert!(!answer.to_string().contains("eyJ"), "{row}: {answer}");
        }
    }
    let own = token(&demo, "staff", &json!({"user": "bob"})).await;
    for message in [
        json!({"action": "join", "room": "lobby", "token": own}),
        json!({"action": "renew", "token": own}),
    ] {
        socket.send(&message).await;
        assert_eq!(
            socket.next().await["type"],
            "error",
            "not for that room: {message}"
        );
    }
    socket.send(&say("staff", "am I in?")).await;
    assert_eq!(socket.next().await["type"], "error");
    assert_eq!(staff.until_pong().await, [] as [Value; 0]);

    // It is renewed there, and not where the connection began.
    join(&mut socket, "staff", &own).await;
    let next = token(&demo, "staff", &json!({"user": "bob", "can": ["members"]})).await;
    socket.send(&json!({"action": "renew", "token": next})).await;
    let renewed = socket.next().await;
    assert_eq!(
        (&renewed["type"], &renewed["room"]),
        (&json!("renewed"), &json!("staff"))
    );
    assert!(renewed["expires_at"].is_u64(), "{renewed}");
    socket.send(&say("staff", "only by the old one")).await;
    assert_eq!(socket.next().await["type"], "error");
    socket.send(&say("lobby", "here I may")).await;
    assert_eq!(socket.next().await["text"], "here I may");
    demo.stop().await;
}

#[tokio::test]
async fn whoever_may_only_read_reads() {
    let demo = start().await;
    let bob = Browser::of(&demo.url(), "bob").await;
    let eve = Browser::of(&demo.url(), "eve").await;
    let mut bobs = bob.join("lobby").await;
    let mut eves = eve.join("lobby").await;
    assert_eq!(bobs.next().await["user"], "eve");
    for message in [
        json!({"action": "send", "text": "let me speak"}),
        say("lobby", "let me speak"),
    ] {
        eves.send(&message).await;
        assert_eq!(
            eves.next().await,
            json!({"type": "error", "message": "your token does not allow this"})
        );
    }
    assert_eq!(bobs.until_pong().await, [] as [Value; 0], "nobody hears it");
    bobs.send(&json!({"action": "send", "text": "hello"})).await;
    assert_eq!(eves.next().await["text"], "hello");
    eves.send(&json!({"action": "members"})).await;
    assert_eq!(eves.next().await["members"], json!(["bob", "eve"]));
    eves.send(&json!({"action": "renew", "token": eve.ticket("lobby").await.token}))
        .await;
    assert_eq!(eves.next().await["type"], "renewed");
    eves.send(&say("lobby", "and now?")).await;
    assert_eq!(eves.next().await["type"], "error");
    demo.stop().await;
}
