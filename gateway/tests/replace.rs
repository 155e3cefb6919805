//! Replacing a function by another version of it.

#![allow(clippy::unwrap_used)]

mod common;

use common::{connect_known, eventually, function, gateway, receive, send};
use room_auth_gateway::{Function, StartError};
use tokio_tungstenite::tungstenite::Message;

/// Writes a function's version to its log when it starts.
fn version(number: u8) -> Function {
    let script = format!("echo VERSION {number}; exec {}", common::scripted().display());
    Function::new("/bin/sh")
        .arg("-c")
        .arg(script)
        .timeout(common::PATIENCE)
}

#[tokio::test]
async fn the_next_message_of_an_open_socket_is_for_the_new_version() {
    let (gateway, mut log) = gateway().await;
    let (mut client, _) = connect_known(&gateway, &mut log).await;
    gateway.replace_function("scripted", version(2)).await.unwrap();
    assert_eq!(log.line().await.text, "VERSION 2");
    send(&mut client, r#"{"action":"echo","do":"echo"}"#).await;
    assert_eq!(
        receive(&mut client).await,
        Message::text(r#"{"action":"echo","do":"echo"}"#)
    );
    assert_eq!(gateway.connection_count(), 1);
}

#[tokio::test]
async fn what_the_old_version_works_on_is_finished_and_then_it_ends() {
    let pool = function().start().await.unwrap();
    let old = pool.processes()[0].id;
    let (answer, ()) = tokio::join!(
        pool.invoke(r#"{"body":"{\"do\":\"sleep\",\"ms\":300}"}"#),
        async {
            pool.replace(version(2)).await.unwrap();
            assert_ne!(pool.processes()[0].id, old);
            pool.invoke(r#"{"body":"{}"}"#).await.unwrap();
        }
    );
    assert_eq!(&answer.unwrap()[..], br#"{"statusCode":200}"#);
    #[cfg(target_os = "linux")]
    eventually(|| !std::path::Path::new(&format!("/proc/{old}")).exists()).await;
    pool.shutdown().await;
}

#[tokio::test]
async fn a_version_that_does_not_start_changes_nothing() {
    let (gateway, mut log) = gateway().await;
    let (mut client, _) = connect_known(&gateway, &mut log).await;
    let broken = function().env("INIT", "exit");
    let error = gateway
        .replace_function("scripted", broken)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("function scripted failed at init: "), "{error}");
    send(&mut client, r#"{"action":"echo","do":"echo"}"#).await;
    receive(&mut client).await;
    let unknown = gateway.replace_function("other", function()).await.unwrap_err();
    assert!(matches!(unknown, StartError::UnknownFunction { .. }));
}
