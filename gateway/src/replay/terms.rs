//! From recorded texts to those of a replay, and back: address, tokens, ids.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::{matching::Matching, received::Received, tokens};
use crate::masks::Masks;

/// What a query string keeps as it is.
const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What stands for what.
pub(super) struct Terms<'r> {
    recorded_address: &'r str,
    address: String,
    tokens: &'r BTreeMap<String, String>,
    masks: Masks,
    matching: Matching,
}

impl<'r> Terms<'r> {
    pub(super) fn new(
        recorded_address: &'r str,
        address: String,
        tokens: &'r BTreeMap<String, String>,
    ) -> Self {
        let (masks, mut matching) = (Masks::default(), Matching::default());
        for (name, value) in tokens {
            matching.pair(&format!("{{{name}}}"), &masks.known(value));
        }
        Self {
            recorded_address,
            address,
            tokens,
            masks,
            matching,
        }
    }

    /// Notes which id a connection has now.
    pub(super) fn pair(&mut self, recorded: &str, replayed: &str) {
        self.matching.pair(recorded, replayed);
    }

    /// Returns a URL to connect to.
    pub(super) fn url(&self, recorded: &str) -> String {
        self.filled(recorded, |token| utf8_percent_encode(token, IN_QUERY).to_string())
    }

    /// Returns the value of a header to send.
    pub(super) fn header(&self, recorded: &str) -> String {
        self.filled(recorded, str::to_owned)
    }

    /// Returns a message to send. In JSON, tokens stand as JSON has them.
    pub(super) fn message(&self, recorded: &str) -> String {
        let is_json = serde_json::from_str::<Value>(recorded).is_ok();
        self.filled(recorded, |token| {
            let quoted = Value::from(token).to_string();
            if is_json {
                quoted[1..quoted.len() - 1].to_owned()
            } else {
                token.to_owned()
            }
        })
    }

    /// Returns what has come as it would have been recorded.
    pub(super) fn masked(&self, replayed: &str) -> String {
        self.masks
            .text(&replayed.replace(&self.address, self.recorded_address))
    }

    /// Returns whether a text, masked, is what was recorded, and pairs the ids if it is.
    pub(super) fn fits(&mut self, recorded: &str, replayed: &str) -> bool {
        self.matching.fits(recorded, replayed)
    }

    /// The same for something that a client got.
    pub(super) fn is(&mut self, recorded: &Received, replayed: &Received) -> bool {
        match (recorded, replayed) {
            (Received::Message(recorded), Received::Message(replayed)) => self.fits(recorded, replayed),
            (recorded, replayed) => recorded == replayed,
        }
    }

    /// Returns whether a text, masked, could be what was recorded, and pairs nothing.
    pub(super) fn could_fit(&self, recorded: &str, replayed: &str) -> bool {
        self.matching.could_fit(recorded, replayed)
    }

    fn filled(&self, recorded: &str, written: impl Fn(&str) -> String) -> String {
        let here = recorded.replace(self.recorded_address, &self.address);
        let with_tokens = tokens::replace(&here, |name| {
            written(self.tokens.get(name).map_or("", String::as_str))
        });
        self.matching.translate(&with_tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJsb2JieSJ9.c2lnbmF0dXJl";

    #[test]
    fn what_is_sent_has_the_tokens_the_address_and_the_ids_of_the_replay() {
        let tokens = BTreeMap::from([
            ("token-1".to_owned(), TOKEN.to_owned()),
            ("token-2".to_owned(), "a \"b\" & c".to_owned()),
        ]);
        let mut terms = Terms::new("127.0.0.1:3001", "127.0.0.1:4000".to_owned(), &tokens);
        terms.pair("L0SM9cOFvHcCIhw=", "MZSM9cOFvHcCIhw=");
        assert_eq!(
            terms.url("/dev?t={token-1}&x={token-2}"),
            format!("/dev?t={TOKEN}&x=a%20%22b%22%20%26%20c")
        );
        assert_eq!(terms.header("127.0.0.1:3001"), "127.0.0.1:4000");
        assert_eq!(terms.header("Bearer {token-1}"), format!("Bearer {TOKEN}"));
        assert_eq!(
            terms.message(r#"{"to":"L0SM9cOFvHcCIhw=","secret":"{token-2}"}"#),
            r#"{"to":"MZSM9cOFvHcCIhw=","secret":"a \"b\" & c"}"#
        );
        assert_eq!(terms.message("say {token-2}"), "say a \"b\" & c");
        // And back. The placeholders of the replay have other numbers.
        let echo = terms.masked(&format!("ws://127.0.0.1:4000 {TOKEN}"));
        assert!(terms.fits("ws://127.0.0.1:3001 {token-1}", &echo), "{echo}");
        assert!(!terms.fits("ws://127.0.0.1:3001 {token-2}", &echo), "{echo}");
    }
}
