//! The demo, from the page's side: its backend, its attacks, its start and its end.

use super::browser::{Browser, Socket};
use demo::{Demo, Options};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

fn options() -> Options {
    Options {
        port: 0,
        gateway_port: 0,
        token_lifetime: 300,
        authorizer: false,
        issuer: false,
    }
}

async fn start() -> Demo {
    Demo::start(options()).await.unwrap()
}

#[tokio::test]
async fn a_login_opens_a_session_that_a_logout_ends() {
    let demo = start().await;
    let mut browser = Browser::new(&demo.url());
    assert_eq!(browser.get("/api/session").await.status, StatusCode::UNAUTHORIZED);

    let wrong = browser.log_in("alice", "bob").await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert_eq!(wrong.json(), json!({"message": "Wrong name or password."}));
    let nobody = browser.log_in("mallory", "mallory").await;
    assert_eq!(
        (nobody.status, nobody.json()),
        (wrong.status, wrong.json()),
        "who exists is not told"
    );

    let answer = browser.log_in("alice", "alice").await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    let cookie = answer.header("set-cookie");
    for attribute in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age="] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let id = cookie.split(['=', ';']).nth(1).unwrap();
    assert_eq!(id.len(), 43, "256 bits in base64url: {id}");
    let session = browser.get("/api/session").await;
    assert_eq!(
        session.json(),
        json!({"user": "alice", "rooms": ["lobby", "staff"], "moderator": true})
    );

    let logout = browser.post("/api/logout", Value::Null).await;
    assert_eq!(logout.status, StatusCode::NO_CONTENT);
    let removed = logout.header("set-cookie");
    assert!(
        removed.starts_with("session=;") && removed.contains("; Max-Age=0"),
        "{removed}"
    );
    assert_eq!(
        browser.get("/api/session").await.status,
        StatusCode::UNAUTHORIZED,
        "with the same cookie"
    );
    demo.stop().await;
}

#[tokio::test]
async fn passwords_cannot_be_guessed_for_long() {
    let demo = start().await;
    let mut browser = Browser::new(&demo.url());
    for name in ["alice", "nobody"] {
        for attempt in 0..5 {
            let answer = browser.log_in(name, "guess").await;
            assert_eq!(
                answer.status,
                StatusCode::UNAUTHORIZED,
                "{name}, attempt {attempt}"
            );
        }
        let answer = browser.log_in(name, name).await;
        assert_eq!(
            answer.status,
            StatusCode::TOO_MANY_REQUESTS,
            "{name}: not even with the password"
        );
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=13).contains(&wait), "{wait}");
        assert!(
            answer.json()["message"].as_str().unwrap().contains("Try again"),
            "{answer:?}"
        );
    }
    assert_eq!(
        browser.log_in("bob", "bob").await.status,
        StatusCode::NO_CONTENT,
        "others are not affected"
    );
    demo.stop().await;
}

#[tokio::test]
async fn wrong_passwords_from_elsewhere_lock_nobody_out() {
    let demo = start().await;
    let mut stranger = Browser::at(&demo.url(), [127, 0, 0, 2].into());
    for attempt in 0..5 {
        let answer = stranger.log_in("alice", "guess").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "attempt {attempt}");
    }
    let answer = stranger.log_in("alice", "alice").await;
    assert_eq!(
        answer.status,
        StatusCode::TOO_MANY_REQUESTS,
        "the stranger has to wait"
    );
    let mut alice = Browser::new(&demo.url());
    let answer = alice.log_in("alice", "alice").await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "from her own address");

    // Behind the same address, as in an office: the browser she has used before is not shut out.
    let mut colleague = Browser::new(&demo.url());
    for _ in 0..5 {
        colleague.log_in("alice", "guess").await;
    }
    let answer = colleague.log_in("alice", "alice").await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    let answer = alice.log_in("alice", "alice").await;
    assert_eq!(
        answer.status,
        StatusCode::NO_CONTENT,
        "with a device that is known"
    );
    demo.stop().await;
}

