//! A small world: connections with tempers, a transport that reaches them, and what each of them heard.
//!
//! Time is tokio's, which tests pause: hours of it pass in milliseconds, and the same seed makes the same world.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use room_auth::registry::Written;
use room_auth::rooms::Rooms;
use room_auth::testing::{self, FixedClock, MemoryRegistry};
use room_auth::{
    ApiEndpoint, Clock, Connection, ConnectionId, EventContext, Issuer, PublicKeys, Registry as _,
    RoomClaims, RoomId, Transport, TransportError, Verifier, WebSocketEvent,
};
use serde_json::json;
use tokio::time::{Instant, sleep};

/// When the world begins, in seconds since the epoch.
pub(crate) const T0: u64 = 1_700_000_000;

/// A moment, in seconds since the epoch.
pub(crate) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The API and stage of a member unless a test says otherwise.
pub(crate) fn home() -> ApiEndpoint {
    "a1/dev".parse().unwrap()
}

/// Another API over the same table.
pub(crate) fn abroad() -> ApiEndpoint {
    "b2/prod".parse().unwrap()
}

/// The claims of a token for `room`, as they are recorded.
pub(crate) fn payload(room: &str, exp: u64) -> String {
    json!({"sub": room, "iat": T0 - 60, "exp": exp}).to_string()
}

/// A clock that goes with tokio's time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WorldClock(Instant);

impl Clock for WorldClock {
    fn now(&self) -> SystemTime {
        at(T0) + self.0.elapsed()
    }
}

/// How a connection takes a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Temper {
    /// It takes it after this long.
    Takes(Duration),
    /// It is throttled this many times, then takes it.
    Throttled(u32),
    /// Each attempt is throttled.
    AlwaysThrottled,
    /// It takes the frame, and the answer is lost: this many times, then not.
    AnswerLost(u32),
    /// There is no answer, and the frame is not taken.
    Silent,
    /// There is no such connection.
    Gone,
    /// The role may not reach it.
    Forbidden,
    /// It takes a frame, and closes on that.
    LeavesWhenTold,
    /// Its `$connect` is answered at this moment after the world's beginning: 410 until then, to a close as well.
    Connecting(Duration),
}

#[derive(Debug)]
struct Peer {
    endpoint: ApiEndpoint,
    temper: Temper,
    heard: Vec<(Duration, String)>,
    attempts: u32,
    is_closed: bool,
}

#[derive(Debug)]
struct State {
    began: Instant,
    peers: Mutex<BTreeMap<ConnectionId, Peer>>,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
    found_gone: Mutex<Vec<ConnectionId>>,
    misdirected: Mutex<Vec<ConnectionId>>,
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) registry: MemoryRegistry,
    state: Arc<State>,
}

impl World {
    pub(crate) fn new(page_size: usize) -> Self {
        Self {
            registry: MemoryRegistry::new().with_page_size(page_size),
            state: Arc::new(State {
                began: Instant::now(),
                peers: Mutex::default(),
                under_way: AtomicUsize::new(0),
                most_under_way: AtomicUsize::new(0),
                found_gone: Mutex::default(),
                misdirected: Mutex::default(),
            }),
        }
    }

    pub(crate) fn clock(&self) -> WorldClock {
        WorldClock(self.state.began)
    }

    pub(crate) fn transport(&self) -> WorldTransport {
        WorldTransport {
            state: self.state.clone(),
            fixed: None,
        }
    }

    /// A verifier whose clock is the world's.
    pub(crate) fn verifier(&self) -> Verifier {
        Verifier::new(PublicKeys::from_pem(testing::public_key_pem()).unwrap()).with_clock(self.clock())
    }

    pub(crate) fn rooms(&self) -> Rooms {
        self.rooms_of(self.transport())
    }

    pub(crate) fn rooms_of(&self, transport: WorldTransport) -> Rooms {
        Rooms::new(self.registry.clone(), transport).with_verifier(self.verifier())
    }

    /// A token for `room` from the world's beginning until `exp`.
    pub(crate) async fn token(room: &str, exp: u64) -> String {
        let issuer = Issuer::new(testing::signing_key(), Duration::from_secs(exp - T0)).unwrap();
        let issuer = issuer.with_clock(FixedClock::at(T0));
        let token = issuer.issue(&self::room(room), &()).await;
        token.unwrap().as_str().to_owned()
    }

    /// The claims of that token.
    pub(crate) async fn claims(&self, room: &str, exp: u64) -> RoomClaims {
        self.verifier().verify(&Self::token(room, exp).await).unwrap()
    }

