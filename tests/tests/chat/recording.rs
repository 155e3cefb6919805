//! A recorded session of the chat, replayed with tokens of today.

use std::time::Duration;

use room_auth_gateway::{ManualClock, Recording};
use serde_json::json;

use super::{chat, connect, receive, send, token_of};

#[tokio::test]
async fn a_session_of_the_chat_replays_with_fresh_tokens_and_not_with_false_ones() {
    let path = std::env::temp_dir().join(format!("chat-{}.jsonl", std::process::id()));
    let clock = ManualClock::new();
    let (of_alice, of_bob) = (token_of("alice"), token_of("bob"));
    let gateway = chat().clock(clock.clone()).record(&path).start().await.unwrap();
    let mut alice = connect(&gateway, &of_alice).await.unwrap();
    clock.advance(Duration::from_secs(5));
    let mut bob = connect(&gateway, &of_bob).await.unwrap();
    assert_eq!(receive(&mut alice).await["type"], "joined");
    send(&mut bob, json!({"action": "send", "text": "hi"})).await;
    assert_eq!(receive(&mut alice).await["text"], "hi");
    assert_eq!(receive(&mut bob).await["text"], "hi");
    send(&mut bob, json!({"action": "renew", "token": token_of("bob")})).await;
    assert_eq!(receive(&mut bob).await["type"], "renewed");
    send(&mut bob, json!({"action": "members"})).await;
    assert_eq!(receive(&mut bob).await["members"], json!(["alice", "bob"]));
    drop((alice, bob));
    gateway.shutdown().await;

    let text = std::fs::read_to_string(&path).unwrap();
    for part in of_alice.split('.').chain(of_bob.split('.')) {
        assert!(!text.contains(part), "{part} in {text}");
    }
    let read = || Recording::read(&path).unwrap();
    let needed: Vec<_> = read().tokens().into_keys().collect();
    let users = ["alice", "bob", "bob"];
    let with_tokens = needed.iter().zip(users).fold(read(), |recording, (name, user)| {
        recording.with_token(name, token_of(user))
    });
    let differences = with_tokens.replay(chat()).await.unwrap();
    assert!(differences.is_empty(), "{differences:#?}");

    let false_tokens = needed
        .iter()
        .fold(read(), |recording, name| recording.with_token(name, "false"));
    let differences = false_tokens.replay(chat()).await.unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(
        differences
            .iter()
            .all(|one| one.what == "the answer of the handshake" && one.replayed.as_deref() == Some("401")),
        "{differences:#?}"
    );
    assert_eq!(differences.len(), 2, "{differences:#?}");
}