#[tokio::test]
#[allow(clippy::too_many_lines)]
async fn a_page_under_another_host_gets_nothing_from_any_port() {
    let demo = start().await;
    let alice = Browser::of(&demo.url(), "alice").await;
    let endpoints = demo.endpoints();
    let database = Browser::new(&endpoints.database);
    let connections = Browser::new(endpoints.connections.trim_end_matches("/dev"));
    let amz = ("x-amz-target", "DynamoDB_20120810.Scan");
    let rebound = ("host", "rebind.evil.example");
    let elsewhere = ("origin", "https://evil.example");
    let scan = || Some(json!({"TableName": endpoints.table}));
    let preflight = ("access-control-request-method", "POST");
    let simple = ("content-type", "text/plain");
    let cross_site = ("sec-fetch-site", "cross-site");
    for (row, port, method, path, headers, body, status) in [
        ("the page", &alice, Method::GET, "/", vec![rebound], None, 421),
        (
            "the session",
            &alice,
            Method::GET,
            "/api/session",
            vec![rebound, elsewhere],
            None,
            421,
        ),
        (
            "a token",
            &alice,
            Method::POST,
            "/api/token",
            vec![rebound],
            Some(json!({"room": "lobby"})),
            421,
        ),
        (
            "a preflight to the page",
            &alice,
            Method::OPTIONS,
            "/api/token",
            vec![elsewhere, preflight],
            None,
            405,
        ),
        (
            "the database",
            &database,
            Method::POST,
            "/",
            vec![rebound, amz],
            scan(),
            421,
        ),
        (
            "the database, by its address",
            &database,
            Method::POST,
            "/",
            vec![elsewhere, amz],
            scan(),
            403,
        ),
        (
            "the database, from our own page",
            &database,
            Method::POST,
            "/",
            vec![("origin", demo.url().trim_end_matches('/')), amz],
            scan(),
            403,
        ),
        (
            "a preflight to the database",
            &database,
            Method::OPTIONS,
            "/",
            vec![elsewhere, preflight],
            None,
            403,
        ),
        (
            "the database's health",
            &database,
            Method::GET,
            "/",
            vec![cross_site],
            None,
            403,
        ),
        (
            "@connections",
            &connections,
            Method::POST,
            "/dev/@connections/abc=",
            vec![rebound],
            Some(json!(1)),
            421,
        ),
        (
            "@connections, simply",
            &connections,
            Method::POST,
            "/dev/@connections/abc=",
            vec![elsewhere, simple],
            Some(json!(1)),
            403,
        ),
        (
            "@connections, without an origin",
            &connections,
            Method::DELETE,
            "/dev/@connections/abc=",
            vec![cross_site],
            None,
            403,
        ),
    ] {
        let answer = port.request(method, path, &headers, body).await;
        assert_eq!(answer.status.as_u16(), status, "{row}: {answer:?}");
        let cors = answer
            .headers
            .keys()
            .find(|name| name.as_str().starts_with("access-control-"));
        assert_eq!(cors, None, "{row}");
    }
    // What it does answer, no page elsewhere may read or embed.
    let answer = alice
        .request(Method::GET, "/api/mode", &[elsewhere, cross_site], None)
        .await;
    assert!(
        answer.headers.get("access-control-allow-origin").is_none(),
        "{answer:?}"
    );
    assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
    demo.stop().await;
}

#[tokio::test]
async fn tokens_are_for_rooms_that_the_user_may_enter() {
    let demo = start().await;
    let stranger = Browser::new(&demo.url());
    let answer = stranger.post("/api/token", json!({"room": "lobby"})).await;
    assert_eq!(
        (answer.status, answer.json()),
        (StatusCode::UNAUTHORIZED, json!({"message": "Log in first."}))
    );

    let bob = Browser::of(&demo.url(), "bob").await;
    for room in ["staff", "attic", "", "lobby "] {
        let answer = bob.post("/api/token", json!({"room": room})).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{room:?}");
        assert_eq!(answer.json(), json!({"message": "bob may not enter this room."}));
    }
    let ticket = bob.ticket("lobby").await;
    assert!(
        ticket.url.starts_with("ws://127.0.0.1:") && ticket.url.ends_with("/dev"),
        "{}",
        ticket.url
    );
    Socket::open(&ticket).await.expect("the function lets it in");
    let mode = bob.get("/api/mode").await.json();
    assert_eq!(mode["token_lifetime"], 300);
    demo.stop().await;
}