    /// A connection a minute old whose token counts for five more.
    pub(crate) async fn join(&self, id: &str, room: &str, temper: Temper) -> Connection {
        self.join_until(id, room, temper, T0 + 300).await
    }

    pub(crate) async fn join_until(&self, id: &str, room: &str, temper: Temper, exp: u64) -> Connection {
        self.join_at(&home(), id, room, temper, exp).await
    }

    pub(crate) async fn join_at(
        &self,
        endpoint: &ApiEndpoint,
        id: &str,
        room: &str,
        temper: Temper,
        exp: u64,
    ) -> Connection {
        let age = match temper {
            Temper::Connecting(_) => 0,
            _ => 60,
        };
        let connection = Connection::new(
            id.parse().unwrap(),
            endpoint.clone(),
            room.parse().unwrap(),
            payload(room, exp),
            at(T0 - age),
            at(exp),
        );
        self.add(&connection, temper).await;
        connection
    }

    /// Records a connection, and lets the transport reach it.
    pub(crate) async fn add(&self, connection: &Connection, temper: Temper) {
        self.exist(&connection.endpoint, &connection.id, temper);
        assert_eq!(
            self.registry.record(connection, None).await.unwrap(),
            Written::Done
        );
    }

    /// Changes a connection, which must be recorded as it was seen.
    pub(crate) async fn update(&self, seen: &Connection, next: &Connection) {
        let written = self.registry.update(seen, next, None).await;
        assert_eq!(written.unwrap(), Written::Done);
    }

    /// A connection that the transport reaches, recorded or not.
    pub(crate) fn exist(&self, endpoint: &ApiEndpoint, id: &ConnectionId, temper: Temper) {
        let peer = Peer {
            endpoint: endpoint.clone(),
            temper,
            heard: Vec::new(),
            attempts: 0,
            is_closed: false,
        };
        self.state.peers.lock().unwrap().insert(id.clone(), peer);
    }

    pub(crate) fn set_temper(&self, id: &ConnectionId, temper: Temper) {
        self.state.peers.lock().unwrap().get_mut(id).unwrap().temper = temper;
    }

    /// The frames that a connection heard.
    pub(crate) fn heard(&self, id: &str) -> Vec<String> {
        let peers = self.state.peers.lock().unwrap();
        let heard = peers[&id.parse::<ConnectionId>().unwrap()].heard.iter();
        heard.map(|(_, frame)| frame.clone()).collect()
    }

    /// When a connection heard its first frame, after the world's beginning.
    pub(crate) fn heard_at(&self, id: &str) -> Duration {
        self.state.peers.lock().unwrap()[&id.parse::<ConnectionId>().unwrap()].heard[0].0
    }

    pub(crate) fn attempts(&self, id: &str) -> u32 {
        self.state.peers.lock().unwrap()[&id.parse::<ConnectionId>().unwrap()].attempts
    }

    pub(crate) fn is_closed(&self, id: &str) -> bool {
        self.state.peers.lock().unwrap()[&id.parse::<ConnectionId>().unwrap()].is_closed
    }

    pub(crate) async fn is_recorded(&self, id: &str) -> bool {
        let id = id.parse().unwrap();
        self.registry.find(&id).await.unwrap().is_some()
    }

    /// The connections that a 410 was answered for.
    pub(crate) fn found_gone(&self) -> Vec<ConnectionId> {
        self.state.found_gone.lock().unwrap().clone()
    }

    /// The connections that were asked for at an API that is not theirs.
    pub(crate) fn misdirected(&self) -> Vec<ConnectionId> {
        self.state.misdirected.lock().unwrap().clone()
    }

