//! Finding what has the form of a JWT: parts of base64url with dots between them, percent-encoded or not.

use std::ops::Range;

/// The shortest part of what counts as a JWT without a JSON header, so that few names with dots do.
const SHORTEST_PART: usize = 5;

/// The shortest signature, HS256's, in base64url.
const SHORTEST_SIGNATURE: usize = 43;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it stands, in bytes.
    pub(super) at: Range<usize>,
    /// Without percent-encoding, so that the same token is the same everywhere.
    pub(super) token: String,
}

/// Finds the first token in `text`.
pub(super) fn find(text: &str) -> Option<Found> {
    let mut begin = 0;
    while begin < text.len() {
        let run = Run::at_start_of(&text[begin..]);
        if let Some(token) = run.token() {
            return Some(Found {
                at: begin + run.offsets[token.start]..begin + run.offsets[token.end],
                token: run.decoded[token].to_owned(),
            });
        }
        begin += run.offsets[run.decoded.len()];
        // What ended the run, too.
        let rest = &text[begin..];
        let next = rest.chars().next().map_or(0, char::len_utf8);
        begin += escaped(rest.as_bytes()).map_or(next, |(_, length)| length);
    }
    None
}

/// The longest piece at the start of a text that consists of base64url and dots.
struct Run {
    /// Without percent-encoding.
    decoded: String,
    /// Where each character of `decoded` begins in the text, and where the last one ends.
    offsets: Vec<usize>,
}

impl Run {
    fn at_start_of(text: &str) -> Self {
        let (mut decoded, mut offsets) = (String::new(), vec![0]);
        let mut end = 0;
        while let Some((character, length)) = character(&text.as_bytes()[end..]) {
            end += length;
            decoded.push(character);
            offsets.push(end);
        }
        Self { decoded, offsets }
    }

    /// Returns where in `decoded` a token stands.
    fn token(&self) -> Option<Range<usize>> {
        // A dot may end the sentence that the token stands in.
        let run = self.decoded.trim_end_matches('.');
        // `{"` in base64url: the header, also if something stands right before it.
        if let Some(begin) = run.find("eyJ")
            && run[begin..].contains('.')
        {
            return Some(begin..run.len());
        }
        let parts: Vec<usize> = run.split('.').map(str::len).collect();
        let has_three = parts.len() == 3 && parts.iter().all(|part| *part >= SHORTEST_PART);
        let has_signature = parts.len() >= 3 && parts.iter().any(|part| *part >= SHORTEST_SIGNATURE);
        (has_three || has_signature).then_some(0..run.len())
    }
}

/// Reads one character of base64url, or a dot: the character, and its length in `text`.
fn character(text: &[u8]) -> Option<(char, usize)> {
    let (byte, length) = escaped(text).or(text.first().map(|first| (*first, 1)))?;
    let is_part_of_token = byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    is_part_of_token.then_some((char::from(byte), length))
}

/// Reads one byte that is percent-encoded, once or more: the byte, and its length in `text`.
fn escaped(text: &[u8]) -> Option<(u8, usize)> {
    let mut digits = text.strip_prefix(b"%")?;
    while let Some(after) = digits.strip_prefix(b"25") {
        digits = after;
    }
    let hex = std::str::from_utf8(digits.get(..2)?).ok()?;
    let byte = u8::from_str_radix(hex, 16).ok()?;
    Some((byte, text.len() - digits.len() + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJsb2JieSJ9.c2lnbmF0dXJl-c2lnbmF0dXJl_c2ln";

    #[test]
    fn a_token_is_found_in_whatever_stands_around_it() {
        let signed = format!("IHsiYWxn.e30.{}", "s".repeat(SHORTEST_SIGNATURE));
        let table = [
            (TOKEN, TOKEN),
            (
                "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.",
                "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0",
            ),
            (
                "eyJhbGciOiJFUzI1NiJ9.eyJjdXQgb2Zm",
                "eyJhbGciOiJFUzI1NiJ9.eyJjdXQgb2Zm",
            ),
            (
                "eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn",
                "eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn",
            ),
            ("xxxxx.yyyyy.zzzzz", "xxxxx.yyyyy.zzzzz"),
            (&signed, &signed),
        ];
        for (token, expected) in table {
            for (before, after) in [
                ("", ""),
                ("Bearer ", "\n"),
                ("é\"", "\"é"),
                ("token%3D", "%26a"),
                ("(", ")."),
                ("%", "%"),
            ] {
                let text = format!("{before}{token}{after}");
                let begin = before.len();
                let found = Found {
                    at: begin..begin + expected.len(),
                    token: expected.to_owned(),
                };
                assert_eq!(find(&text), Some(found), "{text}");
            }
        }
        let glued = format!("n{TOKEN}");
        assert_eq!(
            find(&glued).unwrap().at,
            1..glued.len(),
            "as behind the backslash of a line end"
        );
    }

    #[test]
    fn an_encoded_token_is_the_same_as_a_plain_one() {
        let once = TOKEN.replace('.', "%2E").replace('_', "%5f").replace('e', "%65");
        let twice = once.replace('%', "%25");
        for text in [once, twice.replace('%', "%25"), twice] {
            assert_eq!(
                find(&text),
                Some(Found {
                    at: 0..text.len(),
                    token: TOKEN.to_owned()
                }),
                "{text}"
            );
        }
    }

    #[test]
    fn names_numbers_and_addresses_are_no_tokens() {
        for text in [
            "127.0.0.1:3001",
            "d-1234567890.execute-api.us-east-1.amazonaws.com",
            "api.example.com",
            "$request.body.action",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0.6778.85",
            "3.14159, 1.2.3",
            "...",
            "100%, %2, %zz, %25",
            "eyJhbGciOiJFUzI1NiJ9",
            "",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }
}
