//! What a broadcast to a large room holds in memory: counted in this process's allocator.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use peak_alloc::PeakAlloc;
use room_auth::registry::{
    DEFAULT_PAGE_SIZE, Page, PageToken, Revocation, Revocations, RoomMember, SingleUse, Trace,
    UserConnection, Written,
};
use room_auth::rooms::{Broadcast, Rooms};
use room_auth::{
    ApiEndpoint, Connection, ConnectionId, Registry, RegistryError, RoomId, Transport, TransportError,
};
use tokio::time::sleep;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const CLAIMS: &str = r#"{"sub":"lobby","iat":1700000000,"exp":1700003600,"user":"alice"}"#;

/// A room whose pages are made when they are asked for, as a query's answer is.
#[derive(Debug)]
struct Large {
    members: usize,
    connected_at: SystemTime,
}

impl Large {
    fn new(members: usize) -> Self {
        Self {
            members,
            // Old enough for a 410 to be proof.
            connected_at: SystemTime::now() - Duration::from_mins(1),
        }
    }

    fn connection(&self, id: ConnectionId) -> Connection {
        Connection::new(
            id,
            "a1b2c3d4e5/prod".parse().unwrap(),
            "lobby".parse().unwrap(),
            CLAIMS,
            self.connected_at,
            self.connected_at + Duration::from_hours(1),
        )
    }

    fn page(&self, from: usize) -> Page<RoomMember> {
        let end = self.members.min(from + usize::from(DEFAULT_PAGE_SIZE));
        let member = |number| {
            let connection = self.connection(format!("L0SM9cOFvH{number:05}=").parse().unwrap());
            connection.member_of(&connection.room)
        };
        let members = (from..end).filter_map(member).collect();
        Page::new(
            members,
            (end < self.members).then(|| PageToken::new(end.to_string())),
        )
    }
}

impl Registry for Large {
    async fn record(&self, _: &Connection, _: Option<&SingleUse>) -> Result<Written, RegistryError> {
        unreachable!("a broadcast records nobody")
    }

    async fn find(&self, id: &ConnectionId) -> Result<Option<Connection>, RegistryError> {
        Ok(Some(self.connection(id.clone())))
    }

    async fn update(
        &self,
        _: &Connection,
        _: &Connection,
        _: Option<&SingleUse>,
    ) -> Result<Written, RegistryError> {
        unreachable!("no membership has lapsed")
    }

    async fn forget(&self, _: &Connection) -> Result<bool, RegistryError> {
        Ok(true)
    }

    async fn members(&self, _: &RoomId, from: Option<&PageToken>) -> Result<Page<RoomMember>, RegistryError> {
        sleep(Duration::from_millis(10)).await;
        Ok(self.page(from.map_or(0, |from| from.as_str().parse().unwrap())))
    }

    async fn connections_of(
        &self,
        _: &str,
        _: Option<&PageToken>,
    ) -> Result<Page<UserConnection>, RegistryError> {
        unreachable!("a broadcast to a room asks for no user")
    }

    async fn sweep(&self, _: Trace<'_>) -> Result<(), RegistryError> {
        unreachable!("there is no trace")
    }

    async fn revoke(&self, _: &Revocation) -> Result<(), RegistryError> {
        unreachable!("a broadcast revokes nobody")
    }

    async fn revocations(&self, _: Option<&str>, _: Option<&str>) -> Result<Revocations, RegistryError> {
        unreachable!("a broadcast takes no token")
    }
}

/// Takes ten milliseconds for a frame; each third connection is gone.
#[derive(Debug, Default)]
struct Some2In3(AtomicUsize);

impl Transport for Some2In3 {
    async fn post(&self, _: &ApiEndpoint, _: &ConnectionId, _: &[u8]) -> Result<(), TransportError> {
        sleep(Duration::from_millis(10)).await;
        match self.0.fetch_add(1, Ordering::Relaxed) % 3 {
            0 => Err(TransportError::Gone),
            _ => Ok(()),
        }
    }

    async fn close(&self, _: &ApiEndpoint, _: &ConnectionId) -> Result<(), TransportError> {
        unreachable!("nobody has expired")
    }
}

/// The most bytes that a broadcast to this many members had allocated at once.
fn peak(members: usize) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let rooms = Rooms::new(Large::new(members), Some2In3::default()).with_budget(Duration::from_hours(1));
    let room = "lobby".parse().unwrap();
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let delivery = runtime
        .block_on(rooms.broadcast(Broadcast::new(&room, "{}")))
        .unwrap();
    assert!(delivery.is_complete());
    assert_eq!(delivery.delivered() + delivery.gone(), members as u64);
    MEMORY.peak_usage() - before
}

// One test: others in this process would be counted along.
#[test]
fn a_broadcast_holds_a_page_and_what_is_under_way_however_large_the_room() {
    let before = MEMORY.current_usage();
    let page = Large::new(usize::from(DEFAULT_PAGE_SIZE)).page(0);
    let page_bytes = MEMORY.current_usage() - before;
    drop(page);

    // Once for what is allocated once and kept.
    peak(100);
    let (small, large) = (peak(10_000), peak(100_000));
    println!("a page {page_bytes}, 10,000 members {small}, 100,000 members {large} bytes");
    // The page being served, the next one and the room into which it is moved, and 16 frames under way of at most
    // 2 KB each. A page holds claims and endpoints, too: the same query answers who is there.
    assert!(
        small < 3 * page_bytes + Rooms::DEFAULT_CONCURRENCY * 2048,
        "{small} bytes, a page has {page_bytes}"
    );
    assert!(
        large < small + small / 10,
        "{large} bytes for ten times the members of {small}"
    );
}
