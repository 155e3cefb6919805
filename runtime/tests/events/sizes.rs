//! Events of a megabyte, and of the limits of Lambda.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::harness::{Behind, authenticator, bare, good, good_token, with_members};

const MEGABYTE: usize = 1 << 20;

#[tokio::test]
async fn a_megabyte_where_the_token_stands_is_refused() {
    let long = "A".repeat(MEGABYTE);
    let rows = [
        ("one long token", json!(format!("Bearer {long}")), "malformed"),
        // Another scheme is not ours.
        ("one long scheme", json!(long), "token_missing"),
        (
            "dots",
            json!(format!("Bearer {}", ".".repeat(MEGABYTE))),
            "malformed",
        ),
        ("spaces", json!(" ".repeat(MEGABYTE)), "token_form"),
        (
            "spaces behind the scheme",
            json!(format!("Bearer {}", " ".repeat(MEGABYTE))),
            "token_form",
        ),
        (
            "escaped control characters",
            json!(format!("Bearer {}", "\0".repeat(MEGABYTE / 6))),
            "malformed",
        ),
    ];
    refuses_quickly(rows.map(|(name, value, reason)| {
        let mut event = bare();
        event["headers"]["Authorization"] = value;
        (name, event.to_string(), reason)
    }))
    .await;
}

#[tokio::test]
async fn a_megabyte_of_subprotocols_cookies_or_spellings_is_refused() {
    let mut spellings = String::new();
    for index in 0..8192_u32 {
        // One spelling for each pattern of thirteen bits.
        let name: String = "authorization"
            .char_indices()
            .map(|(at, letter)| {
                if index >> at & 1 == 1 {
                    letter.to_ascii_uppercase()
                } else {
                    letter
                }
            })
            .collect();
        write!(spellings, r#""{name}":"Bearer {}","#, "A".repeat(100)).unwrap();
    }
    spellings.pop();
    let list = vec!["\"Bearer A\""; 100_000].join(",");
    let rows = [
        (
            "commas",
            format!(
                r#""headers":{{"Sec-WebSocket-Protocol":"{}"}}"#,
                ",".repeat(MEGABYTE)
            ),
            // A list without `room-auth` is not ours.
            "token_missing",
        ),
        (
            "commas behind ours",
            format!(
                r#""headers":{{"Sec-WebSocket-Protocol":"room-auth,A{}"}}"#,
                ",".repeat(MEGABYTE)
            ),
            "token_form",
        ),
        (
            "spellings",
            format!(r#""headers":{{{spellings}}}"#),
            "several_tokens",
        ),
        (
            "values",
            format!(r#""multiValueHeaders":{{"Authorization":[{list}]}}"#),
            "several_tokens",
        ),
    ];
    refuses_quickly(rows.map(|(name, members, reason)| (name, with_members(&members), reason))).await;
}

#[tokio::test]
async fn a_megabyte_of_other_headers_changes_nothing() {
    let mut behind = Behind::<Value>::new(&authenticator());
    let mut one = good();
    one["headers"]["X-Long"] = json!("A".repeat(MEGABYTE));
    let mut many = good();
    for index in 0..20_000 {
        many["headers"][format!("X-Header-{index}")] = json!("a value of some forty characters, or so");
    }
    let mut escaped = good();
    escaped["headers"]["X-Escaped"] = json!("\u{1}".repeat(MEGABYTE / 6));
    let mut token_again = good();
    token_again["headers"]["X-Again"] = json!(good_token().repeat(MEGABYTE / good_token().len()));
    for (name, event) in [
        ("one", one),
        ("many", many),
        ("escaped", escaped),
        ("the token again", token_again),
    ] {
        let outcome = behind.send(&event.to_string()).await.unwrap();
        outcome.assert_accepted(name);
        let seen = outcome.seen.unwrap().to_string();
        assert!(seen.len() > MEGABYTE / 200, "{name}");
        assert!(!seen.contains(&good_token()), "{name}");
    }
}

#[tokio::test]
async fn deep_nesting_is_no_danger() {
    let mut behind = Behind::<Value>::new(&authenticator());
    for depth in [100, 1000, 100_000] {
        let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for (name, members) in [
            (
                "in a member",
                format!(r#""x":{deep},"headers":{{"Authorization":"Bearer $T"}}"#),
            ),
            (
                "in a header",
                format!(r#""headers":{{"Authorization":"Bearer $T","X-Deep":{deep}}}"#),
            ),
            (
                "in the token's header",
                format!(r#""headers":{{"Authorization":{deep}}}"#),
            ),
        ] {
            let name = format!("{depth} {name}");
            let event = with_members(&members).replace("$T", &good_token());
            // The runtime's own deserializer may refuse it before; then nobody was asked.
            if let Some(outcome) = behind.send(&event).await {
                if members.contains("$T") && depth == 100 {
                    outcome.assert_accepted(&name);
                } else if members.contains("$T") {
                    outcome.assert_failed(&name, "payload");
                } else {
                    outcome.assert_refused(&name, "event");
                }
            }
            behind.assert_still_serves(&name).await;
        }
    }
}

/// No row may take longer than reading it some dozen times: a second is generous in a debug build.
async fn refuses_quickly<const N: usize>(rows: [(&str, String, &str); N]) {
    let mut behind = Behind::<Value>::new(&authenticator());
    for (name, event, reason) in rows {
        let started = Instant::now();
        let outcome = behind.send(&event).await.unwrap();
        let took = started.elapsed();
        outcome.assert_refused(name, reason);
        assert!(took < Duration::from_secs(5), "{name} took {took:?}");
        behind.assert_still_serves(name).await;
    }
}
