//! Our own, lenient view of an event: only what decides is read, and that strictly.
//!
//! The types of `aws_lambda_events` refuse a whole event for one odd header, with the header in the message;
//! here whatever does not decide is skipped unread.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::source::{Fields, SourceError, Sources};
use crate::connection::ConnectionId;
use crate::json::Text;

/// What happened to the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventType {
    Connect,
    Message,
    Disconnect,
}

/// What an event says, as far as it decides.
#[derive(Debug)]
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
    pub(crate) fn read(event: &'e str, sources: &Sources) -> Option<Self> {
        let mut deserializer = serde_json::Deserializer::from_str(event);
        let raw = EventSeed { sources }.deserialize(&mut deserializer).ok()?;
        deserializer.end().ok()?;
        let context = raw.context?;
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
            handshake: raw.handshake,
        })
    }
}

/// API Gateway's route keys have at most 128 characters; a token is longer.
fn is_route(text: &str) -> bool {
    (1..=128).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// The header fields and query parameters that may hold a token.
#[derive(Debug, Default)]
pub(crate) struct Handshake<'e> {
    headers: Vec<Entry<'e>>,
    parameters: Vec<Entry<'e>>,
}

#[derive(Debug)]
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
struct RawView<'e> {
    context: Option<Context<'e>>,
    handshake: Handshake<'e>,
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

struct EventSeed<'s> {
    sources: &'s Sources,
}

impl<'de> DeserializeSeed<'de> for EventSeed<'_> {
    type Value = RawView<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EventSeed<'_> {
    type Value = RawView<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a WebSocket event of API Gateway")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut view = RawView::default();
        let mut seen = Seen::default();
        while let Some(Text(name)) = map.next_key()? {
            match &*name {
                "requestContext" => {
                    seen.once(0)?;
                    view.context = Some(map.next_value_seed(ContextSeed)?);
                }
                "headers" => {
                    seen.once(1)?;
                    map.next_value_seed(EntriesSeed::headers(self.sources, false, &mut view.handshake))?;
                }
                "multiValueHeaders" => {
                    seen.once(2)?;
                    map.next_value_seed(EntriesSeed::headers(self.sources, true, &mut view.handshake))?;
                }
                "queryStringParameters" => {
                    seen.once(3)?;
                    map.next_value_seed(EntriesSeed::parameters(self.sources, false, &mut view.handshake))?;
                }
                "multiValueQueryStringParameters" => {
                    seen.once(4)?;
                    map.next_value_seed(EntriesSeed::parameters(self.sources, true, &mut view.handshake))?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(view)
    }
}

/// Which members of an object have been there: a second one of the same name is a second opinion.
#[derive(Default)]
struct Seen(u8);

impl Seen {
    fn once<E: de::Error>(&mut self, member: u8) -> Result<(), E> {
        let bit = 1 << member;
        if self.0 & bit != 0 {
            return Err(E::custom("duplicate member"));
        }
        self.0 |= bit;
        Ok(())
    }
}

/// A value where it is of its type: whoever needs it refuses, the others do not care.
fn lenient<'de, V: serde::Deserialize<'de>>(value: &'de RawValue) -> Option<V> {
    serde_json::from_str(value.get()).ok()
}

struct ContextSeed;

impl<'de> DeserializeSeed<'de> for ContextSeed {
    type Value = Context<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ContextSeed {
    type Value = Context<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request context")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut context = Context::default();
        let mut seen = Seen::default();
        while let Some(Text(name)) = map.next_key()? {
            match &*name {
                "eventType" => {
                    seen.once(0)?;
                    context.event_type = Some(map.next_value::<Text<'de>>()?.0);
                }
                "routeKey" => {
                    seen.once(1)?;
                    context.route = Some(map.next_value::<Text<'de>>()?.0);
                }
                "connectionId" => {
                    seen.once(2)?;
                    context.connection_id = Some(map.next_value::<Text<'de>>()?.0);
                }
                "connectedAt" => {
                    seen.once(3)?;
                    context.connected_at = lenient(map.next_value()?);
                }
                "domainName" => {
                    seen.once(4)?;
                    context.domain_name = lenient(map.next_value()?).map(|Text(text)| text);
                }
                "stage" => {
                    seen.once(5)?;
                    context.stage = lenient(map.next_value()?).map(|Text(text)| text);
                }
                "authorizer" => {
                    seen.once(6)?;
                    context.authorizer = Some(map.next_value()?);
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(context)
    }
}

/// Collects the entries of a map whose names may hold a token; the others are skipped unread.
struct EntriesSeed<'s, 'v, 'e> {
    sources: &'s Sources,
    entries: &'v mut Vec<Entry<'e>>,
    is_headers: bool,
    multi: bool,
}

impl<'s, 'v, 'e> EntriesSeed<'s, 'v, 'e> {
    fn headers(sources: &'s Sources, multi: bool, handshake: &'v mut Handshake<'e>) -> Self {
        Self {
            sources,
            entries: &mut handshake.headers,
            is_headers: true,
            multi,
        }
    }

    fn parameters(sources: &'s Sources, multi: bool, handshake: &'v mut Handshake<'e>) -> Self {
        Self {
            sources,
            entries: &mut handshake.parameters,
            is_headers: false,
            multi,
        }
    }

    fn wants(&self, name: &str) -> bool {
        let same = |wanted: &str| !wanted.is_empty() && wanted.eq_ignore_ascii_case(name);
        if self.is_headers {
            self.sources.headers().any(same)
        } else {
            self.sources.parameters().any(same)
        }
    }
}

impl<'de> DeserializeSeed<'de> for EntriesSeed<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        // null stands for "none" (MESSAGE events of some emulators); deserialize_any tells it from a map.
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for EntriesSeed<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of headers or parameters")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Text(name)) = map.next_key()? {
            if !self.wants(&name) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value: &'de RawValue = map.next_value()?;
            if self.multi {
                let values: Vec<Text<'de>> = serde_json::from_str(value.get()).map_err(de::Error::custom)?;
                if values.is_empty() {
                    return Err(de::Error::custom("a name without a value"));
                }
                for Text(value) in values {
                    self.entries.push(Entry {
                        name: name.clone(),
                        value,
                        multi: true,
                    });
                }
            } else {
                let Text(value) = serde_json::from_str(value.get()).map_err(de::Error::custom)?;
                self.entries.push(Entry {
                    name,
                    value,
                    multi: false,
                });
            }
        }
        Ok(())
    }
}
