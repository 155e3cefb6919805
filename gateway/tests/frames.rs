//! The framing of RFC 6455, as the Autobahn suite asks for it: what is allowed, what ends a connection, and with which
//! code. Each time the connection is forgotten, its function is told, and nobody else notices.

#![allow(clippy::unwrap_used)]

mod common;

use common::{
    Client, Log, builder, connect, connect_known, eventually, gateway,
    raw::{BINARY, CLOSE, CONTINUATION, FINAL, PING, PONG, RawClient, TEXT, close, frame, handshake},
    receive, send,
};
use room_auth_gateway::Gateway;
use tokio::{io::AsyncWriteExt, net::TcpStream};

const ECHO: &[u8] = br#"{"action":"echo","do":"echo"}"#;

/// A gateway, and a client that stays while others come and go.
struct Witnessed {
    gateway: Gateway,
    log: Log,
    witness: Client,
}

impl Witnessed {
    async fn start() -> Self {
        let (gateway, mut log) = gateway().await;
        let (witness, _) = connect_known(&gateway, &mut log).await;
        Self {
            gateway,
            log,
            witness,
        }
    }

    /// A client whose CONNECT event has been seen.
    async fn client(&mut self) -> RawClient {
        let client = RawClient::connect(&self.gateway).await;
        assert_eq!(self.log.event().await["requestContext"]["eventType"], "CONNECT");
        client
    }

    /// A client sends `bytes`; returns what it, and the function, are told of the end.
    async fn ended_by(&mut self, bytes: &[u8], what: &str) -> ((u16, String), u64) {
        let mut client = self.client().await;
        client.write(bytes).await;
        let told = client.frame().await.closes_with();
        client.write(&close(told.0, b"")).await;
        client.end().await;
        let event = self.log.event().await;
        assert_eq!(
            event["requestContext"]["eventType"], "DISCONNECT",
            "{what}: no message came before it"
        );
        let status = event["requestContext"]["disconnectStatusCode"].as_u64().unwrap();
        self.only_the_witness_is_left(what).await;
        (told, status)
    }

