//! What a broadcast to a large room holds in memory: counted in this process's allocator.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use peak_alloc::PeakAlloc;
use room_auth::registry::{BoxFuture, DEFAULT_PAGE_SIZE, Member, MemberPage, PageToken};
use room_auth::rooms::{Broadcast, Rooms};
use room_auth::{Connection, ConnectionId, Registry, RegistryError, RoomId, Transport, TransportError};
use tokio::time::sleep;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// A room whose pages are made when they are asked for, as a query's answer is.
#[derive(Debug)]
struct Large(usize);

impl Large {
    fn page(&self, from: usize) -> MemberPage {
        let end = self.0.min(from + usize::from(DEFAULT_PAGE_SIZE));
        let member = |number| {
            let id = format!("L0SM9cOFvH{number:05}=");
            Member::new(id.parse().unwrap(), 1, u64::MAX)
        };
        let members = (from..end).map(member).collect();
        MemberPage::new(members, (end < self.0).then(|| PageToken::new(end.to_string())))
    }
}

impl Registry for Large {
    fn record<'a>(&'a self, _: &'a Connection) -> BoxFuture<'a, Result<(), RegistryError>> {
        unreachable!("a broadcast records nobody")
    }

    fn find<'a>(&'a self, _: &'a ConnectionId) -> BoxFuture<'a, Result<Option<Connection>, RegistryError>> {
        unreachable!("nobody has expired")
    }

    fn renew<'a>(&'a self, _: &'a Connection) -> BoxFuture<'a, Result<bool, RegistryError>> {
        unreachable!("a broadcast renews nobody")
    }

    fn forget<'a>(
        &'a self,
        _: &'a ConnectionId,
        _: &'a RoomId,
        _: u64,
    ) -> BoxFuture<'a, Result<(), RegistryError>> {
        Box::pin(async { Ok(()) })
    }

    fn members<'a>(
        &'a self,
        _: &'a RoomId,
        from: Option<&'a PageToken>,
    ) -> BoxFuture<'a, Result<MemberPage, RegistryError>> {
        Box::pin(async move {
            sleep(Duration::from_millis(10)).await;
            Ok(self.page(from.map_or(0, |from| from.as_str().parse().unwrap())))
        })
    }
}

/// Takes ten milliseconds for a frame; each third connection is gone.
#[derive(Debug, Default)]
struct Some2In3(AtomicUsize);

impl Transport for Some2In3 {
    fn post<'a>(&'a self, _: &'a ConnectionId, _: &'a [u8]) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            sleep(Duration::from_millis(10)).await;
            match self.0.fetch_add(1, Ordering::Relaxed) % 3 {
                0 => Err(TransportError::Gone),
                _ => Ok(()),
            }
        })
    }

    fn close<'a>(&'a self, _: &'a ConnectionId) -> BoxFuture<'a, Result<(), TransportError>> {
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
    let rooms = Rooms::new(Large(members), Some2In3::default()).with_budget(Duration::from_hours(1));
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
    let page = Large(usize::from(DEFAULT_PAGE_SIZE)).page(0);
    let page_bytes = MEMORY.current_usage() - before;
    drop(page);

    // Once for what is allocated once and kept.
    peak(100);
    let (small, large) = (peak(10_000), peak(100_000));
    println!("a page {page_bytes}, 10,000 members {small}, 100,000 members {large} bytes");
    // The page being served, the next one coming in, and 64 frames under way of at most 2 KB each.
    assert!(
        small < 2 * page_bytes + 64 * 2048,
        "{small} bytes, a page has {page_bytes}"
    );
    assert!(
        large < small + small / 10,
        "{large} bytes for ten times the members of {small}"
    );
}
