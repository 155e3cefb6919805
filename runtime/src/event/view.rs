//! Our own, lenient view of an event: only what decides is read, and that strictly.
//!
//! The types of `aws_lambda_events` refuse a whole event for one odd header, with the header in the message;
//! here whatever does not decide is skipped unread.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::scan::Cursor;
use super::source::{Fields, SourceError, Sources};
use crate::id::ConnectionId;
use crate::json;

/// What happened to the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventType {
    Connect,
    Message,
    Disconnect,
}

/// What an event says, as far as it decides. Without `Debug`: it holds the token.
pub(crate) struct View<'e> {
    pub(crate) event_type: EventType,
    pub(crate) route: Cow<'e, str>,
    pub(crate) connection_id: ConnectionId,
    /// When the connection was made, in milliseconds since the epoch.
    pub(crate) connected_at: Option<u64>,
    /// Through which API, for whoever answers.
    pub(crate) domain_name: Option<Cow<'e, str>>,
    pub(crate) stage: Option<Cow<'e, str>>,
    /// What an authorizer in front said.
    pub(crate) authorizer: Option<&'e RawValue>,
    pub(crate) handshake: Handshake<'e>,
}

impl<'e> View<'e> {
    /// Reads `event`; `None`: something that decides is missing, of another type, there twice or contradictory.
    pub(crate) fn read(event: &'e RawValue, sources: &Sources) -> Option<Self> {
        let mut context = None;
        let mut handshake = Handshake::default();
        let mut seen = Seen::default();
        Cursor::new(event).object(|cursor, name| match &*name {
            "requestContext" => {
                seen.once(0)?;
                context = Some(Context::read(cursor)?);
                Some(())
            }
            "headers" => {
                seen.once(1)?;
                handshake.read_headers(cursor, sources, false)
            }
            "multiValueHeaders" => {
                seen.once(2)?;
                handshake.read_headers(cursor, sources, true)
            }
            "queryStringParameters" => {
                seen.once(3)?;
                handshake.read_parameters(cursor, sources, false)
            }
            "multiValueQueryStringParameters" => {
                seen.once(4)?;
                handshake.read_parameters(cursor, sources, true)
            }
            _ => cursor.skip(),
        })?;
        let context = context?;
        let event_type = match &*context.event_type? {
            "CONNECT" => EventType::Connect,
            "MESSAGE" => EventType::Message,
            "DISCONNECT" => EventType::Disconnect,
            _ => return None,
        };
        let route = context.route?;
        let belongs = match event_type {
            EventType::Connect => route == "$connect",
            EventType::Disconnect => route == "$disconnect",
            EventType::Message => route != "$connect" && route != "$disconnect",
        };
        let connection_id = context.connection_id?.parse().ok()?;
        (belongs && is_route(&route)).then_some(Self {
            event_type,
            route,
            connection_id,
            connected_at: context.connected_at,
            domain_name: context.domain_name,
            stage: context.stage,
            authorizer: context.authorizer,
            handshake,
        })
    }
}

/// API Gateway's route keys have at most 128 characters; a token is longer.
fn is_route(text: &str) -> bool {
    (1..=128).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// The header fields and query parameters that may hold a token.
#[derive(Default)]
pub(crate) struct Handshake<'e> {
    headers: Vec<Entry<'e>>,
    parameters: Vec<Entry<'e>>,
}

struct Entry<'e> {
    name: Cow<'e, str>,
    value: Cow<'e, str>,
    /// From `multiValueHeaders` or `multiValueQueryStringParameters`, which repeat what the plain maps say.
    multi: bool,
}

impl<'e> Fields<'e> for Handshake<'e> {
    fn header(&self, name: &str) -> Result<Option<Cow<'e, str>>, SourceError> {
        only(
            self.headers
                .iter()
                .filter(|entry| entry.name.eq_ignore_ascii_case(name)),
        )
        .map(|entry| entry.map(|entry| entry.value.clone()))
    }

    fn parameter(&self, name: &str) -> Result<Option<Cow<'e, str>>, SourceError> {
        // Names of parameters count in their case, but `?token=a&Token=b` is an attempt at two readings.
        let entry = only(
            self.parameters
                .iter()
                .filter(|entry| entry.name.eq_ignore_ascii_case(name)),
        )?;
        Ok(entry
            .filter(|entry| entry.name == name)
            .map(|entry| entry.value.clone()))
    }
}

