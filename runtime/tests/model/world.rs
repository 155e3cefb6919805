//! The world around the functions: time, tokens, sockets, and what API Gateway does with a frame.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt as _;
use room_auth::rooms::Rooms;
use room_auth::testing::FixedClock;
use room_auth::{
    Algorithm, ApiEndpoint, Clock, ConnectionId, Issuer, PublicKeys, SigningKey, Transport, TransportError,
    Verifier,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::gates::{Gates, Line};
use crate::model::{Audience, Model, Socket, Tick, Token};
use crate::steps::{APIS, Fault, Pick, ROOMS, Sequence, USERS};
use crate::store::Store;

/// When each sequence begins, in seconds since the epoch.
const T0: u64 = 1_800_000_000;

/// What both sides know: the model, and what was seen to be wrong.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) model: Model,
    /// Of each invocation: its first moment, and whom its frames are for.
    acts: Vec<(Tick, Audience)>,
    wrong: Option<String>,
    log: Option<Vec<String>>,
}

#[derive(Debug)]
pub(crate) struct World {
    clock: WorldClock,
    pub(crate) gates: Gates,
    pub(crate) store: Store,
    pub(crate) single_use: bool,
    state: Mutex<State>,
}

/// A clock that goes with tokio's time.
#[derive(Clone, Copy, Debug)]
struct WorldClock(Instant);

impl Clock for WorldClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(T0) + self.0.elapsed()
    }
}

fn key() -> &'static SigningKey {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    KEY.get_or_init(|| SigningKey::generate_for(Algorithm::EdDsa).unwrap())
}

impl State {
    /// The number of a new invocation, and its first moment.
    pub(crate) fn begin(&mut self) -> (usize, Tick) {
        let since = self.model.tick();
        self.acts.push((since, Audience::Nobody));
        (self.acts.len() - 1, since)
    }

    pub(crate) fn address(&mut self, act: usize, audience: Audience) {
        self.acts[act].1 = audience;
    }

    pub(crate) fn wrong(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.log(|| format!("WRONG: {what}"));
        self.wrong.get_or_insert(what);
    }

    pub(crate) fn log(&mut self, what: impl FnOnce() -> String) {
        if let Some(log) = &mut self.log {
            log.push(what());
        }
    }
}

