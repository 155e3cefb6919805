//! The spelling of header names, which HTTP ignores and events show.
//!
//! API Gateway passes header names on as the client wrote them, and functions have failed because they looked up only
//! one spelling. hyper keeps nothing but lower case, so the head of the first request of each connection is recorded
//! as it arrives. A WebSocket handshake is that first request.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use hyper::{HeaderMap, http::HeaderName};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The largest head that is recorded, in bytes. hyper accepts up to 400 KB; the names in a larger head are written as
/// usual.
const HEAD_LIMIT: usize = 64 * 1024;

/// As many headers as hyper accepts.
const MAX_HEADERS: usize = 100;

/// How the client spelled each header name, in the order of appearance.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spelling(Arc<HeaderMap<String>>);

impl Spelling {
    /// Reads the names of a request's head; bytes behind the head are ignored.
    fn of(head: &[u8]) -> Self {
        let mut names: HeaderMap<String> = HeaderMap::default();
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        if let Ok(httparse::Status::Complete(_)) = request.parse(head) {
            for header in request.headers {
                if let Ok(key) = HeaderName::from_bytes(header.name.as_bytes()) {
                    names.append(key, header.name.to_owned());
                }
            }
        }
        Self(Arc::new(names))
    }

    /// Returns the `position`th header of this name as the client spelled it, or else as it is usually spelled.
    pub(crate) fn get(&self, name: &HeaderName, position: usize) -> String {
        self.0
            .get_all(name)
            .iter()
            .nth(position)
            .cloned()
            .unwrap_or_else(|| usual(name.as_str()))
    }
}

/// Spells `sec-websocket-key` as `Sec-WebSocket-Key`.
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

/// What has been read of a connection, up to the end of its first head. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct FirstHead(Arc<Mutex<Recording>>);

#[derive(Default)]
struct Recording {
    bytes: Vec<u8>,
    is_over: bool,
}

impl FirstHead {
    /// Returns the spelling in the first request, and nothing for later requests.
    pub(crate) fn take(&self) -> Spelling {
        let mut recording = self.0.lock();
        recording.is_over = true;
        Spelling::of(&std::mem::take(&mut recording.bytes))
    }

    fn record(&self, bytes: &[u8]) {
        let mut recording = self.0.lock();
        if !recording.is_over {
            // Only what is new is searched, and the three bytes before it, in which the end may have begun.
            let searched = recording.bytes.len().saturating_sub(3);
            recording.bytes.extend_from_slice(bytes);
            recording.is_over = recording.bytes.len() > HEAD_LIMIT
                || recording.bytes[searched..]
                    .windows(4)
                    .any(|end| end == b"\r\n\r\n");
        }
    }

    /// Returns whether the first head has arrived.
    pub(super) fn is_over(&self) -> bool {
        self.0.lock().is_over
    }
}

/// A stream whose first head is recorded.
pub(super) struct RecordingStream<S> {
    stream: S,
    head: FirstHead,
}

impl<S> RecordingStream<S> {
    pub(super) fn new(stream: S, head: FirstHead) -> Self {
        Self { stream, head }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for RecordingStream<S> {
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

impl<S: AsyncWrite + Unpin> AsyncWrite for RecordingStream<S> {
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
    fn the_end_of_a_head_is_found_wherever_the_reads_are_cut() {
        let head = b"GET /dev HTTP/1.1\r\nHOST: a\r\n\r\n";
        for size in 1..=head.len() {
            let recorded = FirstHead::default();
            for part in head.chunks(size) {
                assert!(!recorded.is_over(), "before the last of parts of {size} bytes");
                recorded.record(part);
            }
            assert!(recorded.is_over(), "parts of {size} bytes");
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