/// The one value: at most one in the plain map, at most one in the map of several values, and both the same.
fn only<'a, 'e>(
    entries: impl Iterator<Item = &'a Entry<'e>> + Clone,
) -> Result<Option<&'a Entry<'e>>, SourceError> {
    let mut plain = entries.clone().filter(|entry| !entry.multi);
    let mut multi = entries.filter(|entry| entry.multi);
    let (first, listed) = (plain.next(), multi.next());
    if plain.next().is_some() || multi.next().is_some() {
        return Err(SourceError::Several);
    }
    match (first, listed) {
        (Some(first), Some(listed)) if first.value != listed.value => Err(SourceError::Several),
        (first, listed) => Ok(first.or(listed)),
    }
}

#[derive(Default)]
struct Context<'e> {
    event_type: Option<Cow<'e, str>>,
    route: Option<Cow<'e, str>>,
    connection_id: Option<Cow<'e, str>>,
    connected_at: Option<u64>,
    domain_name: Option<Cow<'e, str>>,
    stage: Option<Cow<'e, str>>,
    authorizer: Option<&'e RawValue>,
}

impl<'e> Context<'e> {
    fn read(cursor: &mut Cursor<'e>) -> Option<Self> {
        let mut context = Self::default();
        let mut seen = Seen::default();
        cursor.object(|cursor, name| {
            match &*name {
                "eventType" => {
                    seen.once(0)?;
                    context.event_type = Some(cursor.text()?);
                }
                "routeKey" => {
                    seen.once(1)?;
                    context.route = Some(cursor.text()?);
                }
                "connectionId" => {
                    seen.once(2)?;
                    context.connection_id = Some(cursor.text()?);
                }
                "connectedAt" => {
                    seen.once(3)?;
                    context.connected_at = lenient(cursor.value()?);
                }
                "domainName" => {
                    seen.once(4)?;
                    context.domain_name = json::text(cursor.value()?);
                }
                "stage" => {
                    seen.once(5)?;
                    context.stage = json::text(cursor.value()?);
                }
                "authorizer" => {
                    seen.once(6)?;
                    context.authorizer = lenient(cursor.value()?);
                }
                _ => cursor.skip()?,
            }
            Some(())
        })?;
        Some(context)
    }
}

/// Which members of an object have been there: a second one of the same name is a second opinion.
#[derive(Default)]
struct Seen(u8);

impl Seen {
    fn once(&mut self, member: u8) -> Option<()> {
        let bit = 1 << member;
        (self.0 & bit == 0).then(|| self.0 |= bit)
    }
}

/// A value where it is of its type: whoever needs it refuses, the others do not care.
fn lenient<'e, V: serde::Deserialize<'e>>(value: &'e str) -> Option<V> {
    serde_json::from_str(value).ok()
}

impl<'e> Handshake<'e> {
    fn read_headers(&mut self, cursor: &mut Cursor<'e>, sources: &Sources, multi: bool) -> Option<()> {
        let wants = |name: &str| {
            sources
                .headers()
                .iter()
                .any(|wanted| wanted.eq_ignore_ascii_case(name))
        };
        read_entries(cursor, &mut self.headers, wants, multi)
    }

    fn read_parameters(&mut self, cursor: &mut Cursor<'e>, sources: &Sources, multi: bool) -> Option<()> {
        let wants = |name: &str| {
            sources
                .parameters()
                .any(|wanted| wanted.eq_ignore_ascii_case(name))
        };
        read_entries(cursor, &mut self.parameters, wants, multi)
    }
}

/// Collects the entries of a map whose names may hold a token; the others are skipped unread.
fn read_entries<'e>(
    cursor: &mut Cursor<'e>,
    entries: &mut Vec<Entry<'e>>,
    wants: impl Fn(&str) -> bool,
    multi: bool,
) -> Option<()> {
    // null stands for "none" (MESSAGE events of some emulators).
    if cursor.peek()? == b'n' {
        return cursor.skip();
    }
    cursor.object(|cursor, name| {
        if !wants(&name) {
            cursor.skip()?;
        } else if multi {
            let known = entries.len();
            cursor.array(|cursor| {
                let (name, value) = (name.clone(), cursor.text()?);
                entries.push(Entry { name, value, multi });
                Some(())
            })?;
            // A name without a value is neither there nor absent.
            (entries.len() > known).then_some(())?;
        } else {
            let value = cursor.text()?;
            entries.push(Entry { name, value, multi });
        }
        Some(())
    })
}
