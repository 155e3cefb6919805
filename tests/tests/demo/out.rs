//! Putting users out, by their own wish or by a moderator's.

use super::browser::{Answer, Browser, Socket};
use demo::{Demo, Options};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

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

async fn log_out_everywhere(browser: &Browser) -> Answer {
    browser.post("/api/logout-everywhere", Value::Null).await
}

async fn is_put_out(socket: &mut Socket) {
    loop {
        match socket.next_or_close().await {
            Ok(frame) if frame == json!({"message": "revoked"}) => break,
            Ok(frame) => assert_eq!(frame["type"], "joined", "{frame}"),
            Err(code) => panic!("closed with {code:?} and not told why"),
        }
    }
    assert!(socket.next_or_close().await.is_err(), "closed");
}

async fn speaks(socket: &mut Socket) {
    socket
        .send(&json!({"action": "send", "text": "still here"}))
        .await;
    while socket.next().await["text"] != "still here" {}
}

#[tokio::test]
async fn a_log_out_everywhere_ends_all_of_the_user_and_nothing_else() {
    let demo = start().await;
    let laptop = Browser::of(&demo.url(), "alice").await;
    let mut phone = Browser::of(&demo.url(), "alice").await;
    let bob = Browser::of(&demo.url(), "bob").await;
    let mut bobs = bob.join("lobby").await;
    let mut alices = [
        laptop.join("lobby").await,
        laptop.join("staff").await,
        phone.join("lobby").await,
    ];
    let staff = phone.ticket("staff").await;
    alices[2]
        .send(&json!({"action": "join", "token": staff.token}))
        .await;
    while alices[2].next().await["type"] != "entered" {}
    let unused = phone.ticket("lobby").await;

    let answer = log_out_everywhere(&laptop).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let ended = json!({"ended": 3, "not_ended": 0, "is_complete": true});
    assert_eq!(answer.json(), ended);
    assert!(answer.header("set-cookie").starts_with("session=;"), "{answer:?}");
    for socket in &mut alices {
        is_put_out(socket).await;
    }
    for ticket in [&staff, &unused] {
        let refused = Socket::open(ticket).await.err();
        assert_eq!(refused, Some(StatusCode::UNAUTHORIZED), "a token from before");
    }
    for browser in [&laptop, &phone] {
        for path in ["/api/token", "/api/logout-everywhere"] {
            let answer = browser.post(path, json!({"room": "lobby"})).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        }
    }
    let left = json!({"type": "left", "room": "lobby", "user": "alice"});
    while bobs.next().await != left {}
    speaks(&mut bobs).await;
    bobs.send(&json!({"action": "members"})).await;
    assert_eq!(bobs.next().await["members"], json!(["bob"]));

    // At once, and again: what is issued from now on is good.
    for _ in 0..2 {
        assert_eq!(
            phone.log_in("alice", "alice").await.status,
            StatusCode::NO_CONTENT
        );
        let mut again = phone.join("lobby").await;
        speaks(&mut again).await;
        assert_eq!(log_out_everywhere(&phone).await.json()["ended"], 1);
        is_put_out(&mut again).await;
    }
    demo.stop().await;
}

/// The first of them makes the token wait for the next second, and the other comes while it does.
#[tokio::test]
async fn no_token_is_good_that_was_asked_for_before_a_log_out_everywhere() {
    let demo = start().await;
    let mut alice = Browser::of(&demo.url(), "alice").await;
    log_out_everywhere(&alice).await;
    alice.log_in("alice", "alice").await;
    let body = json!({"room": "lobby"});
    let (asked, _) = tokio::join!(alice.post("/api/token", body), log_out_everywhere(&alice));
    if asked.status == StatusCode::OK {
        let ticket = serde_json::from_slice(&asked.bytes).unwrap();
        let refused = Socket::open(&ticket).await.err();
        assert_eq!(refused, Some(StatusCode::UNAUTHORIZED));
    } else {
        assert_eq!(asked.status, StatusCode::UNAUTHORIZED);
    }
    demo.stop().await;
}

