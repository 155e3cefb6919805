//! The event as the handler sees it.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, Deserialize, DeserializeOwned, Deserializer};
use serde_json::value::RawValue;

use super::context::EventContext;
use super::scan::Cursor;
use super::source::Sources;
use super::view::View;
use crate::id::ConnectionId;
use crate::json;

/// A WebSocket event: what it is about, the header fields and query parameters of a `$connect`, and the body of a
/// message.
///
/// It costs next to nothing: the layer has read what it is about already, and everything else is looked up when it is
/// asked for. The token of a `$connect` is masked. `Debug` shows what the event is about, and neither header fields nor
/// the body.
///
/// ```
/// use room_auth::WebSocketEvent;
///
/// #[derive(serde::Deserialize)]
/// struct Say {
///     text: String,
/// }
///
/// fn length(event: &WebSocketEvent) -> Result<usize, room_auth::BodyError> {
///     Ok(event.json::<Say>()?.text.len())
/// }
/// # let event = r#"{"requestContext":{"eventType":"MESSAGE","routeKey":"say","connectionId":"a="},"body":"{\"text\":\"hi\"}"}"#;
/// # assert_eq!(length(&serde_json::from_str(event)?)?, 2);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct WebSocketEvent {
    context: EventContext,
    json: String,
}

impl WebSocketEvent {
    /// `json` is the text that `context` was read from, or that text with the token masked.
    pub(crate) fn new(context: EventContext, json: String) -> Self {
        Self { context, json }
    }

    /// Returns what the event is about.
    pub fn context(&self) -> &EventContext {
        &self.context
    }

    /// Returns the id of the connection.
    pub fn connection_id(&self) -> &ConnectionId {
        self.context.connection_id()
    }

    /// Returns a header field of a `$connect`, whatever the case of its name. Of a field with several values it is the
    /// last one, as API Gateway has it.
    pub fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        self.entry("headers", |found| found.eq_ignore_ascii_case(name))
    }

    /// Returns a query parameter of a `$connect`, decoded, by its exact name. Of a parameter with several values it is
    /// the last one, as API Gateway has it.
    pub fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        self.entry("queryStringParameters", |found| found == name)
    }

    /// Returns the bytes of the message, empty where there is none. A body in base64 is decoded.
    ///
    /// # Errors
    ///
    /// The body is not a text, or not base64 although the event says so.
    pub fn body(&self) -> Result<Cow<'_, [u8]>, BodyError> {
        let Some(body) = self.member("body").filter(|body| *body != "null") else {
            return Ok(Cow::Borrowed(&[]));
        };
        let text = json::text(body).ok_or(BodyError::NotText)?;
        if self.member("isBase64Encoded") == Some("true") {
            return STANDARD
                .decode(&*text)
                .map(Cow::Owned)
                .map_err(|_| BodyError::NotBase64);
        }
        Ok(match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        })
    }

    /// Deserializes the message as JSON.
    ///
    /// # Errors
    ///
    /// See [`body`](Self::body), and a body that is not the JSON of an `A`. The error names line and column and quotes
    /// nothing.
    pub fn json<A: DeserializeOwned>(&self) -> Result<A, BodyError> {
        serde_json::from_slice(&self.body()?).map_err(|error| BodyError::NotJson {
            line: error.line(),
            column: error.column(),
        })
    }

    /// The value of a member of the event, unread.
    fn member(&self, wanted: &str) -> Option<&str> {
        let mut found = None;
        Cursor::over(&self.json).object(|cursor, name| {
            if name == wanted {
                found = Some(cursor.value()?);
                return Some(());
            }
            cursor.skip()
        })?;
        found
    }

    /// The text of the last entry of a map whose name fits.
    fn entry(&self, map: &str, fits: impl Fn(&str) -> bool) -> Option<Cow<'_, str>> {
        let mut found = None;
        Cursor::over(self.member(map)?).object(|cursor, name| {
            if fits(&name) {
                found = json::text(cursor.value()?);
                return Some(());
            }
            cursor.skip()
        })?;
        found
    }
}

impl<'de> Deserialize<'de> for WebSocketEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        let view = View::read(&json, &Sources::default()).map_err(|member| {
            de::Error::custom(format_args!("`{}` of the event cannot be understood", member.0))
        })?;
        let context = view.context;
        Ok(Self::new(context, Box::<str>::from(json).into()))
    }
}

impl fmt::Debug for WebSocketEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketEvent")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

/// Why a message could not be read. Quotes nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The event's `body` is neither a text nor null.
    #[error("the body of the event is not a text")]
    NotText,
    /// The event says that the body is base64, and it is not.
    #[error("the body of the event is not base64")]
    NotBase64,
    /// The body is not JSON, or not that of the type asked for.
    #[error("the message is not the JSON that is expected (line {line}, column {column})")]
    NotJson {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event(members: &Value) -> WebSocketEvent {
        let mut event =
            json!({"requestContext": {"eventType": "MESSAGE", "routeKey": "say", "connectionId": "a="}});
        for (name, value) in members.as_object().unwrap() {
            event[name] = value.clone();
        }
        serde_json::from_str(&event.to_string()).unwrap()
    }

    #[test]
    fn a_body_is_decoded_as_the_event_says() {
        for (members, body) in [
            (json!({}), Ok(&b""[..])),
            (json!({"body": null}), Ok(b"")),
            (json!({"body": "", "isBase64Encoded": false}), Ok(b"")),
            (
                json!({"body": "{\"a\":\"ä\n\"}"}),
                Ok("{\"a\":\"ä\n\"}".as_bytes()),
            ),
            (json!({"body": "AP8=", "isBase64Encoded": true}), Ok(b"\x00\xff")),
            (json!({"body": "AP8=", "isBase64Encoded": false}), Ok(b"AP8=")),
            (
                json!({"body": "a text", "isBase64Encoded": true}),
                Err(BodyError::NotBase64),
            ),
            (json!({"body": {"a": 1}}), Err(BodyError::NotText)),
        ] {
            assert_eq!(
                event(&members).body().as_deref(),
                body.as_ref().copied(),
                "{members}"
            );
        }
    }

    #[test]
    fn a_message_that_does_not_fit_is_placed_and_not_quoted() {
        let event = event(&json!({"body": r#"{"action":"s3cret"}"#}));
        let error = event.json::<Vec<u8>>().unwrap_err();
        assert!(matches!(error, BodyError::NotJson { line: 1, .. }), "{error:?}");
        assert!(!format!("{error} {error:?} {event:?}").contains("s3cret"));
        assert_eq!(event.json::<Value>().unwrap(), json!({"action": "s3cret"}));
    }

    #[test]
    fn header_fields_and_parameters_are_found_by_name() {
        let event = event(&json!({
            "headers": {"User-Agent": "wscat", "X-Number": 7},
            "queryStringParameters": {"room": "lobby & more"},
        }));
        assert_eq!(event.header("user-agent").as_deref(), Some("wscat"));
        assert_eq!(event.header("x-number"), None);
        assert_eq!(event.header("room"), None);
        assert_eq!(event.query("room").as_deref(), Some("lobby & more"));
        assert_eq!(event.query("Room"), None);
    }
}
