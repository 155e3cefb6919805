//! A small world: connections with tempers, a transport that reaches them, and what each of them heard.
//!
//! Time is tokio's, which tests pause: hours of it pass in milliseconds, and the same seed makes the same world.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use room_auth::registry::BoxFuture;
use room_auth::{Clock, Connection, ConnectionId, Registry, RoomId, Transport, TransportError};
use tokio::time::{Instant, sleep};

use super::memory::Memory;

/// When the world begins, in seconds since the epoch.
pub(crate) const T0: u64 = 1_700_000_000;

/// A clock that goes with tokio's time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WorldClock(Instant);

impl Clock for WorldClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(T0) + self.0.elapsed()
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
    /// Its `$connect` is answered at this moment after the world's beginning: 410 until then.
    Connecting(Duration),
}

#[derive(Debug)]
struct Peer {
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
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) registry: Memory,
    state: Arc<State>,
}

impl World {
    pub(crate) fn new(page_size: usize) -> Self {
        Self {
            registry: Memory::with_page_size(page_size),
            state: Arc::new(State {
                began: Instant::now(),
                peers: Mutex::default(),
                under_way: AtomicUsize::new(0),
                most_under_way: AtomicUsize::new(0),
                found_gone: Mutex::default(),
            }),
        }
    }

    pub(crate) fn clock(&self) -> WorldClock {
        WorldClock(self.state.began)
    }

    pub(crate) fn transport(&self) -> WorldTransport {
        WorldTransport(self.state.clone())
    }

    /// A connection a minute old whose token counts for five more.
    pub(crate) async fn join(&self, id: &str, room: &str, temper: Temper) -> Connection {
        self.join_until(id, room, temper, T0 + 300).await
    }

    pub(crate) async fn join_until(&self, id: &str, room: &str, temper: Temper, exp: u64) -> Connection {
        let age = match temper {
            Temper::Connecting(_) => 0,
            _ => 60,
        };
        let connected_at = (T0 - age) * 1000;
        let connection = Connection::new(
            id.parse().unwrap(),
            room.parse().unwrap(),
            "{}",
            connected_at,
            exp,
        );
        self.exist(&connection.id, temper);
        self.registry.record(&connection).await.unwrap();
        connection
    }

    /// A connection that the transport reaches, recorded or not.
    pub(crate) fn exist(&self, id: &ConnectionId, temper: Temper) {
        let peer = Peer {
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

    /// How many posts there were at once, at most.
    pub(crate) fn most_under_way(&self) -> usize {
        self.state.most_under_way.load(Ordering::Relaxed)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.state.began.elapsed()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct WorldTransport(Arc<State>);

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
    fn with<T>(&self, id: &ConnectionId, act: impl FnOnce(&mut Peer) -> T) -> Option<T> {
        self.0.peers.lock().unwrap().get_mut(id).map(act)
    }

    fn gone(&self, id: &ConnectionId) -> Result<(), TransportError> {
        self.0.found_gone.lock().unwrap().push(id.clone());
        Err(TransportError::Gone)
    }

    async fn deliver(&self, to: &ConnectionId, frame: &[u8]) -> Result<(), TransportError> {
        let _under_way = UnderWay::begin(&self.0);
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
            Temper::Throttled(_) | Temper::AnswerLost(_) => (quick, true, Ok(())),
            Temper::AlwaysThrottled => (quick, false, Err(TransportError::Throttled)),
            Temper::Silent => (Duration::from_hours(1), false, Err(TransportError::Timeout)),
            Temper::Forbidden => (quick, false, Err(TransportError::Forbidden)),
            Temper::Gone => (quick, false, self.gone(to)),
            Temper::Connecting(until) => {
                sleep(quick).await;
                if self.0.began.elapsed() < until {
                    (Duration::ZERO, false, Err(TransportError::Gone))
                } else {
                    (Duration::ZERO, true, Ok(()))
                }
            }
        };
        sleep(delay).await;
        if taken {
            let frame = String::from_utf8(frame.to_vec()).unwrap();
            let at = self.0.began.elapsed();
            self.with(to, |peer| peer.heard.push((at, frame)));
        }
        answer
    }
}

impl Transport for WorldTransport {
    fn post<'a>(
        &'a self,
        to: &'a ConnectionId,
        frame: &'a [u8],
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(self.deliver(to, frame))
    }

    fn close<'a>(&'a self, id: &'a ConnectionId) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            sleep(Duration::from_millis(10)).await;
            match self.with(id, |peer| {
                let was_there = !peer.is_closed && peer.temper != Temper::Gone;
                peer.is_closed = true;
                was_there
            }) {
                Some(true) => Ok(()),
                _ => self.gone(id),
            }
        })
    }
}

pub(crate) fn room(name: &str) -> RoomId {
    name.parse().unwrap()
}
