//! Attacks over a connection that was accepted.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{self, Message},
};

use super::{
    error::AttackError,
    forge::{Forge, decoded, shortened},
    handshake::Handshake,
};
use crate::revocation::Revocation;

/// A separate room, so that nobody sees mallory come and go.
pub(super) const ROOM: &str = "attic";

/// What was tried, and the result.
#[derive(Debug)]
pub(super) struct Attempt {
    /// What was sent, tokens shortened.
    pub(super) sent: Vec<String>,
    /// The status of the handshake, if that is what has to be refused.
    pub(super) status: Option<u16>,
    pub(super) refused: bool,
    /// The port it was sent from.
    pub(super) source_port: u16,
}

/// Connects in time, waits for the token to run out, then speaks.
pub(super) async fn message_after_expiry(forge: &Forge<'_>, url: &str) -> Result<Attempt, AttackError> {
    let claims = forge.claims(ROOM, -60, 2);
    let expires_at = claims["exp"].as_u64().unwrap_or_default();
    let mut attacker = Attacker::connect(&forge.genuine_with(&claims), url).await?;
    let end = UNIX_EPOCH + Duration::from_secs(expires_at);
    tokio::time::sleep(end.duration_since(SystemTime::now()).unwrap_or_default()).await;
    let message = json!({"action": "send", "text": "still here?"});
    let line = message.to_string();
    let answer = attacker.ask(&message).await?;
    let refused = answer.is_none_or(|answer| answer == json!({"message": "token expired"}));
    Ok(attacker.attempt(vec!["(waits until exp)".to_owned(), line], refused))
}

/// Renews with a genuine token, but for another room.
pub(super) async fn renewal_to_another_room(forge: &Forge<'_>, url: &str) -> Result<Attempt, AttackError> {
    let mut attacker = Attacker::connect(&forge.genuine(ROOM, 0, 60), url).await?;
    let token = forge.genuine("staff", 0, 60);
    let renewal = |token: &str| json!({"action": "renew", "token": token});
    let mut lines = vec![renewal(&shortened(&token)).to_string()];
    lines.extend(decoded(&token));
    let answer = attacker.ask(&renewal(&token)).await?;
    let refused = answer.is_none_or(|answer| answer["type"] == "error");
    Ok(attacker.attempt(lines, refused))
}

/// Speaks with a token that allows to read only.
pub(super) async fn message_without_capability(forge: &Forge<'_>, url: &str) -> Result<Attempt, AttackError> {
    let mut claims = forge.claims(ROOM, 0, 60);
    claims["can"] = json!(["members"]);
    let mut attacker = Attacker::connect(&forge.genuine_with(&claims), url).await?;
    let message = json!({"action": "send", "text": "I was not asked"});
    let line = message.to_string();
    let answer = attacker.ask(&message).await?;
    let refused = answer.is_none_or(|answer| answer["type"] == "error");
    Ok(attacker.attempt(vec![line], refused))
}

/// Joins a further room with a genuine token, but of another user.
pub(super) async fn join_with_another_users_token(
    forge: &Forge<'_>,
    url: &str,
) -> Result<Attempt, AttackError> {
    let mut attacker = Attacker::connect(&forge.genuine(ROOM, 0, 60), url).await?;
    let mut claims = forge.claims("staff", 0, 60);
    claims["user"] = json!("trent");
    let token = forge.genuine_with(&claims);
    let join = |token: &str| json!({"action": "join", "room": "staff", "token": token});
    let mut lines = vec![join(&shortened(&token)).to_string()];
    lines.extend(decoded(&token));
    let answer = attacker.ask(&join(&token)).await?;
    let refused = answer.is_none_or(|answer| answer["type"] == "error");
    Ok(attacker.attempt(lines, refused))
}

/// Connects with a token that is accepted once at `url`, and then again.
pub(super) async fn replayed_ticket(forge: &Forge<'_>, url: &str) -> Result<Attempt, AttackError> {
    let token = forge.genuine(ROOM, 0, 60);
    let attacker = Attacker::connect(&token, url).await?;
    attacker.connect_again(&token, url, "(a second time)").await
}

/// Connects, is logged out everywhere by the user whose token it is, and connects again with it.
pub(super) async fn token_after_logout(
    forge: &Forge<'_>,
    url: &str,
    revocation: &Revocation,
) -> Result<Attempt, AttackError> {
    let mut claims = forge.claims(ROOM, -5, 60);
    // Somebody else each time, or the first time would have revoked the token of the next.
    let user = format!("mallory-{}", rand::random::<u16>());
    claims["user"] = json!(user);
    let token = forge.genuine_with(&claims);
    let mut attacker = Attacker::connect(&token, url).await?;
    let _ = revocation.revoke(&user, &[]).await?;
    let last = attacker.next().await;
    let again = attacker
        .connect_again(&token, url, "(logged out everywhere, and once more)")
        .await?;
    Ok(Attempt {
        refused: again.refused && last == Some(json!({"message": "revoked"})),
        ..again
    })
}

/// A connection whose token was valid in the handshake.
struct Attacker {
    socket: WebSocketStream<TcpStream>,
    source_port: u16,
    sent: Vec<String>,
}

impl Attacker {
    async fn connect(token: &str, url: &str) -> Result<Self, AttackError> {
        let handshake = Handshake::with(token);
        let answer = handshake.perform(url).await?;
        let socket = answer.socket.ok_or(AttackError::NotAccepted(answer.status))?;
        Ok(Self {
            socket,
            source_port: answer.source_port,
            sent: handshake.lines(url),
        })
    }

    /// Sends the message and waits for the answer. Returns `None` if the connection ends.
    async fn ask(&mut self, message: &Value) -> Result<Option<Value>, AttackError> {
        let failed = |error: tungstenite::Error| AttackError::from(Box::new(error));
        self.socket
            .send(Message::text(message.to_string()))
            .await
            .map_err(failed)?;
        Ok(self.next().await)
    }

    /// Waits for a message that is meant for the attacker: the attacker of before may be just leaving the room. Returns
    /// `None` if the connection ends.
    async fn next(&mut self) -> Option<Value> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).ok()?;
                    if message["type"] != "joined" && message["type"] != "left" {
                        return Some(message);
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Makes another handshake, which is to be refused.
    async fn connect_again(mut self, token: &str, url: &str, why: &str) -> Result<Attempt, AttackError> {
        let handshake = Handshake::with(token);
        let answer = handshake.perform(url).await?;
        self.sent.push(why.to_owned());
        self.sent.extend(handshake.lines(url));
        Ok(Attempt {
            sent: self.sent,
            status: Some(answer.status),
            refused: answer.status != 101,
            source_port: answer.source_port,
        })
    }

    fn attempt(mut self, then: Vec<String>, refused: bool) -> Attempt {
        self.sent.extend(then);
        Attempt {
            sent: self.sent,
            status: None,
            refused,
            source_port: self.source_port,
        }
    }
}
