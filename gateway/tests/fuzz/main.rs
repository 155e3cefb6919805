//! Random and damaged bytes on every listener. After each batch the gateway serves a client as before, nothing has
//! panicked, and no descriptor is left open.
//!
//! `FUZZ_BATCHES` (20 without it) says how much is sent, a hundred connections a batch, and `FUZZ_SEED` (1) what:
//!
//! ```sh
//! FUZZ_BATCHES=3000 FUZZ_SEED=$RANDOM cargo test -p room-auth-gateway --test fuzz -- --nocapture
//! ```

#![cfg(all(target_os = "linux", feature = "dynamodb", feature = "tls"))]
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod mutate;
mod target;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use common::{
    eventually,
    raw::{CLOSE, FINAL, handshake},
};
use fastrand::Rng;
use target::{LISTENERS, Listener, Target};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

/// How many connections a batch has, all at once.
const BATCH: usize = 100;

/// How long an answer is waited for, before the client hangs up.
const QUIET: Duration = Duration::from_millis(100);

/// What one client does.
struct Shot {
    listener: Listener,
    address: String,
    /// Sent first, and its answer awaited: the handshake before frames.
    greeting: Option<String>,
    bytes: Vec<u8>,
    /// Where the bytes are divided into two writes.
    pause_at: usize,
    closes_half: bool,
}

impl Shot {
    fn new(target: &Target, rng: &mut Rng) -> Self {
        let listener = rng.choice(LISTENERS).unwrap();
        let bytes = if listener == Listener::WebSocket {
            mutate::frames(rng)
        } else {
            let good = rng.choice(target.good(listener)).unwrap();
            // While a response is pending, hyper does not look at what follows the request, and so would not notice
            // behind damage that the client has gone. A process that asks for an event and goes is noticed.
            if good.contains("/next") {
                good.into_bytes()
            } else {
                mutate::damaged(rng, good.as_bytes())
            }
        };
        Self {
            listener,
            address: target.address(listener),
            greeting: (listener == Listener::WebSocket).then(|| handshake("/dev")),
            pause_at: rng.usize(..=bytes.len()),
            closes_half: rng.bool(),
            bytes,
        }
    }

    /// Returns the status, or the code of a close frame, that came back.
    async fn fire(&self) -> Option<u16> {
        let mut stream = TcpStream::connect(&self.address).await.ok()?;
        if let Some(greeting) = &self.greeting {
            stream.write_all(greeting.as_bytes()).await.ok()?;
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(timeout(common::PATIENCE, stream.read_u8()).await.ok()?.ok()?);
            }
        }
        let (now, later) = self.bytes.split_at(self.pause_at);
        // The gateway may have seen enough, and closed.
        let _ = stream.write_all(now).await;
        tokio::task::yield_now().await;
        let _ = stream.write_all(later).await;
        if self.closes_half {
            let _ = stream.shutdown().await;
        }
        let mut answer = Vec::new();
        while timeout(QUIET, stream.read_buf(&mut answer))
            .await
            .is_ok_and(|read| read.is_ok_and(|n| n > 0))
        {}
        if self.greeting.is_some() {
            close_code(&answer)
        } else {
            let status = answer.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
            std::str::from_utf8(status).ok()?.parse().ok()
        }
    }
}

/// The code of the first close frame among frames of a server.
fn close_code(mut bytes: &[u8]) -> Option<u16> {
    loop {
        let (head, rest) = bytes.split_at_checked(2)?;
        let (length, rest) = match head[1] {
            length @ 0..126 => (length.into(), rest),
            126 => (
                u16::from_be_bytes(rest.get(..2)?.try_into().ok()?).into(),
                &rest[2..],
            ),
            _ => return None,
        };
        if head[0] == FINAL | CLOSE {
            return Some(u16::from_be_bytes(rest.get(..2)?.try_into().ok()?));
        }
        bytes = rest.get(length..)?;
    }
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| {
        text.parse().expect("FUZZ_BATCHES and FUZZ_SEED are numbers")
    })
}

/// Records panics of all threads, whether or not somebody joins them.
fn recorded_panics() -> Arc<Mutex<Vec<String>>> {
    let panics = Arc::<Mutex<Vec<String>>>::default();
    let (recorded, show) = (panics.clone(), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |panic| {
        recorded.lock().unwrap().push(panic.to_string());
        show(panic);
    }));
    panics
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_bytes_on_any_listener_stop_the_gateway_or_stay_with_it() {
    let batches = setting("FUZZ_BATCHES", 20);
    let seed = setting("FUZZ_SEED", 1);
    let mut rng = Rng::with_seed(seed);
    let panics = recorded_panics();
    let mut target = Target::start().await;
    target.works().await;
    target.victim_works().await;
    eventually(|| target.gateway.connection_count() == 1).await;
    let descriptors = open_descriptors();
    let mut answered = BTreeMap::<Listener, BTreeMap<Option<u16>, usize>>::new();
    for batch in 0..batches {
        let mut shots = JoinSet::new();
        for _ in 0..BATCH {
            let shot = Shot::new(&target, &mut rng);
            shots.spawn(async move { (shot.listener, shot.fire().await) });
        }
        for (listener, answer) in shots.join_all().await {
            *answered.entry(listener).or_default().entry(answer).or_default() += 1;
        }
        target.works().await;
        // Not within the assertion, whose own panic is recorded, too.
        let panicked = panics.lock().unwrap().clone();
        assert!(
            panicked.is_empty(),
            "{panicked:?} in batch {batch} of the seed {seed}"
        );
        eventually(|| target.gateway.connection_count() == 1).await;
        eventually(|| open_descriptors() <= descriptors).await;
    }
    target.victim_works().await;
    // Otherwise the bytes do not get far.
    let expected: [(Listener, &[u16]); 5] = [
        (Listener::Http, &[101, 400, 403, 426]),
        (Listener::WebSocket, &[1002, 1007]),
        (Listener::Connections, &[200, 400, 410]),
        (Listener::RuntimeApi, &[400, 404]),
        (Listener::DynamoDb, &[200, 400]),
    ];
    for (listener, answers) in expected {
        let found = &answered[&listener];
        say(&format!(
            "{listener:?}: {} connections, answers {found:?}",
            found.values().sum::<usize>()
        ));
        assert!(
            answers.iter().all(|answer| found.contains_key(&Some(*answer))),
            "{listener:?}: {found:?}"
        );
    }
}

#[expect(clippy::print_stdout, reason = "figures for whoever asks for them")]
fn say(text: &str) {
    println!("{text}");
}
