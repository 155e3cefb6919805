//! Ten thousand sockets on one machine.

#![cfg(all(target_os = "linux", feature = "cli"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::{process::Stdio, sync::Arc};

use common::{
    PATIENCE,
    raw::{FINAL, RawClient, TEXT, frame},
    scripted,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    sync::Semaphore,
    task::JoinSet,
    time::timeout,
};

const SOCKETS: u64 = 10_000;

/// Sends a message, and reads it back.
async fn echo(client: &mut RawClient) {
    let text = br#"{"action":"echo","do":"echo"}"#;
    client.write(&frame(FINAL | TEXT, text)).await;
    assert_eq!(client.frame().await.payload, text);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_sockets_are_open_at_once_and_all_of_them_work() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    )
    .unwrap();
    let enough = limit.maximum.is_none_or(|maximum| maximum >= SOCKETS + 200);
    assert!(
        enough,
        "{limit:?}: this test needs more files; raise the hard limit (ulimit -Hn)"
    );
    let function = scripted().display().to_string();
    let mut gateway = Command::new(env!("CARGO_BIN_EXE_room-auth-gateway"))
        .args(["--port", "0", "--no-throttling", "--concurrency", "2"])
        .args([
            "--function",
            &format!("f={function}"),
            "--route",
            "$connect=f",
            "--route-with-response",
            "echo=f",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(gateway.stdout.take().unwrap()).lines();
    let url = timeout(PATIENCE, lines.next_line())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    let address: Arc<str> = url
        .strip_prefix("ws://")
        .unwrap()
        .strip_suffix("/dev")
        .unwrap()
        .into();

    let at_once = Arc::new(Semaphore::new(200));
    let mut opening = JoinSet::new();
    for _ in 0..SOCKETS {
        let (address, permit) = (address.clone(), at_once.clone().acquire_owned().await.unwrap());
        opening.spawn(async move {
            let client = RawClient::connect_to(&*address).await;
            drop(permit);
            client
        });
    }
    let mut clients = opening.join_all().await;
    assert_eq!(clients.len() as u64, SOCKETS);
    let kilobytes = resident_kilobytes(gateway.id().unwrap());
    assert!(kilobytes < 100 * 1024, "{kilobytes} KB for {SOCKETS} sockets");

    // Each of a thousand, from the first to the last, still speaks and is heard.
    for client in clients.iter_mut().step_by(10) {
        echo(client).await;
    }
}

fn resident_kilobytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}
