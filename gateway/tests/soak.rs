//! Connects and disconnects by the thousand, a fifth of the `$disconnect`s lost, and nothing is left behind: no task, no
//! descriptor, no process, no memory.
//!
//! `ROOM_AUTH_GATEWAY_SOAK=100000 cargo test -p room-auth-gateway --test soak -- --nocapture` is the long form.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout, reason = "the figures of the long form")]

mod common;

use std::{
    collections::BTreeSet,
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use common::{PATIENCE, connect, function, receive, send};
use futures_util::{StreamExt, stream};
use parking_lot::Mutex;
use peak_alloc::PeakAlloc;
use room_auth_gateway::{Gateway, LogSink};
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    runtime::{Builder, Handle},
    time::timeout,
};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Runs one test at a time, the end of its runtime included: what is counted belongs to the whole process.
fn alone(test: impl Future<Output = ()>) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock();
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(test);
}

/// How many connects `cargo test` makes.
const SHORT: usize = 2_400;

/// Connects that are made before all of them are ended and looked for.
const BATCH: usize = 100;

/// Of these, the `$disconnect`s that are lost.
const LOST: usize = BATCH / 5;

const AT_ONCE: usize = 20;

/// What may be allocated more at the end than after two thirds, in bytes: less than one for each connect of the long form.
const SLACK: usize = 16 * 1024;

/// The same for what is resident, which also depends on where the system's allocator puts things.
const RESIDENT_SLACK: usize = 8 * 1024 * 1024;

/// What this process holds, the gateway in it included.
#[derive(Clone, Debug, PartialEq)]
struct Held {
    tasks: usize,
    descriptors: usize,
    /// Its children, those included that nobody has waited for.
    processes: BTreeSet<u32>,
    /// Allocated, in bytes.
    heap: usize,
    /// In bytes.
    resident: usize,
}

impl Held {
    fn now() -> Self {
        Self {
            tasks: Handle::current().metrics().num_alive_tasks(),
            descriptors: fs::read_dir("/proc/self/fd").unwrap().count(),
            processes: children(),
            heap: HEAP.current_usage(),
            resident: resident(),
        }
    }

    /// Returns what is there that was not there `before`.
    fn leaks(&self, before: &Self) -> Vec<String> {
        let mut leaks = Vec::new();
        let mut compare = |name: &str, now: usize, then: usize| {
            if now > then {
                leaks.push(format!("{} {name} more than {then}", now - then));
            }
        };
        compare("tasks", self.tasks, before.tasks);
        compare("descriptors", self.descriptors, before.descriptors);
        compare(
            "processes",
            self.processes.difference(&before.processes).count(),
            0,
        );
        leaks
    }

    /// Returns by how much memory has grown since `before`, if it has not stayed flat.
    fn growth(&self, before: &Self) -> Option<String> {
        let allocated = self.heap.saturating_sub(before.heap);
        let is_flat = allocated <= SLACK && self.resident <= before.resident + RESIDENT_SLACK;
        (!is_flat).then(|| {
            format!(
                "{allocated} bytes more are allocated; resident are {} after {}",
                self.resident, before.resident
            )
        })
    }
}

fn children() -> BTreeSet<u32> {
    let own = std::process::id().to_string();
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let id = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // After the name, which may hold anything: the state and the parent.
        let parent = stat.rsplit(") ").next()?.split(' ').nth(1)?.to_owned();
        (parent == own).then_some(id)
    });
    processes.collect()
}

fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let kilobytes: usize = line.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    kilobytes * 1024
}

/// The events that the function has seen.
#[derive(Default)]
struct Seen {
    connects: AtomicUsize,
    disconnects: AtomicUsize,
}

impl Seen {
    fn connects(&self) -> usize {
        self.connects.load(Ordering::Relaxed)
    }

    fn disconnects(&self) -> usize {
        self.disconnects.load(Ordering::Relaxed)
    }

