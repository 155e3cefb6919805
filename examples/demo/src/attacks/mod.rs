//! Tries for real what an attacker would try: each attack opens a socket of its own to the gateway.
//!
//! A browser cannot do this: it has no key to sign with, and does not show why a handshake was refused.

mod error;
mod forge;
mod handshake;
mod session;

use std::{sync::Arc, time::Duration};

use room_auth::SigningKey;
use serde::Serialize;
use tokio::{
    sync::{Mutex, OnceCell, broadcast},
    time::timeout,
};

use crate::{events::Refusal, issuer::LocalIssuer, stack::Stack};
pub(crate) use error::AttackError;
use forge::Forge;
use handshake::Handshake;
use session::Attempt;

/// An attack, for the list on the page.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Attack {
    pub(crate) id: &'static str,
    title: &'static str,
    what: &'static str,
    sent: &'static str,
}

/// The result of an attack.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    id: &'static str,
    /// What was sent, tokens shortened.
    sent: Vec<String>,
    /// The HTTP status of the handshake.
    status: Option<u16>,
    expected: &'static str,
    refused: bool,
    /// The reason in the function's own log. The client does not get it.
    reason: Option<String>,
}

const ATTACKS: [Attack; 16] = [
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
    Attack {
        id: "after-expiry",
        title: "Message after expiry",
        what: "Connects in time, waits for the token to run out, then speaks.",
        sent: "a genuine token, and a message two seconds later",
    },
    Attack {
        id: "renew-other-room",
        title: "Renewal to another room",
        what: "Connected to one room, renews with a genuine token for another.",
        sent: "a genuine token, and another one in band",
    },
    Attack {
        id: "kid-elsewhere",
        title: "kid that points elsewhere",
        what: "A key id that is a path, and a jku that is a URL, both to a key of the attacker’s.",
        sent: "a handshake with a token that brings its own key",
    },
    Attack {
        id: "replayed-ticket",
        title: "Replay of a single-use ticket",
        what: "A genuine token used twice, at a chat that accepts each one once.",
        sent: "two handshakes with the same token",
    },
    Attack {
        id: "without-capability",
        title: "Message without the capability",
        what: "Connected with a token that allows to read only, speaks.",
        sent: "a genuine token whose can lacks send, and a message",
    },
    Attack {
        id: "after-logout",
        title: "Token after “log out everywhere”",
        what: "A stolen token whose user logs out everywhere: its connection is ended, then it is used again.",
        sent: "two handshakes with the same token, before and after the log-out",
    },
    Attack {
        id: "other-users-token",
        title: "Another user’s token",
        what: "Connected as one user, joins a room with a genuine token of another.",
        sent: "a genuine token, and another user’s in band",
    },
];

/// How long an attack may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long the log line may come after the refusal.
const LOG_TIMEOUT: Duration = Duration::from_secs(1);

/// Tries attacks, one at a time.
#[derive(Debug)]
pub(crate) struct Attacks {
    stack: Arc<Stack>,
    turn: Mutex<()>,
    other_key: OnceCell<SigningKey>,
}

impl Attacks {
    pub(crate) fn new(stack: Arc<Stack>) -> Self {
        Self {
            stack,
            turn: Mutex::default(),
            other_key: OnceCell::new(),
        }
    }

    pub(crate) fn list() -> &'static [Attack] {
        &ATTACKS
    }

    pub(crate) async fn run(&self, attack: &Attack) -> Result<Outcome, AttackError> {
        let _turn = self.turn.lock().await;
        let mut refusals = self.stack.events.refusals();
        let tried = timeout(TIMEOUT, self.attempt(attack.id)).await;
        let attempt = tried.map_err(|_| AttackError::Timeout)??;
        let reason = match self.stack.events.connection_from(attempt.source_port) {
            Some(connection) if attempt.refused => reason(&mut refusals, &connection).await,
            _ => None,
        };
        Ok(Outcome {
            id: attack.id,
            sent: attempt.sent,
            status: attempt.status,
            expected: "refused",
            refused: attempt.refused,
            reason,
        })
    }

    async fn attempt(&self, id: &str) -> Result<Attempt, AttackError> {
        let other_key = || async { SigningKey::generate_for(self.stack.key.algorithm()) };
        let forge = Forge {
            key: &self.stack.key,
            other_key: self.other_key.get_or_try_init(other_key).await?,
            provider: self.stack.provider.as_ref().map(LocalIssuer::url),
        };
        let room = if id == "changed-room" { "staff" } else { "lobby" };
        let (url, url_in_band) = (&self.stack.url_for(room), &self.stack.url_for(session::ROOM));
        match id {
            "after-expiry" => session::message_after_expiry(&forge, url_in_band).await,
            "renew-other-room" => session::renewal_to_another_room(&forge, url_in_band).await,
            "replayed-ticket" => self.replayed_ticket(&forge).await,
            "without-capability" => session::message_without_capability(&forge, url_in_band).await,
            "after-logout" => session::token_after_logout(&forge, url_in_band, &self.stack.revocation).await,
            "other-users-token" => session::join_with_another_users_token(&forge, url_in_band).await,
            _ => {
                let handshake = handshake_of(id, &forge);
                let answer = handshake.perform(url).await?;
                Ok(Attempt {
                    sent: handshake.lines(url),
                    status: Some(answer.status),
                    refused: answer.status != 101,
                    source_port: answer.source_port,
                })
            }
        }
    }

    /// The page's own tickets may be used until they expire. The chat that accepts each of them once is started for this.
    async fn replayed_ticket(&self, forge: &Forge<'_>) -> Result<Attempt, AttackError> {
        let gateway = self.stack.start_single_use().await?;
        let url = self.stack.with_room(&gateway.websocket_url(), session::ROOM);
        let attempt = session::replayed_ticket(forge, &url).await;
        gateway.shutdown().await;
        attempt
    }
}

fn handshake_of(id: &str, forge: &Forge<'_>) -> Handshake {
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

/// Waits for the reason in the log of this connection.
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
    timeout(LOG_TIMEOUT, find).await.ok().flatten()
}
