//! Expiry without waiting, with the gateway's clock behind that of the functions.
//!
//! Functions judge by the clock of the system, which no test moves: a token is signed by it, and what has expired by it is
//! refused at `$connect`. What a function recorded lasts until its token expires, or until the connection is two hours
//! old, whichever is first. So a connection that a gateway accepts two hours ago has expired by the function's clock as
//! soon as it is open.

use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use room_auth_gateway::{Gateway, ManualClock};
use room_auth_tests::forge;
use serde_json::json;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{chat, connect, receive, send, token_of};

/// Starts the chat behind a gateway whose clock is so far behind.
async fn start(behind: Duration) -> (Gateway, ManualClock) {
    let clock = ManualClock::at(SystemTime::now() - behind);
    (chat().clock(clock.clone()).start().await.unwrap(), clock)
}

#[tokio::test]
async fn a_connection_that_has_expired_for_the_function_is_told_so_and_closed() {
    let (gateway, clock) = start(Duration::from_hours(2)).await;
    let mut expired = connect(&gateway, &token_of("alice")).await.unwrap();
    send(&mut expired, json!({"action": "ping"})).await;
    assert_eq!(receive(&mut expired).await["message"], "token expired");
    assert!(matches!(expired.next().await, Some(Ok(Message::Close(Some(_))))));

    // One of a minute ago has not.
    clock.advance(Duration::from_mins(119));
    let mut fresh = connect(&gateway, &token_of("alice")).await.unwrap();
    send(&mut fresh, json!({"action": "ping"})).await;
    assert_eq!(receive(&mut fresh).await["type"], "pong");
}

#[tokio::test]
async fn a_connection_that_is_made_after_the_clock_was_advanced_is_none_for_the_function() {
    let clock = ManualClock::new();
    let gateway = chat().clock(clock.clone()).start().await.unwrap();
    clock.advance(Duration::from_mins(2));
    let mut client = connect(&gateway, &token_of("alice")).await.unwrap();
    send(&mut client, json!({"action": "ping"})).await;
    assert_eq!(receive(&mut client).await["message"], "token expired");
}

#[tokio::test]
async fn a_token_that_has_expired_is_refused_whatever_the_gateway_s_clock_shows() {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let payload = format!(
        r#"{{"sub":"lobby","iat":{},"exp":{now},"user":"alice"}}"#,
        now - 300
    );
    let token = forge::token(forge::HEADER, &payload);
    let (gateway, _) = start(Duration::from_mins(4)).await;
    let refused = connect(&gateway, &token).await;
    assert!(matches!(refused, Err(Error::Http(response)) if response.status() == 401));
}
