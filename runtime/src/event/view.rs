//! Our own, lenient view of an event: only what decides is read, and that strictly.
//!
//! The types of `aws_lambda_events` refuse a whole event for one odd header, with the header in the message;
//! here whatever does not decide is skipped unread.

use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::value::RawValue;

use super::context::{EventContext, EventType, Fields};
use super::handshake::Handshake;
use super::scan::Cursor;
use super::source::Sources;
use crate::endpoint::ApiEndpoint;
use crate::json;

/// What an event says, as far as it decides. Without `Debug`: it holds the token.
pub(crate) struct View<'e> {
    pub(crate) context: EventContext,
    /// What an authorizer in front said.
    pub(crate) authorizer: Option<&'e RawValue>,
    pub(crate) handshake: Handshake<'e>,
}

/// The member of an event that cannot be understood: missing, of another type, there twice or contradictory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnreadableMember(pub(crate) &'static str);

impl<'e> View<'e> {
    /// Reads `event`, with the header fields and query parameters that `sources` look at.
    pub(crate) fn read(event: &'e RawValue, sources: &Sources) -> Result<Self, UnreadableMember> {
        let mut context = None;
        let mut handshake = Handshake::default();
        let mut seen = SeenMembers::default();
        let mut reading = "event";
        let read = Cursor::new(event).object(|cursor, name| match &*name {
            "requestContext" => {
                reading = "requestContext";
                seen.insert(0)?;
                let (read, member) = RequestContext::read(cursor);
                reading = member;
                context = Some(read?);
                reading = "event";
                Some(())
            }
            "headers" => {
                reading = "headers";
                seen.insert(1)?;
                handshake.read_headers(cursor, sources, false)
            }
            "multiValueHeaders" => {
                reading = "multiValueHeaders";
                seen.insert(2)?;
                handshake.read_headers(cursor, sources, true)
            }
            "queryStringParameters" => {
                reading = "queryStringParameters";
                seen.insert(3)?;
                handshake.read_parameters(cursor, sources, false)
            }
            "multiValueQueryStringParameters" => {
                reading = "multiValueQueryStringParameters";
                seen.insert(4)?;
                handshake.read_parameters(cursor, sources, true)
            }
            _ => {
                reading = "event";
                cursor.skip()
            }
        });
        read.ok_or(UnreadableMember(reading))?;
        let context = context.ok_or(UnreadableMember("requestContext"))?;
        let authorizer = context.authorizer;
        Ok(Self {
            context: context.check()?,
            authorizer,
            handshake,
        })
    }
}

/// The members of `requestContext`, as far as they are of their types.
#[derive(Default)]
struct RequestContext<'e> {
    event_type: Option<Cow<'e, str>>,
    route_key: Option<Cow<'e, str>>,
    connection_id: Option<Cow<'e, str>>,
    connected_at: Option<SystemTime>,
    request_time: Option<SystemTime>,
    api_id: Option<Cow<'e, str>>,
    stage: Option<Cow<'e, str>>,
    message_id: Option<Cow<'e, str>>,
    authorizer: Option<&'e RawValue>,
}

impl<'e> RequestContext<'e> {
    /// Also returns the member that was read last: the one that is to blame where reading failed.
    fn read(cursor: &mut Cursor<'e>) -> (Option<Self>, &'static str) {
        let mut context = Self::default();
        let mut seen = SeenMembers::default();
        let mut reading = "requestContext";
        let read = cursor.object(|cursor, name| {
            match &*name {
                "eventType" => {
                    reading = "eventType";
                    seen.insert(0)?;
                    context.event_type = Some(cursor.text()?);
                }
                "routeKey" => {
                    reading = "routeKey";
                    seen.insert(1)?;
                    context.route_key = Some(cursor.text()?);
                }
                "connectionId" => {
                    reading = "connectionId";
                    seen.insert(2)?;
                    context.connection_id = Some(cursor.text()?);
                }
                "connectedAt" => {
                    reading = "connectedAt";
                    seen.insert(3)?;
                    context.connected_at = milliseconds(cursor.value()?);
                }
                "requestTimeEpoch" => {
                    reading = "requestTimeEpoch";
                    seen.insert(4)?;
                    context.request_time = milliseconds(cursor.value()?);
                }
                "apiId" => {
                    reading = "apiId";
                    seen.insert(5)?;
                    context.api_id = json::text(cursor.value()?);
                }
                "stage" => {
                    reading = "stage";
                    seen.insert(6)?;
                    context.stage = json::text(cursor.value()?);
                }
                "messageId" => {
                    reading = "messageId";
                    seen.insert(7)?;
                    context.message_id = json::text(cursor.value()?);
                }
                "authorizer" => {
                    reading = "authorizer";
                    seen.insert(8)?;
                    context.authorizer = serde_json::from_str(cursor.value()?).ok();
                }
                _ => cursor.skip()?,
            }
            Some(())
        });
        (read.map(|()| context), reading)
    }

    fn check(self) -> Result<EventContext, UnreadableMember> {
        let event_type = match self.event_type.as_deref() {
            Some("CONNECT") => EventType::Connect,
            Some("MESSAGE") => EventType::Message,
            Some("DISCONNECT") => EventType::Disconnect,
            _ => return Err(UnreadableMember("eventType")),
        };
        let route_key = self
            .route_key
            .filter(|route_key| is_route_key(route_key) && belongs_to(route_key, event_type))
            .ok_or(UnreadableMember("routeKey"))?;
        let connection_id = self.connection_id.and_then(|id| id.parse().ok());
        let endpoint = match (self.api_id, self.stage) {
            (Some(api_id), Some(stage)) => ApiEndpoint::new(&api_id, &stage).ok(),
            _ => None,
        };
        Ok(EventContext::new(Fields {
            event_type,
            route_key: (*route_key).into(),
            connection_id: connection_id.ok_or(UnreadableMember("connectionId"))?,
            connected_at: self.connected_at,
            request_time: self.request_time,
            endpoint,
            message_id: self.message_id.map(|id| (*id).into()),
        }))
    }
}

/// API Gateway's route keys have at most 128 characters; a token is longer.
fn is_route_key(text: &str) -> bool {
    (1..=128).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn belongs_to(route_key: &str, event_type: EventType) -> bool {
    match event_type {
        EventType::Connect => route_key == "$connect",
        EventType::Disconnect => route_key == "$disconnect",
        EventType::Message => route_key != "$connect" && route_key != "$disconnect",
    }
}

/// A time in milliseconds since the epoch. What is not of this type is as good as missing: whoever needs it refuses.
fn milliseconds(value: &str) -> Option<SystemTime> {
    let since_epoch = serde_json::from_str(value).ok().map(Duration::from_millis)?;
    UNIX_EPOCH.checked_add(since_epoch)
}

/// Which members of an object have been there: a second one of the same name is a second opinion.
#[derive(Default)]
struct SeenMembers(u16);

impl SeenMembers {
    /// `None` if the member has been there before.
    fn insert(&mut self, member: u16) -> Option<()> {
        let bit = 1 << member;
        (self.0 & bit == 0).then(|| self.0 |= bit)
    }
}
