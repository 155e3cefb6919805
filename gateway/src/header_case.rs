//! The spelling of header names, which HTTP ignores and events show.
//!
//! API Gateway hands header names on as the client wrote them, and functions have failed for looking up the
//! one spelling only. hyper keeps none but lower case, so the head of the first request of each connection is
//! kept as it came in; a WebSocket handshake is that first request.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
};

use hyper::{HeaderMap, http::HeaderName};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::function::lock;

/// More than any head that hyper accepts with its default buffer, of 400 KB, is not worth keeping.
const HEAD_LIMIT: usize = 64 * 1024;

/// The spellings of each name, in the order of their appearance.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spelling(Arc<HeaderMap<String>>);

impl Spelling {
    fn of(head: &[u8]) -> Self {
        let mut names: HeaderMap<String> = HeaderMap::default();
        for line in head.split(|&byte| byte == b'\n').skip(1) {
            let name = line.split(|&byte| byte == b':').next().unwrap_or_default();
            if let (Ok(key), Ok(name)) = (HeaderName::from_bytes(name), std::str::from_utf8(name)) {
                names.append(key, name.to_owned());
            }
        }
        Self(Arc::new(names))
    }

    /// As the client wrote the `position`th header of this name, or as it is usually written.
    pub(crate) fn get(&self, name: &HeaderName, position: usize) -> String {
        self.0
            .get_all(name)
            .iter()
            .nth(position)
            .cloned()
            .unwrap_or_else(|| usual(name.as_str()))
    }
}

/// `sec-websocket-key` as `Sec-WebSocket-Key`.
fn usual(name: &str) -> String {
    let word = |word: &str| {
        if word == "websocket" {
            return "WebSocket".to_owned();
        }
        let mut characters = word.chars();
        let first = characters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(characters).collect()
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

/// What was read of a connection until the end of the first head.
#[derive(Clone, Default)]
pub(crate) struct FirstHead(Arc<Mutex<Recording>>);

#[derive(Default)]
struct Recording {
    bytes: Vec<u8>,
    is_over: bool,
}

impl FirstHead {
    /// The spellings of the first request; for later ones, none.
    pub(crate) fn take(&self) -> Spelling {
        let mut recording = lock(&self.0);
        recording.is_over = true;
        Spelling::of(&std::mem::take(&mut recording.bytes))
    }

    fn record(&self, bytes: &[u8]) {
        let mut recording = lock(&self.0);
        if !recording.is_over {
            // Bytes behind the head spell no headers: their lines are not read, as a handshake has no body.
            recording.bytes.extend_from_slice(bytes);
            recording.is_over = recording.bytes.len() > HEAD_LIMIT
                || recording.bytes.windows(4).any(|end| end == b"\r\n\r\n");
        }
    }
}

/// A connection whose first head is recorded.
pub(crate) struct Recorded {
    stream: TcpStream,
    head: FirstHead,
}

impl Recorded {
    pub(crate) fn new(stream: TcpStream) -> (Self, FirstHead) {
        let head = FirstHead::default();
        (
            Self {
                stream,
                head: head.clone(),
            },
            head,
        )
    }
}

impl AsyncRead for Recorded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.head.record(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Recorded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_usual() {
        let table = [
            ("host", "Host"),
            ("sec-websocket-protocol", "Sec-WebSocket-Protocol"),
            ("user-agent", "User-Agent"),
            ("x-a--b", "X-A--B"),
        ];
        for (name, expected) in table {
            assert_eq!(usual(name), expected);
        }
    }

    #[test]
    fn each_header_is_spelled_as_the_client_spelled_it() {
        let head = FirstHead::default();
        for part in [
            "GET /dev HTTP/1.1\r\nHOST: a\r\nauthor",
            "ization: b\r\nAuthorization:c\r\n\r\n",
            "more: x",
        ] {
            head.record(part.as_bytes());
        }
        let spelling = head.take();
        let get = |name: &'static str, position| spelling.get(&HeaderName::from_static(name), position);
        assert_eq!(
            [get("host", 0), get("authorization", 0), get("authorization", 1)],
            ["HOST", "authorization", "Authorization"]
        );
        assert_eq!(
            [get("more", 0), get("x-other", 0)],
            ["More", "X-Other"],
            "not in the head"
        );

        head.record(b"GET / HTTP/1.1\r\nHOST: a\r\n\r\n");
        assert_eq!(
            head.take().get(&HeaderName::from_static("host"), 0),
            "Host",
            "a later request"
        );
    }
}
