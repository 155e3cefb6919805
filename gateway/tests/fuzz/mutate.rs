//! Bytes that somebody could send: good ones, damaged in ways that parsers get wrong.

use fastrand::Rng;

use crate::common::raw::{BINARY, CLOSE, CONTINUATION, FINAL, PING, PONG, TEXT};

/// What parsers stop at, count by, or allocate for.
const TOKENS: [&[u8]; 24] = [
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\0",
    b" ",
    b":",
    b"%",
    b"%00",
    b"%ff%fe",
    b"/../",
    b"//",
    b"?",
    b"=&=&",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\xf0\x9f\xa6\x80",
    b"HTTP/1.1",
    b"HTTP/2.0",
    b"Content-Length: 18446744073709551616\r\n",
    b"Content-Length: -1\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"[[[[[[[[[[[[[[[[",
];

/// Damages bytes, mostly a little.
pub(crate) fn damaged(rng: &mut Rng, good: &[u8]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    // Some stay good, so that what comes after the parsers is reached, too.
    for _ in 0..rng.usize(..6) {
        let at = rng.usize(..=bytes.len());
        let until = (at + rng.usize(..32)).min(bytes.len());
        match rng.u8(..7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
            1 if at < bytes.len() => bytes[at] = rng.u8(..),
            2 => drop(bytes.drain(at..until)),
            3 => {
                let again = bytes[at..until].repeat(rng.usize(1..64));
                bytes.splice(at..at, again);
            }
            4 => drop(bytes.splice(at..at, rng.choice(TOKENS).unwrap_or_default().iter().copied())),
            5 => bytes.truncate(at),
            _ => {
                let noise = noise(rng, 16);
                bytes.splice(at..at, noise);
            }
        }
    }
    bytes
}

/// Frames of a client after its handshake: of all kinds and lengths, some of them wrong.
pub(crate) fn frames(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..rng.usize(1..8) {
        let opcode = [TEXT, TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG, rng.u8(..16)];
        let mut first = rng.choice(opcode).unwrap_or(TEXT);
        first |= if rng.u8(..4) > 0 { FINAL } else { 0 };
        first |= if rng.u8(..12) == 0 { rng.u8(1..8) << 4 } else { 0 };
        let payload = payload(rng);
        bytes.push(first);
        let mask = if rng.u8(..16) == 0 { 0 } else { 0x80 };
        length(rng, mask, payload.len(), &mut bytes);
        if mask != 0 {
            bytes.extend([0; 4]);
        }
        bytes.extend(payload);
    }
    if rng.u8(..4) == 0 {
        damaged(rng, &bytes)
    } else {
        bytes
    }
}

fn payload(rng: &mut Rng) -> Vec<u8> {
    match rng.u8(..8) {
        0 => Vec::new(),
        1 => rng.u16(..).to_be_bytes().to_vec(),
        2 => [&1000_u16.to_be_bytes(), &b"bye"[..]].concat(),
        3 => vec![b'x'; rng.usize(..40_000)],
        4 => noise(rng, 200),
        5 => damaged(rng, br#"{"action":"echo","do":"echo"}"#),
        _ => br#"{"action":"echo","do":"echo"}"#.to_vec(),
    }
}

fn noise(rng: &mut Rng, most: usize) -> Vec<u8> {
    let length = rng.usize(..most);
    std::iter::repeat_with(|| rng.u8(..)).take(length).collect()
}

/// The length, as it should be, or in a longer form, or a wrong one.
fn length(rng: &mut Rng, mask: u8, right: usize, bytes: &mut Vec<u8>) {
    let length = if rng.u8(..16) == 0 {
        rng.u64(..)
    } else {
        right as u64
    };
    match (length, rng.u8(..16)) {
        (0..126, 1..) => bytes.push(mask | u8::try_from(length).unwrap()),
        (0..65536, 1..) | (0..126, 0) => {
            bytes.push(mask | 0x7e);
            bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        _ => {
            bytes.push(mask | 0x7f);
            bytes.extend(length.to_be_bytes());
        }
    }
}
