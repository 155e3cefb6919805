//! Expiry without waiting, with the gateway's clock behind that of the functions.
//!
//! Functions judge by the clock of the system, which no test moves: a token is signed by it, and what has expired by it is
//! refused at `$connect`. What a function recorded lasts until its token expires, or until the connection is two hours
//! old, whichever is first. So a connection that a gateway accepts two hours ago has expired by the function's clock as
//! soon as it is open.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, SystemTime};

use futures_util::{SinkExt, StreamExt};
use room_auth_gateway::{Function, Gateway, LogSink, ManualClock};
use room_auth_tests::{forge, program};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Error, Message, client::IntoClientRequest};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Client = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// Longer than anything takes here on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// The chat, and the clock of its gateway, which shows how late it was so long ago.
async fn chat(ago: Duration) -> (Gateway, ManualClock) {
    let clock = ManualClock::at(SystemTime::now() - ago);
    let table = json!({
        "TableName": "connections",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    });
    let function = Function::new(program::chat())
        .env("PUBLIC_KEY", forge::key().public_key_pem())
        .env("DYNAMO_TABLE_NAME_CHAT_CONNECTIONS", "connections")
        .timeout(PATIENCE);
    let gateway = Gateway::builder()
        .function("chat", function)
        .route("$connect", "chat")
        .route("$disconnect", "chat")
        .route("$default", "chat")
        .table(table.to_string())
        .clock(clock.clone())
        .logs(LogSink::discard());
    (gateway.start().await.unwrap(), clock)
}

async fn connect(gateway: &Gateway, token: &str) -> Result<Client, Error> {
    let mut request = gateway.websocket_url().into_client_request().unwrap();
    let authorization = format!("Bearer {token}").parse().unwrap();
    request.headers_mut().insert("Authorization", authorization);
    Ok(connect_async(request).await?.0)
}

/// Sends a ping of the chat, and returns the next message.
async fn ping(client: &mut Client) -> Message {
    client.send(Message::text(r#"{"action":"ping"}"#)).await.unwrap();
    let next = tokio::time::timeout(PATIENCE, client.next()).await;
    next.expect("a message in time").unwrap().unwrap()
}

fn json(message: &Message) -> Value {
    serde_json::from_str(message.to_text().unwrap()).unwrap()
}

fn fresh_token() -> String {
    forge::fresh_token_with("lobby", r#","user":"alice""#)
}

#[tokio::test]
async fn a_connection_that_has_expired_for_the_function_is_told_so_and_closed() {
    let (gateway, clock) = chat(Duration::from_hours(2)).await;
    let mut expired = connect(&gateway, &fresh_token()).await.unwrap();
    assert_eq!(json(&ping(&mut expired).await)["message"], "token expired");
    assert!(matches!(expired.next().await, Some(Ok(Message::Close(Some(_))))));

    // One of a minute ago has not.
    clock.advance(Duration::from_mins(119));
    let mut fresh = connect(&gateway, &fresh_token()).await.unwrap();
    assert_eq!(json(&ping(&mut fresh).await)["type"], "pong");
}

#[tokio::test]
async fn a_token_that_has_expired_is_refused_whatever_the_gateway_s_clock_shows() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let (issued_at, expires_at) = (now.as_secs() - 300, now.as_secs());
    let payload = format!(r#"{{"sub":"lobby","iat":{issued_at},"exp":{expires_at},"user":"alice"}}"#);
    let token = forge::token(forge::HEADER, &payload);
    let (gateway, _) = chat(Duration::from_mins(4)).await;
    let refused = connect(&gateway, &token).await;
    assert!(matches!(refused, Err(Error::Http(response)) if response.status() == 401));
}
