//! The spelling of header names, which HTTP ignores and events show.

use std::sync::Arc;

use hyper::{HeaderMap, Request, body::Incoming, header::HeaderName};

/// The names as the client spelled them, in the order of their appearance; hyper keeps only lower case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spelling(pub(crate) Arc<HeaderMap<String>>);

/// As the client wrote it, if that is known, or as it is usually written.
pub(crate) fn original_or_usual(request: &Request<Incoming>, name: &HeaderName) -> String {
    let known = request
        .extensions()
        .get::<Spelling>()
        .and_then(|spelling| spelling.0.get(name));
    known.cloned().unwrap_or_else(|| usual(name.as_str()))
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
}
