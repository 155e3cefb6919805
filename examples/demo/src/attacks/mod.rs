//! What an attacker would try, tried for real: each attack opens a socket of its own to the gateway.
//!
//! A browser could not do it: it signs with no key of its own, and does not say why a handshake was refused.

mod forge;
mod handshake;

use std::{io, sync::Arc, time::Duration};

use serde::Serialize;
use tokio::{
    sync::{Mutex, OnceCell, broadcast},
    time::timeout,
};
use tokio_tungstenite::tungstenite;

use crate::{events::Refusal, stack::Stack};
use forge::Forge;
use handshake::Handshake;
use room_auth::SigningKey;

/// An attack, as the page lists it.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Attack {
    pub(crate) id: &'static str,
    title: &'static str,
    what: &'static str,
    sent: &'static str,
}

/// How it went.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    id: &'static str,
    /// What was sent, tokens shortened.
    sent: Vec<String>,
    /// The HTTP status of the handshake.
    status: Option<u16>,
    expected: &'static str,
    refused: bool,
    /// As the function's own log tells it; the client is not told.
    reason: Option<String>,
}

/// Why an attack could not be tried.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttackError {
    #[error("the gateway does not answer: {0}")]
    Gateway(#[from] io::Error),
    #[error("the gateway does not speak WebSocket: {0}")]
    Protocol(#[from] Box<tungstenite::Error>),
    #[error("the gateway did not answer in time")]
    Timeout,
    #[error("no other key could be made: {0}")]
    Key(#[from] room_auth::SigningKeyError),
}

const HANDSHAKES: [Attack; 9] = [
    Attack {
        id: "no-token",
        title: "No token",
        what: "Connects without any credentials.",
        sent: "a handshake without a token",
    },
    Attack {
        id: "expired",
        title: "Expired token",
        what: "A genuine token, one minute past its end.",
        sent: "a handshake with a token whose exp has passed",
    },
    Attack {
        id: "not-yet-valid",
        title: "Not yet valid",
        what: "A genuine token from ten minutes in the future.",
        sent: "a handshake with a token whose iat lies ahead",
    },
    Attack {
        id: "other-key",
        title: "Another key",
        what: "The right claims, signed by a key of the attacker’s own.",
        sent: "a handshake with a token that the backend’s key did not sign",
    },
    Attack {
        id: "alg-none",
        title: "alg: none",
        what: "A header that says no signature is needed.",
        sent: "a handshake with a token that asks not to be verified",
    },
    Attack {
        id: "hs256-public-key",
        title: "HS256 with the public key",
        what: "The public key used as an HMAC secret: fools verifiers that let the token choose.",
        sent: "a handshake with a token signed by what everybody knows",
    },
    Attack {
        id: "changed-room",
        title: "Changed room",
        what: "A genuine token for the lobby, its claims edited to say staff.",
        sent: "a handshake with a token whose signature belongs to other claims",
    },
    Attack {
        id: "two-tokens",
        title: "Two tokens at once",
        what: "A genuine token in the subprotocol and another one in the query: which one counts?",
        sent: "a handshake with two genuine tokens",
    },
    Attack {
        id: "wrong-place",
        title: "Token in the wrong place",
        what: "A genuine token in a cookie, which a browser would send along from any page.",
        sent: "a handshake with a token where nobody looks for one",
    },
];

const KID_ELSEWHERE: Attack = Attack {
    id: "kid-elsewhere",
    title: "kid that points elsewhere",
    what: "A key id that is a path, and a jku that is a URL, both to a key of the attacker’s.",
    sent: "a handshake with a token that brings its own key",
};

/// How long a handshake may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the log line of a refusal may take after the refusal.
const LOG_PATIENCE: Duration = Duration::from_secs(1);

/// Tries attacks, one at a time.
#[derive(Debug)]
pub(crate) struct Attacks {
    stack: Arc<Stack>,
    list: Vec<Attack>,
    turn: Mutex<()>,
    other_key: OnceCell<SigningKey>,
}

impl Attacks {
    pub(crate) fn new(stack: Arc<Stack>) -> Self {
        let mut list = HANDSHAKES.to_vec();
        list.push(KID_ELSEWHERE);
        Self {
            stack,
            list,
            turn: Mutex::default(),
            other_key: OnceCell::new(),
        }
    }

    pub(crate) fn list(&self) -> &[Attack] {
        &self.list
    }

    pub(crate) async fn run(&self, attack: &Attack) -> Result<Outcome, AttackError> {
        let _turn = self.turn.lock().await;
        let other_key = self
            .other_key
            .get_or_try_init(|| async { SigningKey::generate() })
            .await?;
        let forge = Forge {
            key: &self.stack.key,
            other_key,
        };
        let handshake = craft(attack.id, &forge);
        let mut refusals = self.stack.events.refusals();
        let answer = timeout(PATIENCE, handshake.perform(&self.stack.url)).await;
        let answer = answer.map_err(|_| AttackError::Timeout)??;
        let refused = answer.status != 101;
        let reason = match self.stack.events.connection_from(answer.source_port) {
            Some(connection) if refused => reason(&mut refusals, &connection).await,
            _ => None,
        };
        Ok(Outcome {
            id: attack.id,
            sent: handshake.lines(),
            status: Some(answer.status),
            expected: "refused",
            refused,
            reason,
        })
    }
}

fn craft(id: &str, forge: &Forge<'_>) -> Handshake {
    match id {
        "expired" => Handshake::with(&forge.genuine("lobby", -120, -60)),
        "not-yet-valid" => Handshake::with(&forge.genuine("lobby", 600, 900)),
        "other-key" => Handshake::with(&forge.with_other_key("lobby")),
        "alg-none" => Handshake::with(&forge.alg_none("lobby")),
        "hs256-public-key" => Handshake::with(&forge.hs256_with_public_key("lobby")),
        "changed-room" => Handshake::with(&forge.changed_room("lobby", "staff")),
        "two-tokens" => {
            Handshake::with(&forge.genuine("lobby", 0, 60)).and_query(&forge.genuine("lobby", -1, 60))
        }
        "wrong-place" => Handshake::default().and_cookie(&forge.genuine("lobby", 0, 60)),
        "kid-elsewhere" => Handshake::with(&forge.kid_elsewhere("lobby")),
        _ => Handshake::default(),
    }
}

/// What the log says of this connection.
async fn reason(refusals: &mut broadcast::Receiver<Refusal>, connection: &str) -> Option<String> {
    let find = async {
        loop {
            match refusals.recv().await {
                Ok(refusal) if refusal.connection == connection => return Some(refusal.reason),
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    };
    timeout(LOG_PATIENCE, find).await.ok().flatten()
}
