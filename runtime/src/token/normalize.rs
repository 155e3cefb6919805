//! Undoes what consoles, environment files and CI systems do to the text of a key.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// Every PEM block starts with it.
pub(super) const BEGIN: &str = "-----BEGIN";

/// How often a text may have been encoded as base64.
const MAX_ENCODINGS: usize = 2;

/// Returns the text of a key with one line end a line, no empty lines and no indent.
///
/// Undoes, where only one meaning is possible: base64 of the whole, quotes, byte order marks, CR and CRLF, line ends
/// that were escaped once or more, and the escapes of JSON strings. Nothing else is changed: a text that is none of
/// these fails to parse as a key later, and [`Mangling::of`] says what it looks like.
///
/// The buffers are wiped, since the text may be a private key.
pub(super) fn normalize_pem(text: &str) -> Zeroizing<String> {
    let mut text = joined_lines(&unescape(text));
    for _ in 0..MAX_ENCODINGS {
        let Some(decoded) = decode_whole(&text).and_then(|bytes| into_text(&bytes)) else {
            break;
        };
        text = joined_lines(&unescape(&decoded));
    }
    text
}

/// Returns the JSON object that a text holds: as it is, or with the same undone as for PEM.
pub(super) fn normalize_json(text: &str) -> Option<Zeroizing<String>> {
    if let Some(text) = whole_object(text) {
        return Some(Zeroizing::new(text.to_owned()));
    }
    let mut decoded = decode_whole(text).and_then(|bytes| into_text(&bytes));
    for _ in 0..MAX_ENCODINGS {
        let Some(text) = decoded else { break };
        if let Some(text) = whole_object(&text) {
            return Some(Zeroizing::new(text.to_owned()));
        }
        decoded = decode_whole(&text).and_then(|bytes| into_text(&bytes));
    }
    // Last, since a backslash has a meaning of its own in JSON.
    let text = normalize_pem(text);
    let text = unquoted(&text);
    text.starts_with('{').then(|| Zeroizing::new(text.to_owned()))
}

fn whole_object(text: &str) -> Option<&str> {
    let text = unquoted(text);
    let is_json = text.starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    is_json.then_some(text)
}

fn unquoted(text: &str) -> &str {
    text.trim_matches(|character: char| {
        character.is_whitespace() || ['"', '\'', '`', '\u{feff}'].contains(&character)
    })
}

/// What became of a key, where it cannot be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mangling {
    /// The BEGIN and END lines are gone.
    StrippedArmour,
    /// A shell took the backslash of each `\n`.
    LetterN,
}

impl Mangling {
    /// Names what has happened to a text, as [`normalize_pem`] returns it.
    pub(super) fn of(text: &str) -> Option<Self> {
        let Some((_, begun)) = text.split_once(BEGIN) else {
            // An ASN.1 SEQUENCE with a length of two bytes: what every key of RSA starts with; or a short one, of a
            // curve, as long as it says.
            let der = decode_whole(text)?;
            let is_der = match der[..] {
                [0x30, 0x82, high, low, ..] => usize::from(high) << 8 | usize::from(low) == der.len() - 4,
                [0x30, 0x81, length, ..] => usize::from(length) == der.len() - 3,
                [0x30, length, ..] => usize::from(length) == der.len() - 2,
                _ => false,
            };
            return is_der.then_some(Self::StrippedArmour);
        };
        // The body of a key starts with M: the base64 of an ASN.1 SEQUENCE.
        let (_, body) = begun.split_once("-----")?;
        let has_n = ["nM", "rnM"].iter().any(|start| body.starts_with(start));
        (has_n && body.contains("n-----END")).then_some(Self::LetterN)
    }
}

fn unescape(text: &str) -> Zeroizing<String> {
    // An escape is never shorter than what it stands for, so the buffer does not move.
    let mut plain = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        let escaped = rest[at..].trim_start_matches('\\');
        let mut characters = escaped.chars();
        match characters.next() {
            // Before a line end a backslash continues the line in a shell; at the end it stands for nothing.
            Some('n' | 'r' | '\n' | '\r') => plain.push('\n'),
            Some('t') => plain.push(' '),
            Some(character @ ('/' | '"' | '\'')) => plain.push(character),
            None => {}
            Some('u') if unicode(escaped).is_some() => {
                plain.extend(unicode(escaped));
                characters = escaped[5..].chars();
            }
            // No escape that is known: it stays, so that the text is told to be damaged.
            Some(other) => plain.extend(['\\', other]),
        }
        rest = characters.as_str();
    }
    plain.push_str(rest);
    plain
}

/// The ASCII character of `uXXXX`.
fn unicode(escaped: &str) -> Option<char> {
    let digits = escaped.get(1..5)?;
    let code = u32::from_str_radix(digits, 16).ok()?;
    char::from_u32(code).filter(char::is_ascii)
}

fn joined_lines(text: &str) -> Zeroizing<String> {
    let mut joined = Zeroizing::new(String::with_capacity(text.len()));
    let lines = text
        .split(['\n', '\r'])
        .map(|line| line.trim_matches(|character: char| character.is_whitespace() || character == '\u{feff}'))
        .filter(|line| !line.is_empty());
    for line in lines {
        if !joined.is_empty() {
            joined.push('\n');
        }
        joined.push_str(line);
    }
    joined
}

/// The bytes of a text that is base64 as a whole, in either alphabet, wrapped or not.
fn decode_whole(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    if text.contains("-----") || text.len() < 32 {
        return None;
    }
    let mut compact = Zeroizing::new(String::with_capacity(text.len()));
    compact.extend(
        text.trim_matches(['"', '\'', '`'])
            .chars()
            .filter(|character| !character.is_whitespace()),
    );
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [STANDARD, URL_SAFE].iter().find_map(|alphabet| {
        let decoded = GeneralPurpose::new(alphabet, config).decode(&*compact).ok()?;
        Some(Zeroizing::new(decoded))
    })
}

fn into_text(bytes: &[u8]) -> Option<Zeroizing<String>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let printable = |character: char| !character.is_control() || character.is_ascii_whitespace();
    text.chars()
        .all(printable)
        .then(|| Zeroizing::new(text.to_owned()))
}
