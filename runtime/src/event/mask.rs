//! Taking the token out of an event before the handler gets it.

use memchr::memchr;
use memchr::memmem::Finder;

/// What stands in the place of a token.
const MASK: &str = "***";

/// The length of a token's end, which is of its signature, by which it is found.
const ANCHOR: usize = 16;

/// The JSON text `event` with every occurrence of `token` masked.
///
/// The characters of a token need no escape in JSON, but may be written as one (`\u0065`): a text with such
/// escapes is spelled out first.
pub(crate) fn mask(event: String, token: &str) -> String {
    if token.is_empty() {
        return event;
    }
    let has_such_escapes =
        memchr(b'\\', event.as_bytes()).is_some_and(|first| event[first..].contains("\\u"));
    if !has_such_escapes {
        return replace(event, token);
    }
    // The view has read the text as JSON before; should this fail all the same, nothing is passed on.
    serde_json::from_str::<serde_json::Value>(&event)
        .map_or_else(|_| String::new(), |value| replace(value.to_string(), token))
}

fn replace(mut event: String, token: &str) -> String {
    // Looking for all of a token costs a table of its size; its end, which is of the signature, is rare enough.
    let anchor = &token.as_bytes()[token.len().saturating_sub(ANCHOR)..];
    let anchors = Finder::new(anchor);
    let mut from = 0;
    while let Some(found) = anchors.find(&event.as_bytes()[from..]) {
        let end = from + found + anchor.len();
        if event[..end].ends_with(token) {
            event.replace_range(end - token.len()..end, MASK);
            from = end - token.len() + MASK.len();
        } else {
            from += found + 1;
        }
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_occurrence_is_masked_whatever_its_spelling() {
        let event = r#"{"a":"room-auth, ey.J.x","b":["ey.J.x"],"ey.J.x":"\u0065y.J.x ey.J.xey.J.x"}"#;
        let masked = mask(event.to_owned(), "ey.J.x");
        assert!(
            !masked.contains("ey.J.x") && !masked.contains("\\u0065"),
            "{masked}"
        );
        assert!(masked.contains("room-auth, ***"), "{masked}");
    }

    #[test]
    fn other_text_stays() {
        let event = r#"{"a":"é\n","b":"token"}"#;
        assert_eq!(mask(event.to_owned(), "absent"), event);
    }
}
