//! The chat, whole: real functions behind the gateway, an embedded DynamoDB, and clients that only have what a
//! browser has.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::browser::{Browser, Events, Socket, Ticket};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use demo::{Demo, Endpoints, Options};
use hyper::StatusCode;
use room_auth::{registry::DynamoRegistry, rooms::Rooms, transport::ManagementApi};
use serde_json::{Value, json};

const REPETITIONS: usize = 1000;

async fn start(token_lifetime: u64) -> Demo {
    let options = Options {
        port: 0,
        gateway_port: 0,
        token_lifetime,
        authorizer: false,
        issuer: false,
    };
    Demo::start(options).await.unwrap()
}

fn say(text: &str) -> Value {
    json!({"action": "send", "text": text})
}

/// How often each text came as a message of this room.
fn texts(room: &str, frames: &[Value]) -> BTreeMap<String, usize> {
    let mut texts = BTreeMap::new();
    for frame in frames.iter().filter(|frame| frame["type"] == "message") {
        assert_eq!(frame["room"], room, "{frame}");
        *texts
            .entry(frame["text"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    texts
}

/// Waits until `count` messages were worked on: what they cause has been sent by then.
async fn handled(events: &mut Events, route: &str, count: usize) {
    for _ in 0..count {
        let step = events.step("function", route).await;
        assert_eq!(step["status"], 200, "{step}");
    }
}

async fn until(epoch_seconds: u64) {
    let moment = UNIX_EPOCH + Duration::from_secs(epoch_seconds);
    let left = moment.duration_since(SystemTime::now()).unwrap_or_default();
    tokio::time::sleep(left).await;
}

#[tokio::test]
async fn a_message_reaches_every_member_of_its_room_once_and_no_one_else() {
    const EACH: usize = 5;
    let demo = start(300).await;
    let alice = Browser::of(&demo.url(), "alice").await;
    let bob = Browser::of(&demo.url(), "bob").await;
    let mut events = alice.events().await;
    let mut members = [
        ("lobby", alice.join("lobby").await),
        ("lobby", bob.join("lobby").await),
        ("lobby", bob.join("lobby").await),
        ("staff", alice.join("staff").await),
        ("staff", alice.join("staff").await),
    ];
    let mut expected: BTreeMap<&str, BTreeMap<String, usize>> = BTreeMap::new();
    for round in 0..EACH {
        for (number, (room, socket)) in members.iter_mut().enumerate() {
            let text = format!("{room}: message {round} of member {number}");
            socket.send(&say(&text)).await;
            expected.entry(room).or_default().insert(text, 1);
        }
    }
    handled(&mut events, "send", EACH * members.len()).await;
    for (number, (room, socket)) in members.iter_mut().enumerate() {
        let frames = socket.until_pong().await;
        assert_eq!(texts(room, &frames), expected[room], "member {number}");
    }
    demo.stop().await;
}

#[tokio::test]
async fn messages_tell_who_said_what_where_and_when() {
    let demo = start(300).await;
    let alice = Browser::of(&demo.url(), "alice").await;
    let mut socket = alice.join("staff").await;
    let before = SystemTime::now();
    socket.send(&say("naïve “quotes” \n🦀")).await;
    let message = socket.next().await;
    socket.send(&say("again")).await;
    let next = socket.next().await;
    assert_eq!(message["type"], "message");
    assert_eq!(message["room"], "staff");
    assert_eq!(message["user"], "alice");
    assert_eq!(message["text"], "naïve “quotes” \n🦀");
    let at = UNIX_EPOCH + Duration::from_millis(message["at"].as_u64().unwrap());
    let tolerance = Duration::from_secs(1);
    assert!(
        at >= before - tolerance && at <= SystemTime::now() + tolerance,
        "{message}"
    );
    assert!(
        message["id"].as_str().is_some_and(|id| !id.is_empty()),
        "{message}"
    );
    assert_ne!(message["id"], next["id"]);
    demo.stop().await;
}

/// The members of the room, asked at once for as soon as `notice` was heard.
async fn members_at(notice: &str, socket: &mut Socket) -> Value {
    let heard = socket.next().await;
    assert_eq!(heard["type"], notice, "{heard}");
    socket.send(&json!({"action": "members"})).await;
    socket.next().await["members"].take()
}

#[tokio::test]
async fn whoever_hears_of_a_member_finds_it_and_whoever_hears_that_it_left_does_not() {
    let demo = start(300).await;
    let alice = Browser::of(&demo.url(), "alice").await;
    let bob = Browser::of(&demo.url(), "bob").await;
    let mut stays = alice.join("lobby").await;
    for visit in 0..20 {
        let visitor = bob.join("lobby").await;
        let members = members_at("joined", &mut stays).await;
        assert_eq!(members, json!(["alice", "bob"]), "visit {visit}");
        visitor.close().await;
        let members = members_at("left", &mut stays).await;
        assert_eq!(members, json!(["alice"]), "visit {visit}");
    }
    demo.stop().await;
}

#[tokio::test]
async fn coming_and_going_is_told_to_the_others_in_the_room() {
    let demo = start(300).await;
    let alice = Browser::of(&demo.url(), "alice").await;
    let bob = Browser::of(&demo.url(), "bob").await;
    let mut elsewhere = alice.join("staff").await;
    let mut first = alice.join("lobby").await;
    first.send(&json!({"action": "members"})).await;
    assert_eq!(
        first.next().await,
        json!({"type": "members", "room": "lobby", "members": ["alice"]})
    );

    let mut second = bob.join("lobby").await;
    assert_eq!(
        first.next().await,
        json!({"type": "joined", "room": "lobby", "user": "bob"})
    );
    second.send(&json!({"action": "members"})).await;
    assert_eq!(
        second.next().await,
        json!({"type": "members", "room": "lobby", "members": ["alice", "bob"]})
    );

    second.close().await;
    assert_eq!(
        first.next().await,
        json!({"type": "left", "room": "lobby", "user": "bob"})
    );
    first.send(&json!({"action": "members"})).await;
    assert_eq!(
        first.next().await,
        json!({"type": "members", "room": "lobby", "members": ["alice"]})
    );
    assert_eq!(
        elsewhere.until_pong().await,
        [] as [Value; 0],
        "the other room hears nothing of it"
    );
    demo.stop().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_an_error_for_the_sender_alone() {
    let demo = start(300).await;
    let alice = Browser::of(&demo.url(), "alice").await;
    let mut other = alice.join("lobby").await;
    let mut sender = alice.join("lobby").await;
    assert_eq!(other.next().await["type"], "joined");
    let long = say(&"é".repeat(2049)).to_string();
    for (row, text) in [
        ("a text over 4 KB", long.as_str()),
        ("no JSON", "hello"),
        ("JSON cut off", r#"{"action":"send","text":"#),
        ("no action", "{}"),
        ("an unknown action", r#"{"action":"shout","text":"hello"}"#),
        ("no text", r#"{"action":"send"}"#),
        ("a text of another type", r#"{"action":"send","text":[1]}"#),
        ("a renewal without a token", r#"{"action":"renew"}"#),
        ("a list", r#"["send"]"#),
    ] {
        sender.send_text(text).await;
        let answer = sender.next().await;
        assert_eq!(answer["type"], "error", "{row}: {answer}");
        assert!(
            answer["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty()),
            "{row}: {answer}"
        );
    }
    // 4 KB are allowed.
    let longest = "é".repeat(2048);
    sender.send(&say(&longest)).await;
    assert_eq!(sender.next().await["text"], *longest);
    assert_eq!(
        texts("lobby", &other.until_pong().await),
        BTreeMap::from([(longest, 1)])
    );
    demo.stop().await;
}

#[tokio::test]
async fn a_renewed_connection_outlives_its_first_token() {
    let demo = start(4).await;
    let alice = Browser::of(&demo.url(), "alice").await;
    let first = alice.ticket("lobby").await;
    let mut socket = Socket::open(&first).await.unwrap();
    let second = later(&alice, "lobby", first.expires_at).await;
    socket
        .send(&json!({"action": "renew", "token": second.token}))
        .await;
    assert_eq!(
        socket.next().await,
        json!({"type": "renewed", "room": "lobby", "expires_at": second.expires_at})
    );
    until(first.expires_at).await;
    socket.send(&say("still here")).await;
    assert_eq!(socket.next().await["text"], "still here");
    until(second.expires_at).await;
    socket.send(&say("and now?")).await;
    assert_eq!(
        socket.next().await,
        json!({"message": "token expired"}),
        "the second one ends too"
    );
    assert!(socket.next_or_close().await.is_err());
    demo.stop().await;
}

/// A token that ends later than another one.
async fn later(browser: &Browser, room: &str, than: u64) -> Ticket {
    loop {
        let ticket = browser.ticket(room).await;
        if ticket.expires_at > than {
            return ticket;
        }
    }
}

#[tokio::test]
async fn a_renewal_changes_neither_room_nor_user() {
    let demo = start(300).await;
    let alice = Browser::of(&demo.url(), "alice").await;
    let bob = Browser::of(&demo.url(), "bob").await;
    let mut staff = alice.join("staff").await;
    let mut socket = alice.join("lobby").await;
    for (row, token) in [
        ("another room", alice.ticket("staff").await.token),
        ("another user", bob.ticket("lobby").await.token),
        ("no token", "x".to_owned()),
    ] {
        socket.send(&json!({"action": "renew", "token": token})).await;
        let answer = socket.next().await;
        assert_eq!(answer["type"], "error", "{row}: {answer}");
        assert!(!answer.to_string().contains("eyJ"), "{row}: {answer}");
    }
    socket.send(&say("who am I?")).await;
    let message = socket.next().await;
    assert_eq!(
        (&message["room"], &message["user"]),
        (&json!("lobby"), &json!("alice"))
    );
    assert_eq!(staff.until_pong().await, [] as [Value; 0]);
    demo.stop().await;
}

#[tokio::test]
async fn after_its_end_a_token_lets_nothing_in_and_nothing_out() {
    let demo = start(4).await;
    let alice = Browser::of(&demo.url(), "alice").await;
    let bob = Browser::of(&demo.url(), "bob").await;
    let ends = alice.ticket("lobby").await;
    let mut speaks = Socket::open(&ends).await.unwrap();
    let mut listens = Socket::open(&ends).await.unwrap();
    // Somebody whose token ends later, to speak when the others must hear nothing.
    let later = later(&bob, "lobby", ends.expires_at + 1).await;
    let mut stays = Socket::open(&later).await.unwrap();
    stays.send(&say("before")).await;
    for socket in [&mut speaks, &mut listens] {
        while socket.next().await["text"] != "before" {}
    }
    until(ends.expires_at).await;
    assert!(Socket::open(&ends).await.is_err(), "a connection");
    speaks.send(&say("after, from the expired")).await;
    assert_eq!(speaks.next().await, json!({"message": "token expired"}));
    assert!(speaks.next_or_close().await.is_err());
    stays.send(&say("after, from the other")).await;
    let mut heard = Vec::new();
    while let Ok(frame) = listens.next_or_close().await {
        heard.push(frame);
    }
    assert_eq!(
        texts("lobby", &heard),
        BTreeMap::new(),
        "who only listens hears nothing, and is closed"
    );
    let heard = stays.until_pong().await;
    assert!(
        !texts("lobby", &heard).contains_key("after, from the expired"),
        "{heard:?}"
    );
    demo.stop().await;
}

#[tokio::test]
async fn whoever_is_kicked_out_is_out() {
    let demo = start(300).await;
    let alice = Browser::of(&demo.url(), "alice").await;
    let bob = Browser::of(&demo.url(), "bob").await;
    let mut stays = alice.join("lobby").await;
    let mut events = alice.events().await;
    let mut kicked = bob.join("lobby").await;
    let handshake = events.step("handshake", "$connect").await;
    let connection = handshake["connection"].as_str().unwrap().parse().unwrap();
    assert_eq!(stays.next().await["type"], "joined");

    let rooms = operator(&demo.endpoints());
    rooms.disconnect(&connection).await.unwrap();
    assert_eq!(kicked.next_or_close().await, Err(Some(1000)));
    stays.send(&json!({"action": "members"})).await;
    assert_eq!(
        stays.next().await,
        json!({"type": "members", "room": "lobby", "members": ["alice"]})
    );
    let members = rooms.members::<Value>(&"lobby".parse().unwrap());
    assert_eq!(members.up_to(2).await.unwrap().len(), 1);
    rooms
        .disconnect(&connection)
        .await
        .expect("once more is no error");
    demo.stop().await;
}

/// A program of the operator's, beside the functions.
fn operator(endpoints: &Endpoints) -> Rooms {
    let config = || {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "local", "local", None, None, "test",
            )))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
    };
    let database = config().endpoint_url(&endpoints.database).build();
    let database = aws_sdk_dynamodb::Client::new(&database);
    let connections = ManagementApi::new(&config().build())
        .and_then(|api| api.with_endpoint_url(&endpoints.connections))
        .unwrap();
    Rooms::new(DynamoRegistry::new(&database, endpoints.table), connections)
}

#[tokio::test]
async fn with_the_authorizer_in_front_it_is_the_same_chat() {
    let options = Options {
        port: 0,
        gateway_port: 0,
        token_lifetime: 300,
        authorizer: true,
        issuer: false,
    };
    let demo = Demo::start(options).await.unwrap();
    let alice = Browser::of(&demo.url(), "alice").await;
    assert_eq!(alice.get("/api/mode").await.json()["authorizer"], true);
    let mut events = alice.events().await;
    let mut socket = alice.join("lobby").await;
    let authorizer = events.step("authorizer", "$connect").await;
    let function = events.step("function", "$connect").await;
    assert_eq!(authorizer["status"], 200);
    assert_eq!(authorizer["request"], function["request"]);
    socket.send(&say("hello")).await;
    assert_eq!(socket.next().await["text"], "hello");

    let attacks = alice.get("/api/attacks").await.json();
    for attack in attacks.as_array().unwrap() {
        let path = format!("/api/attacks/{}", attack["id"].as_str().unwrap());
        let outcome = alice.post(&path, Value::Null).await.json();
        assert_eq!(outcome["refused"], true, "{outcome}");
        assert!(outcome["reason"].is_string(), "{outcome}");
    }
    let refused = events.step("authorizer", "$connect").await;
    assert_eq!(refused["status"], 401);
    assert_eq!(refused["reason"], "token_missing", "that of the first attack");
    demo.stop().await;
}

#[tokio::test]
async fn through_an_identity_provider_tokens_are_the_users_and_rooms_are_requested() {
    let options = Options {
        port: 0,
        gateway_port: 0,
        token_lifetime: 300,
        authorizer: true,
        issuer: true,
    };
    let demo = Demo::start(options).await.unwrap();
    let mut stranger = Browser::new(&demo.url());
    let wrong = stranger.log_in("alice", "bob").await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    let alice = Browser::of(&demo.url(), "alice").await;
    let bob = Browser::of(&demo.url(), "bob").await;

    let ticket = alice.ticket("staff").await;
    let [header, claims] = [0, 1].map(|part| decoded(&ticket.token, part));
    let key = alice.get("/api/key").await.json();
    assert_eq!((&header["alg"], &header["kid"]), (&json!("ES256"), &key["kid"]));
    assert_eq!(claims["sub"], "alice");
    assert_eq!(claims["rooms"], json!(["lobby", "staff"]));
    assert!(claims["iss"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    assert!(ticket.url.ends_with("/dev?room=staff"), "{}", ticket.url);

    let mut in_staff = Socket::open(&ticket).await.unwrap();
    let mut in_lobby = alice.join("lobby").await;
    let mut bobs = bob.join("lobby").await;
    assert_eq!(in_lobby.next().await["type"], "joined");
    bobs.send(&say("hello")).await;
    assert_eq!(in_lobby.next().await["text"], "hello");
    let renewal = alice.ticket("staff").await.token;
    in_staff.send(&json!({"action": "renew", "token": renewal})).await;
    assert_eq!(
        in_staff.next().await["type"],
        "renewed",
        "and nothing of the lobby"
    );

    // One token for both rooms, so joining names the one that is meant.
    let ticket = alice.ticket("staff").await.token;
    for (room, answer) in [("attic", "error"), ("staff", "entered")] {
        in_lobby
            .send(&json!({"action": "join", "room": room, "token": ticket}))
            .await;
        assert_eq!(in_lobby.next().await["type"], answer, "{room}");
    }
    assert_eq!(in_staff.next().await["type"], "joined");
    for message in [
        json!({"action": "renew", "room": "staff", "token": alice.ticket("lobby").await.token}),
        json!({"action": "send", "room": "staff", "text": "hello"}),
        json!({"action": "leave", "room": "staff"}),
    ] {
        in_lobby.send(&message).await;
        assert_eq!(in_lobby.next().await["room"], "staff", "{message}");
    }

    // The token is good for the lobby only, whatever the URL says.
    let bobs_ticket = bob.ticket("lobby").await;
    for query in ["?room=staff", "", "?room=lobby&room=staff"] {
        let url = bobs_ticket.url.replace("?room=lobby", query);
        let edited = Ticket {
            url,
            ..bobs_ticket.clone()
        };
        assert!(Socket::open(&edited).await.is_err(), "{query}");
    }
    let attacks = alice.get("/api/attacks").await.json();
    for attack in attacks.as_array().unwrap() {
        let path = format!("/api/attacks/{}", attack["id"].as_str().unwrap());
        let outcome = alice.post(&path, Value::Null).await.json();
        assert_eq!(outcome["refused"], true, "{outcome}");
        let reason = match attack["id"].as_str().unwrap() {
            "no-token" | "wrong-place" => "token_missing",
            "expired" | "after-expiry" => "expired",
            "not-yet-valid" => "not_yet_valid",
            "alg-none" | "hs256-public-key" => "algorithm",
            "two-tokens" => "several_tokens",
            "renew-other-room" => "claims",
            "replayed-ticket" => "used",
            "without-capability" => "forbidden",
            "after-logout" => "revoked",
            "other-users-token" => "other_user",
            _ => "signature",
        };
        assert_eq!(outcome["reason"], reason, "{outcome}");
    }
    demo.stop().await;
}

/// A part of a token, as JSON.
fn decoded(token: &str, part: usize) -> Value {
    let part = token.split('.').nth(part).unwrap();
    serde_json::from_slice(&room_auth_tests::forge::unb64(part)).unwrap()
}

/// One newcomer after the other.
#[tokio::test]
async fn a_newcomer_is_heard_at_once_and_gets_the_very_next_broadcast() {
    let demo = start(86_400).await;
    let alice = Browser::of(&demo.url(), "alice").await;
    let mut events = alice.events().await;
    let ticket = alice.ticket("lobby").await;
    let mut stays = Socket::open(&ticket).await.unwrap();
    for repetition in 0..REPETITIONS {
        let mut newcomer = Socket::open(&ticket).await.unwrap();
        assert_eq!(stays.next().await["type"], "joined", "{repetition}");
        // Both at once, and before anything else.
        newcomer.send(&say("from the newcomer")).await;
        stays.send(&say("to the newcomer")).await;
        for socket in [&mut newcomer, &mut stays] {
            let frames = [socket.next().await, socket.next().await];
            let both = ["from the newcomer", "to the newcomer"].map(|text| (text.to_owned(), 1));
            assert_eq!(
                texts("lobby", &frames),
                BTreeMap::from(both),
                "{repetition}: {frames:?}"
            );
        }
        newcomer.close().await;
        assert_eq!(stays.next().await["type"], "left", "{repetition}");
        // Forgotten by now. Of one who just goes, the next broadcast does not know whether to wait for them.
        events.step("function", "$disconnect").await;
    }
    demo.stop().await;
}
