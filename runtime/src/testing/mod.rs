//! For unit tests of handlers, registries and transports (feature `testing`).
//!
//! | to | use |
//! | --- | --- |
//! | call a handler | [`claims`], [`authenticated`] |
//! | present a token | `token`, `signing_key` (feature `issuer`), [`public_key_pem`], [`FixedClock`] |
//! | see what a handler records and sends | [`MemoryRegistry`], [`RecordingTransport`] |
//! | check an own registry or transport | [`registry_conformance`], [`transport_conformance`] |
//!
//! Whatever makes claims without a token is in this module, so that it is behind the feature: enable it as a
//! dev-dependency only. The signing key is public, since it is in this crate's source.
//!
//! ```
//! use room_auth::testing::{self, RecordingTransport};
//! use room_auth::{ApiEndpoint, ConnectionId, RoomClaims, Transport, TransportError};
//!
//! /// Greets whoever has connected.
//! async fn greet(
//!     claims: RoomClaims,
//!     (at, to): (&ApiEndpoint, &ConnectionId),
//!     transport: &impl Transport,
//! ) -> Result<(), TransportError> {
//!     let frame = format!(r#"{{"type":"welcome","room":"{}"}}"#, claims.room_id());
//!     transport.post(at, to, frame.as_bytes()).await
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let transport = RecordingTransport::new();
//! let (at, to) = ("a1b2c3d4e5/prod".parse().unwrap(), "L0SM9cOFvHcCIhw=".parse().unwrap());
//! greet(testing::claims("lobby", ()), (&at, &to), &transport).await.unwrap();
//! assert_eq!(transport.frames_to(&to), [r#"{"type":"welcome","room":"lobby"}"#]);
//!
//! transport.fail_next(&to, TransportError::Gone);
//! assert!(greet(testing::claims("lobby", ()), (&at, &to), &transport).await.is_err());
//! # });
//! # Ok::<_, std::io::Error>(())
//! ```

mod conformance;
mod memory_registry;
mod recording_transport;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::auth::Authenticated;
use crate::claims::RoomClaims;
use crate::clock::{Clock, unix_seconds};
use crate::event::{EventContext, WebSocketEvent};

pub use conformance::{TestApi, registry_conformance, transport_conformance};
pub use memory_registry::MemoryRegistry;
pub use recording_transport::{RecordingTransport, Sent};

/// Claims for `room` that were issued now and expire in five minutes.
///
/// # Panics
///
/// `room` is no [`RoomId`](crate::RoomId).
pub fn claims<T>(room: &str, custom: T) -> RoomClaims<T> {
    let room = room.parse().expect("a test names a valid room");
    let now = unix_seconds(SystemTime::now());
    RoomClaims::new(room, now, now + 300, custom)
}

/// Returns an event as a handler behind the layer gets it.
///
/// ```
/// use room_auth::testing;
///
/// let event = testing::message_event(r#"{"action":"ping"}"#);
/// let request = testing::authenticated(testing::claims("lobby", ()), event.context().clone(), event);
/// assert_eq!(request.claims().room_id().as_str(), "lobby");
/// ```
pub fn authenticated<E, T>(claims: RoomClaims<T>, context: EventContext, event: E) -> Authenticated<E, T> {
    Authenticated::new(claims, context, event)
}

/// Returns the event of a `$connect` of the connection `test=`, made just now through the stage `dev` of the API `test`.
pub fn connect_event() -> WebSocketEvent {
    event("CONNECT", "$connect", None)
}

/// Returns the event of a message with this body, on the route `$default`, of the connection of [`connect_event`].
pub fn message_event(body: &str) -> WebSocketEvent {
    event("MESSAGE", "$default", Some(body))
}

/// Returns the event of a `$disconnect` of the connection of [`connect_event`].
pub fn disconnect_event() -> WebSocketEvent {
    event("DISCONNECT", "$disconnect", None)
}

fn event(event_type: &str, route_key: &str, body: Option<&str>) -> WebSocketEvent {
    let now = unix_seconds(SystemTime::now()) * 1000;
    let event = serde_json::json!({
        "requestContext": {
            "eventType": event_type, "routeKey": route_key, "connectionId": "test=", "connectedAt": now,
            "requestTimeEpoch": now, "apiId": "test", "stage": "dev",
        },
        "body": body,
        "isBase64Encoded": false,
    });
    serde_json::from_str(&event.to_string()).expect("the event is complete")
}

/// A clock that stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedClock(SystemTime);

impl FixedClock {
    /// A clock that always shows this many seconds since 1970-01-01T00:00:00Z.
    pub fn at(seconds: u64) -> Self {
        Self(UNIX_EPOCH + Duration::from_secs(seconds))
    }
}

impl Clock for FixedClock {
    fn now(&self) -> SystemTime {
        self.0
    }
}

/// The public key of the test key pair.
pub fn public_key_pem() -> &'static str {
    include_str!("public.pem")
}

/// The private key of the test key pair. Everybody has it.
///
/// # Panics
///
/// Never: the key is part of this crate.
#[cfg(feature = "issuer")]
pub fn signing_key() -> crate::SigningKey {
    crate::SigningKey::from_pem(include_str!("private.pem")).expect("the test key is a good key")
}

/// A token for `room` with claims of your own (`&()` for none), signed with the test key, valid for five minutes.
///
/// # Panics
///
/// `room` is no [`RoomId`](crate::RoomId), or `custom` is no object.
#[cfg(feature = "issuer")]
pub fn token<C: serde::Serialize>(room: &str, custom: &C) -> String {
    let room = room.parse().expect("a test names a valid room");
    let key = signing_key();
    let issuer =
        crate::Issuer::new(key.clone(), Duration::from_mins(5)).expect("five minutes are a lifetime");
    let token = issuer
        .issue_with(&key, &room, custom)
        .expect("test claims can be signed");
    token.as_str().to_owned()
}