    /// How many posts there were at once, at most.
    pub(crate) fn most_under_way(&self) -> usize {
        self.state.most_under_way.load(Ordering::Relaxed)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.state.began.elapsed()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct WorldTransport {
    state: Arc<State>,
    /// Where every call goes, whatever endpoint it names.
    fixed: Option<ApiEndpoint>,
}

/// Counts a post for as long as it lives, given up or not.
struct UnderWay<'a>(&'a State);

impl<'a> UnderWay<'a> {
    fn begin(state: &'a State) -> Self {
        let now = state.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        state.most_under_way.fetch_max(now, Ordering::Relaxed);
        Self(state)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl WorldTransport {
    /// Sends everything to one API.
    pub(crate) fn fixed_at(self, endpoint: &ApiEndpoint) -> Self {
        Self {
            fixed: Some(endpoint.clone()),
            ..self
        }
    }

    /// Answers 410 for a connection of another API, as API Gateway does.
    fn route(&self, at: &ApiEndpoint, id: &ConnectionId) -> Result<(), TransportError> {
        let at = self.fixed.as_ref().unwrap_or(at);
        let is_here = self.with(id, |peer| peer.endpoint == *at);
        if is_here == Some(false) {
            self.state.misdirected.lock().unwrap().push(id.clone());
            return Err(TransportError::Gone);
        }
        Ok(())
    }

    fn with<T>(&self, id: &ConnectionId, act: impl FnOnce(&mut Peer) -> T) -> Option<T> {
        self.state.peers.lock().unwrap().get_mut(id).map(act)
    }

    fn gone(&self, id: &ConnectionId) -> Result<(), TransportError> {
        self.state.found_gone.lock().unwrap().push(id.clone());
        Err(TransportError::Gone)
    }

    async fn deliver(&self, to: &ConnectionId, frame: &[u8]) -> Result<(), TransportError> {
        let _under_way = UnderWay::begin(&self.state);
        let Some((temper, attempts)) = self.with(to, |peer| {
            peer.attempts += 1;
            let temper = if peer.is_closed { Temper::Gone } else { peer.temper };
            (temper, peer.attempts)
        }) else {
            return self.gone(to);
        };
        let quick = Duration::from_millis(10);
        let (delay, taken, answer) = match temper {
            Temper::Takes(delay) => (delay, true, Ok(())),
            Temper::Throttled(times) if attempts <= times => (quick, false, Err(TransportError::Throttled)),
            Temper::AnswerLost(times) if attempts <= times => (quick, true, Err(TransportError::Timeout)),
            Temper::Throttled(_) | Temper::AnswerLost(_) | Temper::LeavesWhenTold => (quick, true, Ok(())),
            Temper::AlwaysThrottled => (quick, false, Err(TransportError::Throttled)),
            Temper::Silent => (Duration::from_hours(1), false, Err(TransportError::Timeout)),
            Temper::Forbidden => (quick, false, Err(TransportError::Forbidden)),
            Temper::Gone => (quick, false, self.gone(to)),
            Temper::Connecting(until) => {
                sleep(quick).await;
                if self.state.began.elapsed() < until {
                    (Duration::ZERO, false, Err(TransportError::Gone))
                } else {
                    (Duration::ZERO, true, Ok(()))
                }
            }
        };
        sleep(delay).await;
        if taken {
            let text = || String::from_utf8(frame.to_vec()).unwrap();
            let frame = serde_json::from_slice(frame).unwrap_or_else(|_| text());
            let at = self.state.began.elapsed();
            self.with(to, |peer| {
                peer.heard.push((at, frame));
                peer.is_closed |= temper == Temper::LeavesWhenTold;
            });
        }
        answer
    }
}

impl Transport for WorldTransport {
    async fn post(&self, at: &ApiEndpoint, to: &ConnectionId, frame: &[u8]) -> Result<(), TransportError> {
        self.route(at, to)?;
        self.deliver(to, frame).await
    }

    async fn close(&self, at: &ApiEndpoint, id: &ConnectionId) -> Result<(), TransportError> {
        self.route(at, id)?;
        sleep(Duration::from_millis(10)).await;
        let elapsed = self.state.began.elapsed();
        match self.with(id, |peer| {
            if matches!(peer.temper, Temper::Connecting(until) if elapsed < until) {
                return Err(TransportError::Gone);
            }
            let was_there = !peer.is_closed && peer.temper != Temper::Gone;
            peer.is_closed = true;
            Ok(was_there)
        }) {
            Some(Ok(true)) => Ok(()),
            Some(Err(error)) => Err(error),
            _ => self.gone(id),
        }
    }

    fn has_fixed_endpoint(&self) -> bool {
        self.fixed.is_some()
    }
}

pub(crate) fn room(name: &str) -> RoomId {
    name.parse().unwrap()
}

/// What an event of `connection` is about, as a handler sees it.
pub(crate) fn context(connection: &Connection, event_type: &str) -> EventContext {
    let connected_at = connection
        .connected_at
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis();
    let route_key = match event_type {
        "CONNECT" => "$connect",
        "DISCONNECT" => "$disconnect",
        _ => "send",
    };
    let event = json!({"requestContext": {
        "eventType": event_type, "routeKey": route_key, "connectionId": connection.id.as_str(),
        "connectedAt": u64::try_from(connected_at).unwrap(),
        "apiId": connection.endpoint.api_id(), "stage": connection.endpoint.stage(),
        "domainName": "attacker.wild.example",
    }, "body": "{}", "isBase64Encoded": false});
    let event: WebSocketEvent = serde_json::from_str(&event.to_string()).unwrap();
    event.context().clone()
}