#[tokio::test]
async fn every_answer_is_guarded_and_every_error_is_json() {
    let demo = start().await;
    let alice = Browser::of(&demo.url(), "alice").await;
    let text = |length| json!({"room": "x".repeat(length)});
    let origin = demo.url().trim_end_matches('/').to_owned();
    for (row, method, path, headers, body, status) in [
        ("the page", Method::GET, "/", vec![], None, 200),
        (
            "a module",
            Method::GET,
            "/client/room-auth-client.js",
            vec![],
            None,
            200,
        ),
        (
            "no such page",
            Method::GET,
            "/client/../Cargo.toml",
            vec![],
            None,
            404,
        ),
        ("no such endpoint", Method::GET, "/api/nothing", vec![], None, 404),
        ("another method", Method::GET, "/api/login", vec![], None, 405),
        (
            "no such attack",
            Method::POST,
            "/api/attacks/none",
            vec![],
            None,
            404,
        ),
        ("no JSON", Method::POST, "/api/token", vec![], None, 400),
        (
            "other JSON",
            Method::POST,
            "/api/token",
            vec![],
            Some(json!([1])),
            400,
        ),
        (
            "a long body",
            Method::POST,
            "/api/token",
            vec![],
            Some(text(5000)),
            413,
        ),
        (
            "its own page",
            Method::POST,
            "/api/token",
            vec![("origin", &*origin)],
            Some(json!({"room": "lobby"})),
            200,
        ),
        (
            "another page",
            Method::POST,
            "/api/token",
            vec![("origin", "http://evil.example")],
            Some(text(1)),
            403,
        ),
        (
            "another page's logout",
            Method::POST,
            "/api/logout",
            vec![("origin", "null")],
            None,
            403,
        ),
        (
            "another host",
            Method::GET,
            "/api/session",
            vec![("host", "evil.example")],
            None,
            421,
        ),
    ] {
        let answer = alice.request(method, path, &headers, body).await;
        assert_eq!(answer.status.as_u16(), status, "{row}: {answer:?}");
        if status >= 400 {
            assert!(answer.json()["message"].is_string(), "{row}: {answer:?}");
        }
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"),
            "{row}: {policy}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{row}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{row}");
    }
    demo.stop().await;
}

#[tokio::test]
async fn every_attack_is_refused_for_the_reason_that_it_should() {
    let demo = start().await;
    let alice = Browser::of(&demo.url(), "alice").await;
    let expected = [
        ("no-token", "token_missing"),
        ("expired", "expired"),
        ("not-yet-valid", "not_yet_valid"),
        ("other-key", "signature"),
        ("alg-none", "algorithm"),
        ("hs256-public-key", "algorithm"),
        ("changed-room", "signature"),
        ("two-tokens", "several_tokens"),
        ("wrong-place", "token_missing"),
        ("after-expiry", "expired"),
        // Renewals are refused by the names that the crate logs, as handshakes are.
        ("renew-other-room", "other_room"),
        ("kid-elsewhere", "signature"),
        ("replayed-ticket", "used"),
        ("without-capability", "forbidden"),
        ("after-logout", "revoked"),
        ("other-users-token", "other_user"),
    ];
    let list = alice.get("/api/attacks").await.json();
    let ids: Vec<&str> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|attack| attack["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, expected.map(|(id, _)| id));
    for (id, reason) in expected {
        let path = format!("/api/attacks/{id}");
        let outcome = alice.post(&path, Value::Null).await.json();
        let in_band = [
            "after-expiry",
            "renew-other-room",
            "without-capability",
            "other-users-token",
        ];
        let in_band = in_band.contains(&id);
        assert_eq!(
            outcome["status"],
            if in_band { Value::Null } else { json!(401) },
            "{outcome}"
        );
        assert_eq!(outcome["refused"], true, "{outcome}");
        assert_eq!(outcome["reason"], reason, "{outcome}");
        let sent = outcome["sent"].to_string();
        assert!(
            !sent.split(['.', ' ', '"']).any(|part| part.len() > 300),
            "no whole token: {sent}"
        );
    }
    let stranger = Browser::new(&demo.url());
    let answer = stranger.post("/api/attacks/no-token", Value::Null).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "only for users");
    demo.stop().await;
}

