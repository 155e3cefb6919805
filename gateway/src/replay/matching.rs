//! Comparing texts in which ids and times are others than they were.

use std::collections::HashMap;

/// Which recorded ids have become which. Each pair is made where the recorded id stands first, and holds from then on.
#[derive(Default)]
pub(super) struct Matching {
    replayed: HashMap<String, String>,
    recorded: HashMap<String, String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Piece<'t> {
    Text(&'t str),
    /// An id of API Gateway, a UUID, a hexadecimal id, or the placeholder of a token.
    Id(&'t str),
    /// Milliseconds or seconds since 1970, or a date with a time. The functions' clocks make no two sessions alike, so
    /// times are not compared.
    Time(&'t str),
}

impl Matching {
    /// Pairs two ids, whatever they were paired with before.
    pub(super) fn pair(&mut self, recorded: &str, replayed: &str) {
        self.replayed.insert(recorded.to_owned(), replayed.to_owned());
        self.recorded.insert(replayed.to_owned(), recorded.to_owned());
    }

    /// Returns whether the texts are alike but for ids and times, and pairs their ids if they are.
    pub(super) fn fits(&mut self, recorded: &str, replayed: &str) -> bool {
        let Some(new) = self.new_pairs(recorded, replayed) else {
            return false;
        };
        for (recorded, replayed) in new {
            self.pair(recorded, replayed);
        }
        true
    }

    /// Returns whether the texts could be alike, and pairs nothing.
    pub(super) fn could_fit(&self, recorded: &str, replayed: &str) -> bool {
        self.new_pairs(recorded, replayed).is_some()
    }

    /// Returns a recorded text with the ids of the replay, as far as they are known: clients send what they were told.
    pub(super) fn translate(&self, recorded: &str) -> String {
        let translated = pieces(recorded).into_iter().map(|piece| match piece {
            Piece::Id(id) => self.replayed.get(id).map_or(id, String::as_str),
            Piece::Text(text) | Piece::Time(text) => text,
        });
        translated.collect()
    }

    fn new_pairs<'t>(&self, recorded: &'t str, replayed: &'t str) -> Option<Vec<(&'t str, &'t str)>> {
        let (before, now) = (pieces(recorded), pieces(replayed));
        if before.len() != now.len() {
            return None;
        }
        let mut new: Vec<(&str, &str)> = Vec::new();
        for pair in before.into_iter().zip(now) {
            match pair {
                (Piece::Text(before), Piece::Text(now)) if before == now => {}
                (Piece::Time(_), Piece::Time(_)) => {}
                (Piece::Id(before), Piece::Id(now)) => {
                    let known = (self.replayed.get(before), self.recorded.get(now));
                    let is_known = known.0.is_some() || known.1.is_some();
                    let is_old_pair = known.0.is_some_and(|known| known == now)
                        && known.1.is_some_and(|known| known == before);
                    let contradicts = |other: &&(&str, &str)| (other.0 == before) != (other.1 == now);
                    if is_known && !is_old_pair || new.iter().find(contradicts).is_some() {
                        return None;
                    }
                    new.push((before, now));
                }
                _ => return None,
            }
        }
        Some(new)
    }
}

/// Cuts a text at its ids and times.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut begin, mut at) = (Vec::new(), 0, 0);
    while at < text.len() {
        let rest = &text[at..];
        let (length, piece) = match word(rest) {
            0 => (rest.chars().next().map_or(1, char::len_utf8), None),
            length => special(rest, length),
        };
        if let Some(piece) = piece {
            if begin < at {
                pieces.push(Piece::Text(&text[begin..at]));
            }
            pieces.push(piece);
            begin = at + length;
        }
        at += length;
    }
    if begin < text.len() {
        pieces.push(Piece::Text(&text[begin..]));
    }
    pieces
}

/// Returns the length of the word that `text` begins with: what ids consist of, or a placeholder.
fn word(text: &str) -> usize {
    if let Some(rest) = text.strip_prefix("{token-") {
        return rest.find('}').map_or(0, |end| end + "{token-}".len());
    }
    let is_inner = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    text.find(|character| !is_inner(character)).unwrap_or(text.len())
}

/// Returns what the word of this length at the begin of `text` is, and its length with what belongs to it.
fn special(text: &str, length: usize) -> (usize, Option<Piece<'_>>) {
    let (word, rest) = text.split_at(length);
    if word.starts_with('{') {
        return (length, Some(Piece::Id(word)));
    }
    if length == 15 && rest.starts_with('=') {
        return (16, Some(Piece::Id(&text[..16])));
    }
    if let Some(length) = date(text) {
        return (length, Some(Piece::Time(&text[..length])));
    }
    let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
    // From 2001 to 2286.
    if is_number && (length == 10 || length == 13) && word.starts_with('1') {
        return (length, Some(Piece::Time(word)));
    }
    let is_hex = word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let is_id = is_hex && !is_number && length >= 16;
    (length, is_id.then_some(Piece::Id(word)))
}

/// Returns the length of the date with a time that `text` begins with: `2024-02-09T18:23:28.941Z`.
fn date(text: &str) -> Option<usize> {
    const FORM: &[u8] = b"0000-00-00T00:00:00";
    let head = text.as_bytes().get(..FORM.len())?;
    let fits = |(byte, form): (&u8, &u8)| match form {
        b'0' => byte.is_ascii_digit(),
        _ => byte == form,
    };
    if !head.iter().zip(FORM).all(fits) {
        return None;
    }
    let rest = &text[FORM.len()..];
    let is_more = |character: char| character.is_ascii_digit() || ".Z+:".contains(character);
    Some(FORM.len() + rest.find(|character| !is_more(character)).unwrap_or(rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "L0SM9cOFvHcCIhw=";
    const SECOND: &str = "MZSM9cOFvHcCIhw=";

    #[test]
    fn ids_and_times_may_be_others() {
        let table = [
            (FIRST, SECOND, true),
            (
                r#"{"id":"L0SM9cOFvHcCIhw="}"#,
                r#"{"id":"MZSM9cOFvHcCIhw="}"#,
                true,
            ),
            (
                "a 01234567-89ab-4def-8123-456789abcdef",
                "a 11234567-89ab-4def-8123-456789abcdef",
                true,
            ),
            (
                "at 1707503008941 and 1707503008",
                "at 1807503008941 and 1807503008",
                true,
            ),
            (
                "at 2024-02-09T18:23:28.941Z.",
                "at 2026-02-09T18:23:28.942Z.",
                true,
            ),
            (r#"{"token":"{token-1}"}"#, r#"{"token":"{token-9}"}"#, true),
            ("hello", "hello", true),
            ("hello", "hallo", false),
            ("1 message", "2 messages", false),
            (FIRST, "nothing", false),
            ("1707503008941", "42", false),
            ("é L0SM9cOFvHcCIhw= é", "é MZSM9cOFvHcCIhw= ö", false),
        ];
        for (recorded, replayed, expected) in table {
            assert_eq!(
                Matching::default().fits(recorded, replayed),
                expected,
                "{recorded} | {replayed}"
            );
        }
    }

    #[test]
    fn an_id_stays_what_it_was_first() {
        let mut matching = Matching::default();
        assert!(matching.fits(&format!("{FIRST} {FIRST}"), &format!("{SECOND} {SECOND}")));
        assert!(!matching.fits(FIRST, FIRST), "it is the other one");
        assert!(!matching.fits(SECOND, SECOND), "the other one is taken");
        assert!(matching.fits(FIRST, SECOND));
        assert_eq!(
            matching.translate(&format!("é {FIRST} {SECOND} at 1707503008941")),
            format!("é {SECOND} {SECOND} at 1707503008941")
        );
        let mut matching = Matching::default();
        assert!(!matching.fits(&format!("{FIRST} {FIRST}"), &format!("{FIRST} {SECOND}")));
        assert!(!matching.fits(&format!("{FIRST} {SECOND}"), &format!("{FIRST} {FIRST}")));
        assert!(
            matching.could_fit(FIRST, SECOND) && matching.fits(FIRST, FIRST),
            "nothing was kept"
        );
    }
}