impl World {
    pub(crate) fn new(sequence: &Sequence, store: Store, is_logged: bool) -> Arc<Self> {
        let log = is_logged.then(Vec::new);
        Arc::new(Self {
            clock: WorldClock(Instant::now()),
            gates: Gates::default(),
            store,
            single_use: sequence.single_use,
            state: Mutex::new(State {
                log,
                ..State::default()
            }),
        })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// What was seen to be wrong, and what happened until then.
    pub(crate) fn verdict(&self) -> Result<(), String> {
        let state = self.state();
        let told =
            |wrong: &String| format!("{wrong}\n{}", state.log.as_deref().unwrap_or_default().join("\n"));
        state.wrong.as_ref().map_or(Ok(()), |wrong| Err(told(wrong)))
    }

    /// The time in milliseconds since the epoch.
    pub(crate) fn now(&self) -> u64 {
        let since = self.clock.now().duration_since(UNIX_EPOCH).unwrap();
        u64::try_from(since.as_millis()).unwrap()
    }

    pub(crate) fn verifier(&self) -> Verifier {
        static KEYS: OnceLock<PublicKeys> = OnceLock::new();
        let keys = KEYS.get_or_init(|| PublicKeys::from_pem(&key().public_key_pem()).unwrap());
        Verifier::new(keys.clone())
            .with_user_claim("user")
            .with_clock(self.clock)
    }

    /// The rooms of a function that is started for one invocation.
    pub(crate) fn rooms(self: &Arc<Self>, line: &Line) -> Rooms {
        let transport = LineToSockets {
            world: self.clone(),
            line: line.clone(),
        };
        let rooms = self.store.rooms(line, transport).with_revocation();
        if self.single_use {
            rooms.with_single_use()
        } else {
            rooms
        }
    }

    /// The number of the token that is presented by a connection of `user`.
    pub(crate) fn token(&self, pick: Pick, user: usize) -> usize {
        let now = self.now() / 1000;
        let mut state = self.state();
        let tokens = &mut state.model.tokens;
        let (user, room, age, life) = match pick {
            Pick::Again(token) if !tokens.is_empty() => return token % tokens.len(),
            Pick::Again(_) => (user, 0, 0, 45),
            Pick::New {
                is_own: true,
                room,
                age,
                life,
            } => (user, room, age, life),
            Pick::New { room, age, life, .. } => ((user + 1) % USERS.len(), room, age, life),
        };
        let iat = now.checked_add_signed(-age).unwrap();
        let id = format!("token-{}", tokens.len());
        let issuer = Issuer::new(key().clone(), Duration::from_secs(life)).unwrap();
        let issuer = issuer.with_clock(FixedClock::at(iat));
        let claims = json!({"user": USERS[user], "jti": id});
        let room_id = ROOMS[room].parse().unwrap();
        let signed = issuer.issue(&room_id, &claims).now_or_never();
        let text = signed.expect("the key is here").unwrap().as_str().to_owned();
        tokens.push(Token {
            user,
            room,
            iat,
            exp: iat + life,
            id,
            text,
            presented: 0,
        });
        tokens.len() - 1
    }

    /// A client goes away.
    pub(crate) fn client_leaves(&self, id: usize) {
        let now = self.now();
        let mut state = self.state();
        if let Some(peer) = state.model.open(id, now) {
            state.model.peers[peer].socket = Socket::Closed;
            state.log(|| format!("the client of {} goes away", name(id)));
        }
    }
}

/// The id of API Gateway.
pub(crate) fn name(id: usize) -> String {
    format!("c{id}=")
}

pub(crate) fn number(id: &ConnectionId) -> usize {
    id.as_str()
        .trim_start_matches('c')
        .trim_end_matches('=')
        .parse()
        .unwrap()
}

/// API Gateway's @connections.
#[derive(Clone, Debug)]
pub(crate) struct LineToSockets {
    world: Arc<World>,
    line: Line,
}

impl LineToSockets {
    async fn call(
        &self,
        at: &ApiEndpoint,
        to: &ConnectionId,
        frame: Option<&[u8]>,
    ) -> Result<(), TransportError> {
        let called_at = self.world.now();
        let fault = self.line.pass().await;
        match fault {
            Some(Fault::Throttled) => return Err(TransportError::Throttled),
            Some(Fault::Failed) => return Err(TransportError::Forbidden),
            _ => {}
        }
        self.take(at, to, frame, called_at)?;
        match fault {
            None => Ok(()),
            Some(Fault::Timeout) => Err(TransportError::Timeout),
            Some(_) => Err(TransportError::Unavailable("the answer was lost".into())),
        }
    }

    fn take(
        &self,
        at: &ApiEndpoint,
        to: &ConnectionId,
        frame: Option<&[u8]>,
        called_at: u64,
    ) -> Result<(), TransportError> {
        let api = APIS.iter().position(|api| *at == api.parse().unwrap()).unwrap();
        let (id, now) = (number(to), self.world.now());
        let mut state = self.world.state();
        let open = state.model.open(id, now);
        let Some(peer) = open.filter(|peer| state.model.peers[*peer].api == api) else {
            state.log(|| format!("  410 for {to} at {at}"));
            return Err(TransportError::Gone);
        };
        let act = self.line.act;
        let since = state.acts[act].0;
        let own = state.model.peers[peer].room;
        let is_member = state.model.must(peer, own, since, called_at);
        let Some(frame) = frame else {
            state.log(|| format!("  {to} is closed by #{act}"));
            if is_member {
                state.wrong(format!("{to} was closed"));
            }
            state.model.peers[peer].socket = Socket::Closed;
            return Ok(());
        };
        let frame: Value = serde_json::from_slice(frame).unwrap();
        state.log(|| format!("  {to} hears {frame}"));
        if let Some(message) = frame["message"].as_str() {
            if is_member {
                state.wrong(format!("{to} was told `{message}`"));
            }
            return Ok(());
        }
        let sender = usize::try_from(frame["frame"].as_u64().unwrap()).unwrap();
        let audience = state.acts[sender].1;
        if !state.model.may_hear(peer, audience, since, called_at) {
            state.wrong(format!("a frame of #{sender} for {audience:?} reached {to}"));
        }
        state.model.hears(sender, peer);
        Ok(())
    }
}

impl Transport for LineToSockets {
    async fn post(&self, at: &ApiEndpoint, to: &ConnectionId, frame: &[u8]) -> Result<(), TransportError> {
        self.call(at, to, Some(frame)).await
    }

    async fn close(&self, at: &ApiEndpoint, connection: &ConnectionId) -> Result<(), TransportError> {
        self.call(at, connection, None).await
    }
}
