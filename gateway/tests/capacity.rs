//! Ten thousand sockets on one machine.

#![cfg(all(target_os = "linux", feature = "cli"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::{process::Stdio, sync::Arc};

use common::{PATIENCE, scripted};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::Command,
    sync::Semaphore,
    task::JoinSet,
    time::timeout,
};

const SOCKETS: u64 = 10_000;

/// A WebSocket, and the id that `GET`ting it needs; by hand, as 10,000 clients of a library would not fit
/// beside each other.
async fn open(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /dev HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(
        head.starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&head)
    );
    stream
}

/// Sends `{"action":"echo","do":"echo"}` in a masked frame, and reads it back in one without a mask.
async fn echo(stream: &mut TcpStream) {
    let text = br#"{"action":"echo","do":"echo"}"#;
    let length = u8::try_from(text.len()).unwrap();
    let frame = [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_slice()].concat();
    stream.write_all(&frame).await.unwrap();
    let mut answer = vec![0; 2 + text.len()];
    timeout(PATIENCE, stream.read_exact(&mut answer))
        .await
        .expect("an echo in time")
        .unwrap();
    assert_eq!(answer, [&[0x81, length], text.as_slice()].concat());
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
            let stream = open(&address).await;
            drop(permit);
            stream
        });
    }
    let mut streams = opening.join_all().await;
    assert_eq!(streams.len() as u64, SOCKETS);
    let kilobytes = resident_kilobytes(gateway.id().unwrap());
    assert!(kilobytes < 100 * 1024, "{kilobytes} KB for {SOCKETS} sockets");

    // Each of a thousand, from the first to the last, still speaks and is heard.
    for stream in streams.iter_mut().step_by(10) {
        echo(stream).await;
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