#[tokio::test]
async fn what_happens_inside_is_shown_and_holds_no_token() {
    let demo = start().await;
    let stranger = Browser::new(&demo.url());
    assert_eq!(stranger.get("/api/events").await.status, StatusCode::UNAUTHORIZED);
    let alice = Browser::of(&demo.url(), "alice").await;
    let mut events = alice.events().await;
    let ticket = alice.ticket("lobby").await;
    let mut socket = Socket::open(&ticket).await.unwrap();
    let steps = ["dynamodb", "function", "handshake"];
    let [database, function, handshake] = events.steps(steps, "$connect").await;
    assert_eq!(
        (&function["status"], &handshake["status"]),
        (&json!(200), &json!(101))
    );
    for step in [&database, &function] {
        assert_eq!(step["request"], handshake["request"], "one request: {step}");
        assert!(
            step["ms"].as_f64() <= handshake["ms"].as_f64(),
            "{step} {handshake}"
        );
    }
    assert!(database["operation"].is_string(), "{database}");

    socket
        .send(&json!({"action": "send", "text": "a text of mine"}))
        .await;
    let steps = ["frame-out", "management", "function"];
    let [frame, post, send] = events.steps(steps, "send").await;
    for step in [&frame, &post] {
        assert_eq!(step["request"], send["request"], "one request: {step}");
        assert_eq!(step["connection"], handshake["connection"], "{step}");
    }
    for step in [&database, &function, &handshake, &frame, &post, &send] {
        let step = step.to_string();
        assert!(
            !step.contains("eyJ") && !step.contains("a text of mine"),
            "{step}"
        );
    }

    alice.post("/api/attacks/expired", Value::Null).await;
    let refused = events.step("function", "$connect").await;
    assert_eq!(
        (&refused["status"], &refused["reason"]),
        (&json!(401), &json!("expired"))
    );
    socket.close().await;
    let closed = events.step("close", "$disconnect").await;
    assert_eq!(closed["connection"], handshake["connection"]);
    demo.stop().await;
}

#[tokio::test]
async fn the_gateway_can_be_restarted_under_the_page() {
    let demo = start().await;
    let alice = Browser::of(&demo.url(), "alice").await;
    let before = alice.ticket("lobby").await;
    let mut socket = Socket::open(&before).await.unwrap();
    let answer = alice.post("/api/gateway/restart", Value::Null).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
    assert_eq!(
        socket.next_or_close().await,
        Err(Some(1001)),
        "as API Gateway closes"
    );
    let after = alice.ticket("lobby").await;
    assert_eq!(after.url, before.url, "at the same place");
    let mut socket = Socket::open(&before)
        .await
        .expect("tokens of before are still good");
    socket
        .send(&json!({"action": "send", "text": "back again"}))
        .await;
    assert_eq!(socket.next().await["text"], "back again");
    demo.stop().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_a_way_out() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    for (option, options) in [
        ("--port", Options { port, ..options() }),
        (
            "--gateway-port",
            Options {
                gateway_port: port,
                ..options()
            },
        ),
    ] {
        let error = Demo::start(options).await.unwrap_err().to_string();
        assert!(error.contains(&format!("127.0.0.1:{port}")), "{error}");
        assert!(error.contains(&format!("{option} 0")), "{error}");
    }
}
