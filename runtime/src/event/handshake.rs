//! The header fields and query parameters of a `$connect` that may hold a token.

use std::borrow::Cow;

use super::error::SourceError;
use super::scan::Cursor;
use super::source::{Fields, Sources};
use super::subprotocol;
use crate::id::RoomId;
use crate::token::ROOM_PARAMETER;

/// What the sources look at. Without `Debug`: it holds the token.
#[derive(Default)]
pub(crate) struct Handshake<'e> {
    headers: Vec<Entry<'e>>,
    parameters: Vec<Entry<'e>>,
}

struct Entry<'e> {
    name: Cow<'e, str>,
    value: Cow<'e, str>,
    /// From `multiValueHeaders` or `multiValueQueryStringParameters`, which repeat what the plain maps say.
    is_listed: bool,
}

impl<'e> Handshake<'e> {
    pub(super) fn read_headers(
        &mut self,
        cursor: &mut Cursor<'e>,
        sources: &Sources,
        is_listed: bool,
    ) -> Option<()> {
        let wants = |name: &str| {
            sources
                .headers()
                .iter()
                .any(|wanted| wanted.eq_ignore_ascii_case(name))
        };
        read_entries(cursor, &mut self.headers, wants, is_listed)
    }

    pub(super) fn read_parameters(
        &mut self,
        cursor: &mut Cursor<'e>,
        sources: &Sources,
        is_listed: bool,
    ) -> Option<()> {
        let wants = |name: &str| {
            sources
                .parameters()
                .any(|wanted| wanted.eq_ignore_ascii_case(name))
        };
        read_entries(cursor, &mut self.parameters, wants, is_listed)
    }
}

impl Handshake<'_> {
    /// The room that the client asks for, where [`Sources::requesting_room`] is set: once, and a valid id.
    pub(crate) fn requested_room(&self) -> Option<RoomId> {
        self.parameter(ROOM_PARAMETER).ok()??.parse().ok()
    }
}

impl<'e> Fields<'e> for Handshake<'e> {
    fn header(&self, name: &str) -> Result<Option<Cow<'e, str>>, SourceError> {
        let entries = self
            .headers
            .iter()
            .filter(|entry| entry.name.eq_ignore_ascii_case(name));
        if name == subprotocol::HEADER {
            return joined(entries);
        }
        single(entries).map(|entry| entry.map(|entry| entry.value.clone()))
    }

    fn parameter(&self, name: &str) -> Result<Option<Cow<'e, str>>, SourceError> {
        // Parameters are found by their exact names, but `?token=a&Token=b` is an attempt at two readings.
        let entries = self
            .parameters
            .iter()
            .filter(|entry| entry.name.eq_ignore_ascii_case(name));
        Ok(single(entries)?
            .filter(|entry| entry.name == name)
            .map(|entry| entry.value.clone()))
    }
}

/// The one entry: at most one in the plain map, at most one in the map of lists, and both the same.
fn single<'a, 'e>(
    entries: impl Iterator<Item = &'a Entry<'e>> + Clone,
) -> Result<Option<&'a Entry<'e>>, SourceError> {
    let mut plain = entries.clone().filter(|entry| !entry.is_listed);
    let mut listed = entries.filter(|entry| entry.is_listed);
    let (first, first_listed) = (plain.next(), listed.next());
    if plain.next().is_some() || listed.next().is_some() {
        return Err(SourceError::Multiple);
    }
    match (first, first_listed) {
        (Some(first), Some(listed)) if first.value != listed.value => Err(SourceError::Multiple),
        (first, listed) => Ok(first.or(listed)),
    }
}

/// The value of a header whose lines are one list (RFC 6455 §11.3.4, RFC 9110 §5.3): joined by commas.
///
/// API Gateway repeats one of the lines, or all of them joined, in the plain map; anything else there is a second
/// opinion.
fn joined<'a, 'e: 'a>(
    entries: impl Iterator<Item = &'a Entry<'e>> + Clone,
) -> Result<Option<Cow<'e, str>>, SourceError> {
    let join = |entries: &mut dyn Iterator<Item = &'a Entry<'e>>| {
        let first = entries.next()?.value.clone();
        Some(entries.fold(first, |list, entry| {
            Cow::Owned(format!("{list}, {}", entry.value))
        }))
    };
    let plain = join(&mut entries.clone().filter(|entry| !entry.is_listed));
    let listed = join(&mut entries.clone().filter(|entry| entry.is_listed));
    match (plain, listed) {
        (Some(plain), Some(listed)) => {
            let is_line = entries
                .filter(|entry| entry.is_listed)
                .any(|entry| entry.value == plain);
            if is_line || is_same_list(&plain, &listed) {
                Ok(Some(listed))
            } else {
                Err(SourceError::Multiple)
            }
        }
        (plain, listed) => Ok(plain.or(listed)),
    }
}

fn is_same_list(one: &str, other: &str) -> bool {
    subprotocol::entries(one).eq(subprotocol::entries(other))
}

/// Collects the entries of a map whose names may hold a token; the others are skipped unread.
fn read_entries<'e>(
    cursor: &mut Cursor<'e>,
    entries: &mut Vec<Entry<'e>>,
    wants: impl Fn(&str) -> bool,
    is_listed: bool,
) -> Option<()> {
    // null stands for "none" (MESSAGE events of some emulators).
    if cursor.peek()? == b'n' {
        return cursor.skip();
    }
    cursor.object(|cursor, name| {
        if !wants(&name) {
            cursor.skip()?;
        } else if is_listed {
            let known = entries.len();
            cursor.array(|cursor| {
                let (name, value) = (name.clone(), cursor.text()?);
                entries.push(Entry {
                    name,
                    value,
                    is_listed,
                });
                Some(())
            })?;
            // A name without a value is neither there nor absent.
            (entries.len() > known).then_some(())?;
        } else {
            let value = cursor.text()?;
            entries.push(Entry {
                name,
                value,
                is_listed,
            });
        }
        Some(())
    })
}