#[tokio::test]
async fn whoever_is_put_out_stays_out_until_let_in() {
    let demo = start().await;
    let alice = Browser::of(&demo.url(), "alice").await;
    let mut bob = Browser::of(&demo.url(), "bob").await;
    let mut alices = alice.join("lobby").await;
    let mut bobs = bob.join("lobby").await;
    let ticket = bob.ticket("lobby").await;
    let stranger = Browser::new(&demo.url());
    let elsewhere = [("origin", "https://evil.example")];
    let named = |user: &str| json!({"user": user});
    for path in ["/api/put-out", "/api/let-in"] {
        for (row, browser, headers, user, status) in [
            ("nobody", &stranger, &[][..], "bob", 401),
            ("no moderator", &bob, &[], "alice", 403),
            ("no moderator, oneself", &bob, &[], "bob", 403),
            ("another page", &alice, &elsewhere, "bob", 403),
            ("no such user", &alice, &[], "mallory", 404),
        ] {
            let answer = browser
                .request(Method::POST, path, headers, Some(named(user)))
                .await;
            assert_eq!(answer.status.as_u16(), status, "{path}, {row}");
        }
        let answer = alice.post(path, json!({})).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
    }
    let answer = alice.post("/api/put-out", named("alice")).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "a moderator");
    assert_eq!(bob.get("/api/put-out").await.status, StatusCode::FORBIDDEN);
    let nobody = json!({"out": [], "in": ["bob", "eve"]});
    assert_eq!(alice.get("/api/put-out").await.json(), nobody);
    speaks(&mut bobs).await;

    let answer = alice.post("/api/put-out", named("bob")).await;
    let ended = json!({"ended": 1, "not_ended": 0, "is_complete": true});
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, ended));
    is_put_out(&mut bobs).await;
    assert!(Socket::open(&ticket).await.is_err(), "a token from before");
    assert_eq!(bob.get("/api/session").await.status, StatusCode::UNAUTHORIZED);
    bob.log_in("bob", "bob").await;
    let answer = bob.post("/api/token", json!({"room": "lobby"})).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.json(), json!({"message": "bob has been put out."}));
    let out = json!({"out": ["bob"], "in": ["eve"]});
    assert_eq!(alice.get("/api/put-out").await.json(), out);

    let answer = alice.post("/api/let-in", named("bob")).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert!(Socket::open(&ticket).await.is_err(), "not by the old token");
    speaks(&mut bob.join("lobby").await).await;
    speaks(&mut alices).await;
    demo.stop().await;
}

#[tokio::test]
async fn what_a_join_and_a_revocation_do_is_shown() {
    let demo = start().await;
    let alice = Browser::of(&demo.url(), "alice").await;
    let bob = Browser::of(&demo.url(), "bob").await;
    let mut events = bob.events().await;
    let mut closings = bob.events().await;
    let mut socket = alice.join("lobby").await;
    let token = alice.ticket("staff").await.token;
    socket.send(&json!({"action": "join", "token": token})).await;
    let steps = ["dynamodb", "management", "frame-out", "function"];
    let join = events.steps(steps, "join").await;

    log_out_everywhere(&alice).await;
    let steps = ["dynamodb", "management", "frame-out", "revocation"];
    let revocation = events.steps(steps, "revoke").await;
    assert_eq!(revocation[3]["status"], 200);
    for steps in [&join, &revocation] {
        for step in steps {
            assert_eq!(step["request"], steps[3]["request"], "one request: {step}");
            let step = step.to_string();
            assert!(!step.contains("alice") && !step.contains("eyJ"), "{step}");
        }
    }
    let closed = closings.step("close", "$disconnect").await;
    assert_eq!(closed["connection"], revocation[2]["connection"]);
    demo.stop().await;
}