    async fn only_the_witness_is_left(&mut self, what: &str) {
        assert_eq!(self.gateway.connection_count(), 1, "{what}");
        send(&mut self.witness, std::str::from_utf8(ECHO).unwrap()).await;
        assert_eq!(receive(&mut self.witness).await.into_data(), ECHO, "{what}");
        assert_eq!(
            self.log.event().await["requestContext"]["routeKey"],
            "echo",
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_message_may_come_in_fragments_with_control_frames_between() {
    let mut run = Witnessed::start().await;
    let mut client = run.client().await;
    let (first, rest) = ECHO.split_at(7);
    let (second, third) = rest.split_at(9);
    client.write(&frame(TEXT, first)).await;
    client.write(&frame(FINAL | PING, b"are you there?")).await;
    let pong = client.frame().await;
    assert_eq!(
        (pong.first, &*pong.payload),
        (FINAL | PONG, &b"are you there?"[..])
    );
    client.write(&frame(CONTINUATION, second)).await;
    client.write(&frame(FINAL | PONG, b"not asked for")).await;
    client.write(&frame(CONTINUATION, b"")).await;
    client.write(&frame(FINAL | CONTINUATION, third)).await;
    let echo = client.frame().await;
    assert_eq!((echo.first, &*echo.payload), (FINAL | TEXT, ECHO));
}

#[tokio::test]
async fn a_ping_is_answered_with_its_payload_and_a_pong_with_nothing() {
    let mut run = Witnessed::start().await;
    let mut client = run.client().await;
    for payload in [&b""[..], b"\xff\x00", &[b'x'; 125]] {
        client.write(&frame(FINAL | PONG, payload)).await;
        client.write(&frame(FINAL | PING, payload)).await;
        let pong = client.frame().await;
        assert_eq!((pong.first, &*pong.payload), (FINAL | PONG, payload));
    }
}

#[tokio::test]
async fn what_breaks_the_protocol_ends_the_connection_with_1002() {
    let mut run = Witnessed::start().await;
    let whole = frame(FINAL | TEXT, ECHO);
    let begun = frame(TEXT, b"x");
    let mut unmasked = vec![FINAL | TEXT, 1];
    unmasked.push(b'x');
    let table = [
        (
            "a text within a fragmented one",
            [begun.as_slice(), &whole].concat(),
        ),
        (
            "a binary within a fragmented text",
            [begun.as_slice(), &frame(FINAL | BINARY, b"x")].concat(),
        ),
        ("a continuation of nothing", frame(FINAL | CONTINUATION, b"x")),
        ("a first continuation of nothing", frame(CONTINUATION, b"x")),
        ("a fragmented ping", frame(PING, b"x")),
        ("a fragmented pong", frame(PONG, b"x")),
        ("a fragmented close", frame(CLOSE, b"\x03\xe8")),
        ("a ping of 126 bytes", frame(FINAL | PING, &[b'x'; 126])),
        ("a close of 126 bytes", frame(FINAL | CLOSE, &[b'x'; 126])),
        ("the first reserved bit", frame(FINAL | 0x40 | TEXT, b"x")),
        ("the second reserved bit", frame(FINAL | 0x20 | TEXT, b"x")),
        ("the third reserved bit", frame(FINAL | 0x10 | PING, b"x")),
        ("the reserved opcode 3", frame(FINAL | 0x3, b"x")),
        ("the reserved opcode 7", frame(FINAL | 0x7, b"x")),
        ("the reserved opcode 11", frame(FINAL | 0xb, b"x")),
        ("the reserved opcode 15", frame(FINAL | 0xf, b"x")),
        ("no mask", unmasked),
        ("a close code of one byte", frame(FINAL | CLOSE, b"\x03")),
    ];
    for (what, bytes) in table {
        let ((code, _), status) = run.ended_by(&bytes, what).await;
        assert_eq!((code, status), (1002, 1002), "{what}");
    }
}

#[tokio::test]
async fn a_close_code_that_must_not_be_sent_is_answered_with_1002() {
    let mut run = Witnessed::start().await;
    // RFC 6455 §7.4: reserved ones, those for the ends alone, and those outside of all ranges.
    for code in [
        0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535,
    ] {
        let ((told, _), status) = run.ended_by(&close(code, b""), &code.to_string()).await;
        assert_eq!((told, status), (1002, 1002), "{code}");
    }
}

#[tokio::test]
async fn other_close_codes_are_answered_with_the_same() {
    let mut run = Witnessed::start().await;
    for code in [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999,
    ] {
        let (told, status) = run
            .ended_by(&close(code, "grüß".as_bytes()), &code.to_string())
            .await;
        assert_eq!((told.0, status), (code, code.into()));
    }
}

#[tokio::test]
async fn a_close_without_a_code_is_answered_with_none() {
    let mut run = Witnessed::start().await;
    let mut client = run.client().await;
    client.write(&frame(FINAL | CLOSE, b"")).await;
    let answer = client.frame().await;
    assert_eq!((answer.first, answer.payload.len()), (FINAL | CLOSE, 0));
    client.end().await;
    assert_eq!(
        run.log.event().await["requestContext"]["disconnectStatusCode"],
        1005
    );
    run.only_the_witness_is_left("no code").await;
}

#[tokio::test]
async fn text_that_is_not_utf8_ends_the_connection_with_1007() {
    let mut run = Witnessed::start().await;
    let split = |first: &[u8], last: &[u8]| [frame(TEXT, first), frame(FINAL | CONTINUATION, last)].concat();
    let table = [
        ("a byte that is never there", frame(FINAL | TEXT, b"x\xff")),
        ("a code point that is cut off", frame(FINAL | TEXT, b"x\xe2\x82")),
        ("a slash in two bytes", frame(FINAL | TEXT, b"\xc0\xaf")),
        ("a surrogate", frame(FINAL | TEXT, b"\xed\xa0\x80")),
        (
            "beyond the last code point",
            frame(FINAL | TEXT, b"\xf4\x90\x80\x80"),
        ),
        (
            "cut off by the end of the last fragment",
            split(b"x", b"\xe2\x82"),
        ),
        (
            "a code point that the next fragment does not end",
            split(b"\xe2\x82", b"x"),
        ),
        // Not only when the message is complete.
        ("in a first fragment", frame(TEXT, b"\xff")),
        ("in the reason of a close", close(1000, b"\xff")),
    ];
    for (what, bytes) in table {
        let ((code, _), status) = run.ended_by(&bytes, what).await;
        assert_eq!((code, status), (1007, 1007), "{what}");
    }
}

#[tokio::test]
async fn a_code_point_may_be_divided_between_fragments() {
    let mut run = Witnessed::start().await;
    let mut client = run.client().await;
    client.write(&frame(TEXT, b"\xf0\x9f")).await;
    client.write(&frame(FINAL | PING, b"")).await;
    client.write(&frame(CONTINUATION, b"\xa6")).await;
    client.write(&frame(FINAL | CONTINUATION, b"\x80")).await;
    assert_eq!(run.log.event().await["body"], "🦀");
}

#[tokio::test]
async fn what_follows_a_close_frame_is_not_read() {
    let mut run = Witnessed::start().await;
    let bytes = [
        close(1000, b""),
        frame(FINAL | TEXT, ECHO),
        frame(FINAL | PING, b"x"),
    ]
    .concat();
    let (told, status) = run.ended_by(&bytes, "data after a close").await;
    assert_eq!((told.0, status), (1000, 1000));
}

#[tokio::test]
async fn a_client_that_sends_and_then_no_more_is_heard_and_then_gone() {
    let mut run = Witnessed::start().await;
    let mut client = run.client().await;
    client.write(&frame(FINAL | TEXT, b"the last words")).await;
    // Half of the TCP connection: this side could still read.
    client.0.shutdown().await.unwrap();
    let mut seen = [run.log.event().await, run.log.event().await].map(|event| {
        let context = &event["requestContext"];
        (
            context["eventType"].clone(),
            context["disconnectStatusCode"].clone(),
        )
    });
    // The message and the end may be worked on at the same time, as on AWS.
    seen.sort_by_key(|(kind, _)| kind.to_string());
    assert_eq!(seen[0], ("DISCONNECT".into(), 1006.into()));
    assert_eq!(seen[1].0, "MESSAGE");
    client.end().await;
    run.only_the_witness_is_left("half closed").await;
}

#[tokio::test]
async fn a_client_that_writes_a_byte_at_a_time_keeps_nobody_waiting() {
    let mut run = Witnessed::start().await;
    let mut slow = RawClient(TcpStream::connect(run.gateway.local_addr()).await.unwrap());
    slow.0.set_nodelay(true).unwrap();
    for byte in handshake("/dev").as_bytes() {
        slow.write(&[*byte]).await;
        tokio::task::yield_now().await;
    }
    assert!(slow.head().await.starts_with("HTTP/1.1 101"));
    assert_eq!(run.log.event().await["requestContext"]["eventType"], "CONNECT");
    for (position, byte) in frame(FINAL | TEXT, ECHO).iter().enumerate() {
        if position % 7 == 0 {
            send(&mut run.witness, "hello").await;
            assert_eq!(run.log.event().await["body"], "hello", "at byte {position}");
        }
        slow.write(&[*byte]).await;
    }
    assert_eq!(slow.frame().await.payload, ECHO);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn responses_that_nobody_reads_take_no_memory() {
    let (builder, mut log) = builder();
    let gateway = builder
        .limits(|limits| limits.client_buffer_bytes = 256 * 1024)
        .start()
        .await
        .unwrap();
    let mut other = connect(&gateway).await;
    let mut client = RawClient::connect(&gateway).await;
    let before = resident_kilobytes();
    let order = frame(FINAL | TEXT, br#"{"action":"echo","do":"large","bytes":131072}"#);
    // 100 MB of responses, of which the kernel's buffers take some.
    for _ in 0..800 {
        client.write(&order).await;
    }
    for _ in 0..802 {
        log.event().await;
    }
    let kilobytes = resident_kilobytes().saturating_sub(before);
    assert!(kilobytes < 40 * 1024, "{kilobytes} KB");
    send(&mut other, std::str::from_utf8(ECHO).unwrap()).await;
    assert_eq!(receive(&mut other).await.into_data(), ECHO);
    drop(client);
    eventually(|| gateway.connection_count() == 1).await;
}

#[cfg(target_os = "linux")]
fn resident_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}
