//! Whom the inspector answers, and what it never lets out.

use serde_json::{Value, json};

use crate::{
    client::{FILES, JSON, count, find, inspected, post, stream},
    common::{self, call, call_at, connect_known, path_of, receive, send, try_connect},
};

/// Who asks, with which headers, and the status of the refusal.
type Stranger<'a> = (&'a str, &'a [(&'a str, &'a str)], u16);

#[tokio::test]
async fn everything_comes_with_a_strict_policy_and_from_loopback() {
    let (_gateway, _log, address) = inspected().await;
    assert!(address.ip().is_loopback());
    for path in FILES.iter().chain(&["/api/state", "/nothing"]) {
        let answer = call_at(address, "GET", path, &[], "").await;
        assert_eq!(
            answer.status,
            if *path == "/nothing" { 404 } else { 200 },
            "{path}"
        );
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy
                .starts_with("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; ")
                && policy.ends_with("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
    }
    let page = call_at(address, "GET", "/", &[], "").await.body;
    assert!(!page.contains("<style") && !page.contains("style="), "{page}");
    let scripts = [
        page.matches("<script").count(),
        page.matches("<script type=\"module\" src=\"/").count(),
    ];
    assert_eq!(scripts, [1, 1], "{page}");
}

#[tokio::test]
async fn what_does_not_come_from_the_own_page_resends_nothing_orders_nothing_and_learns_nothing() {
    let (gateway, mut log, address) = inspected().await;
    let (_client, id) = connect_known(&gateway, &mut log).await;
    let (_, entries) = stream(address, |entries| find(entries, "invoked").is_some()).await;
    let resend = json!({ "entry": find(&entries, "invoked").unwrap()["number"] });
    let fault = json!({ "fault": "gone", "connection": id });
    let own = address.to_string();
    let strangers: [Stranger<'_>; 8] = [
        ("DNS rebinding", &[("host", "evil.example"), JSON], 403),
        (
            "rebinding with its port",
            &[("host", "evil.example:3002"), JSON],
            403,
        ),
        ("another site", &[("origin", "https://evil.example"), JSON], 403),
        ("another port", &[("origin", "http://127.0.0.1:1"), JSON], 403),
        ("a sandbox", &[("origin", "null"), JSON], 403),
        ("no origin", &[("sec-fetch-site", "cross-site"), JSON], 403),
        ("a form", &[("content-type", "text/plain")], 415),
        ("no type", &[], 415),
    ];
    for (stranger, headers, status) in strangers {
        for (path, order) in [("/api/resend", &resend), ("/api/fault", &fault)] {
            let answer = post(address, path, headers, order).await;
            assert_eq!(answer.status, status, "{stranger}: {path}");
            assert!(!answer.body.contains(&id), "{stranger}: {path}");
        }
        if status == 403 {
            for path in ["/api/state", "/api/events"] {
                let answer = call_at(address, "GET", path, headers, "").await;
                assert_eq!(answer.status, 403, "{stranger}: {path}");
                assert!(!answer.body.contains(&id), "{stranger}: {path}");
            }
        }
    }
    for path in FILES {
        assert_eq!(
            call_at(address, "GET", path, &[("host", "evil.example")], "")
                .await
                .status,
            403,
            "{path}"
        );
    }
    assert_eq!(
        log.events_so_far(),
        [] as [Value; 0],
        "the function was not called"
    );
    let posted = call(&gateway, "POST", &path_of(&id), "x").await;
    assert_eq!(posted.status, 200, "no fault was injected");

    let origin = format!("http://{own}");
    let headers = [
        ("origin", origin.as_str()),
        ("sec-fetch-site", "same-origin"),
        JSON,
    ];
    assert_eq!(
        post(address, "/api/resend", &headers, &resend).await.status,
        202,
        "its own page may"
    );
    log.event().await;
}

#[tokio::test]
async fn no_byte_of_any_response_is_of_a_token() {
    let (gateway, mut log, address) = inspected().await;
    let token = |part: &str| format!("eyJhbGciOiJub25lIn0.{part}.c2lnbmF0dXJl{part}");
    let [query, bearer, protocol, frame, posted, told] =
        ["Query", "Bearer", "Protocol", "Frame", "Posted", "Told"]
            .map(|part| token(&format!("TOPSECRET{part}")));
    // The client expects one of its protocols. What is neither in a secret's place nor of a token's form is shown.
    let suffix = "&access_token=TOPSECRETopaque&protocol=room-auth&plain=shown";
    let suffix = format!("?token={}{suffix}", query.replace('.', "%2E"));
    let headers = [
        ("authorization", format!("Bearer {bearer}")),
        ("cookie", "session=TOPSECRETcookie".to_owned()),
        ("sec-websocket-protocol", format!("room-auth, {protocol}")),
    ];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (mut client, _) = try_connect(&gateway, &suffix, &headers).await.unwrap();
    let event = log.event().await;
    assert_eq!(
        event["headers"]["cookie"], "session=TOPSECRETcookie",
        "the function gets all of it"
    );
    let id = event["requestContext"]["connectionId"]
        .as_str()
        .unwrap()
        .to_owned();
    let message =
        json!({ "action": "echo", "do": "echo", "token": frame, "text": format!("it is {frame}.") });
    send(&mut client, message.to_string()).await;
    assert_eq!(common::receive_json(&mut client).await["token"], *frame);
    call(&gateway, "POST", &path_of(&id), format!("a {posted}")).await;
    receive(&mut client).await;
    call(&gateway, "POST", &path_of(&posted), posted.clone()).await;
    let failing = json!({ "do": "fail", "message": format!("bad token {told}") });
    send(&mut client, failing.to_string()).await;
    receive(&mut client).await;

    let (text, entries) = stream(address, |entries| {
        count(entries, "answered") == 3 && count(entries, "message_out") == 3 && count(entries, "log") >= 3
    })
    .await;
    let number = &find(&entries, "invoked").unwrap()["number"];
    let mut texts = vec![text.clone()];
    texts.push(call_at(address, "GET", "/api/state", &[], "").await.body);
    texts.push(
        post(address, "/api/resend", &[JSON], &json!({ "entry": number }))
            .await
            .body,
    );
    for order in [
        json!({ "fault": frame }),
        json!({ "fault": "gone", "connection": frame }),
        json!({ "fault": "deny_posts", "times": 1, "connection": frame }),
    ] {
        texts.push(post(address, "/api/fault", &[JSON], &order).await.body);
    }
    texts.push(
        stream(address, |entries| {
            count(entries, "answered") == 4 && count(entries, "fault") == 1
        })
        .await
        .0,
    );
    for text in &texts {
        assert!(!text.contains("TOPSECRET"), "{text}");
    }
    assert!(
        text.contains("plain=shown") && text.contains("it is {token-"),
        "{text}"
    );
    let handshake = find(&entries, "handshake").unwrap();
    assert!(
        handshake["uri"].as_str().unwrap().contains("token={token-1}&"),
        "{handshake}"
    );
}
