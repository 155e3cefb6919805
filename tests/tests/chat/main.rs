//! The chat behind a gateway with a clock of its own, and with embedded tables.
#![allow(clippy::unwrap_used)]

mod expiry;
mod recording;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use room_auth_gateway::{Function, Gateway, GatewayBuilder, LogSink};
use room_auth_tests::{forge, program};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Error, Message, client::IntoClientRequest};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Client = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// Longer than anything takes here on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// The chat, still to be started.
fn chat() -> GatewayBuilder {
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
    Gateway::builder()
        .function("chat", function)
        .route("$connect", "chat")
        .route("$disconnect", "chat")
        .route("$default", "chat")
        .table(table.to_string())
        .logs(LogSink::discard())
}

async fn connect(gateway: &Gateway, token: &str) -> Result<Client, Error> {
    let mut request = gateway.websocket_url().into_client_request().unwrap();
    let authorization = format!("Bearer {token}").parse().unwrap();
    request.headers_mut().insert("Authorization", authorization);
    Ok(connect_async(request).await?.0)
}

async fn send(client: &mut Client, message: Value) {
    client.send(Message::text(message.to_string())).await.unwrap();
}

async fn receive(client: &mut Client) -> Value {
    let next = tokio::time::timeout(PATIENCE, client.next()).await;
    let message = next.expect("a message in time").unwrap().unwrap();
    serde_json::from_str(message.to_text().unwrap()).unwrap()
}

/// A token for the room `lobby` that is valid now.
fn token_of(user: &str) -> String {
    forge::fresh_token_with("lobby", &format!(r#","user":"{user}""#))
}