    fn sink(self: &Arc<Self>) -> LogSink {
        let this = self.clone();
        LogSink::callback(move |line| {
            for (kind, count) in [("CONNECT", &this.connects), ("DISCONNECT", &this.disconnects)] {
                if line.text.contains(&format!("\"eventType\":\"{kind}\"")) {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
        })
    }
}

/// Connects and goes, in one of the ways that clients have.
async fn visit(gateway: &Gateway, number: usize) {
    match number % 4 {
        // It does not wait for the answer.
        0 => {
            let mut stream = TcpStream::connect(gateway.local_addr()).await.unwrap();
            let request = "GET /dev HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                           Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
            stream.write_all(request.as_bytes()).await.unwrap();
        }
        // It breaks off.
        1 => drop(connect(gateway).await),
        2 => {
            let mut client = connect(gateway).await;
            send(&mut client, r#"{"action":"echo","do":"echo"}"#).await;
            receive(&mut client).await;
            client.close(None).await.unwrap();
            while client.next().await.is_some_and(|message| message.is_ok()) {}
        }
        _ => connect(gateway).await.close(None).await.unwrap(),
    }
}

#[test]
fn connections_that_have_ended_leave_nothing_behind_even_if_disconnects_are_lost() {
    alone(soak());
}

async fn soak() {
    let connects = std::env::var("ROOM_AUTH_GATEWAY_SOAK").map_or(SHORT, |number| number.parse().unwrap());
    let batches = connects.div_ceil(BATCH);
    let seen = Arc::<Seen>::default();
    let gateway = Gateway::builder()
        .function("scripted", function().concurrency(1))
        .route("$connect", "scripted")
        .route("$disconnect", "scripted")
        .route_with_response("echo", "scripted")
        .limits(|limits| (limits.connections_per_second, limits.requests_per_second) = (None, None))
        .logs(seen.sink())
        .start()
        .await
        .unwrap();
    let at_first = Held::now();
    let mut after_two_thirds = None;
    for batch in 1..=batches {
        gateway.faults().lose_disconnects(LOST);
        let visits = stream::iter(0..BATCH).map(|number| visit(&gateway, number));
        visits.buffer_unordered(AT_ONCE).collect::<()>().await;
        let has_settled = || {
            let all_told = seen.connects() == seen.disconnects() + batch * LOST;
            all_told && gateway.connection_count() == 0 && Held::now().leaks(&at_first).is_empty()
        };
        until(has_settled, || {
            format!(
                "after {batch} batches: {} connections, {} connects and {} disconnects seen, {:?}",
                gateway.connection_count(),
                seen.connects(),
                seen.disconnects(),
                Held::now().leaks(&at_first)
            )
        })
        .await;
        if batch == batches * 2 / 3 {
            after_two_thirds = Some(Held::now());
        }
    }
    // Of those who do not wait, some are gone before they are noticed.
    assert!(
        (batches * BATCH * 3 / 4..=batches * BATCH).contains(&seen.connects()),
        "{}",
        seen.connects()
    );
    let (at_last, after_two_thirds) = (Held::now(), after_two_thirds.unwrap());
    println!(
        "{} connects: {at_first:?}, {after_two_thirds:?}, {at_last:?}",
        batches * BATCH
    );
    assert_eq!(at_last.growth(&after_two_thirds), None);
    gateway.shutdown().await;
    assert_eq!(children(), BTreeSet::new());
}

/// Waits until `is_true`, and fails with what `is_wrong` says.
async fn until(mut is_true: impl FnMut() -> bool, is_wrong: impl Fn() -> String) {
    let waiting = async {
        while !is_true() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(PATIENCE, waiting).await.is_ok(), "{}", is_wrong());
}

#[test]
fn what_is_left_behind_on_purpose_is_found() {
    alone(leave_behind());
}

async fn leave_behind() {
    let before = Held::now();
    assert_eq!((before.leaks(&before), before.growth(&before)), (vec![], None));

    let task = tokio::spawn(std::future::pending::<()>());
    assert_eq!(Held::now().leaks(&before), ["1 tasks more than 0"]);
    task.abort();
    // The handle is told of the end a moment before the runtime has taken the task out of its count.
    until(
        || Held::now().leaks(&before).is_empty(),
        || "an aborted task is still counted".to_owned(),
    )
    .await;

    let file = tempfile::tempfile().unwrap();
    assert_eq!(
        Held::now().leaks(&before),
        [format!("1 descriptors more than {}", before.descriptors)]
    );
    drop(file);

    // Nobody waits for it, so it stays a process even if it ends.
    let mut child = std::process::Command::new("true").spawn().unwrap();
    assert_eq!(Held::now().leaks(&before), ["1 processes more than 0"]);
    child.wait().unwrap();

    let memory = vec![1_u8; 2 * SLACK];
    assert!(
        Held::now()
            .growth(&before)
            .unwrap()
            .contains("bytes more are allocated")
    );
    drop(memory);
    assert_eq!(Held::now().growth(&before), None);
}
