//! JWT authentication for API Gateway **WebSocket** APIs on AWS Lambda.
//!
//! A backend that has already authenticated its user signs a short-lived token for one room; the client connects with
//! it; the function verifies it against `PUBLIC_KEY`; the handler only ever sees authenticated requests, with typed
//! claims, on every route.
//!
//! ```no_run
//! # #[cfg(feature = "macros")] mod example {
//! use room_auth::{Error, LambdaEvent, Response, RoomClaims, WebSocketEvent, response, room_auth};
//!
//! #[room_auth]
//! async fn connect(claims: RoomClaims, event: LambdaEvent<WebSocketEvent>) -> Result<Response, Error> {
//!     tracing::info!(room = %claims.room_id(), connection = %event.payload.connection_id(), "joined");
//!     Ok(response::ok())
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Error> {
//!     room_auth::run(connect).await
//! }
//! # }
//! ```
//!
//! # The map
//!
//! | to | look at |
//! | --- | --- |
//! | put authentication on a function | [`room_auth`](macro@room_auth), [`run`] |
//! | see what an event is about | [`WebSocketEvent`], [`EventContext`] |
//! | compose services | [`RoomAuthLayer`], [`Authenticated`], [`Incoming`] |
//! | choose where tokens come from | [`Authenticator`], [`TokenSource`] |
//! | accept tokens that speak of a user | [`RoomSource`] |
//! | verify tokens yourself | [`Verifier`], [`PublicKeys`], [`VerifyErrorKind`] |
//! | answer with a type of your own | [`WebSocketResponse`] |
//! | verify with the keys that an issuer publishes (feature `jwks`) | `Jwks`, `Verifier::from_jwks_url` |
//! | sign tokens (feature `issuer`) | `Issuer`, `SigningKey` |
//! | know who speaks on every route, and send to rooms | [`rooms::Rooms`], [`RoomAuthLayer::with_rooms`] |
//! | keep connections elsewhere, or reach them otherwise | [`Registry`], [`Transport`] |
//! | refuse in front of the function | [`authorizer`] |
//! | test a handler (feature `testing`) | `testing` |
//!
//! [`lambda_runtime`] and [`aws_lambda_events`] are re-exported whole, in the versions that this crate's types are made
//! of. (The crate's folder is called `runtime`, since it is what users depend on at run time; the Lambda runtime is
//! `lambda_runtime`'s.)
//!
//! # Logs
//!
//! The crate logs under the target `room_auth`, and nothing of a token or of claims at any level. `lambda_runtime` logs
//! whole events at TRACE, before this crate sees them: tokens are among them, so keep it above that.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod auth;
pub mod authorizer;
#[cfg(any(
    feature = "dynamodb",
    feature = "management",
    feature = "secrets-manager",
    feature = "kms"
))]
mod aws;
mod claims;
mod clock;
mod endpoint;
mod error;
mod event;
mod id;
mod json;
mod membership;
mod numeric_date;
mod rejection;
mod report;
mod retry;
mod run;
mod token;

#[cfg(feature = "emf")]
#[cfg_attr(docsrs, doc(cfg(feature = "emf")))]
pub mod emf;
pub mod registry;
pub mod response;
pub mod rooms;
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;
pub mod transport;

#[doc(hidden)]
#[path = "private/mod.rs"]
pub mod __private;

pub use auth::{Authenticated, Authenticator, ResponseFuture, RoomAuth, RoomAuthLayer};
pub use claims::RoomClaims;
pub use clock::{Clock, SystemClock};
pub use endpoint::{ApiEndpoint, ParseApiEndpointError};
pub use error::ConfigError;
pub use event::{BodyError, EventContext, EventType, Incoming, TokenSource, WebSocketEvent};
pub use id::{ConnectionId, ParseConnectionIdError, ParseRoomIdError, RoomId};
pub use registry::{Connection, Registry, RegistryError};
pub use rejection::{Rejection, RejectionKind};
pub use response::WebSocketResponse;
pub use retry::Deadline;
pub use run::{Handler, run};
pub use token::{
    Algorithm, KeyError, PUBLIC_KEY_ENV, PublicKey, PublicKeys, RoomSource, TokenClaims, Verifier,
    VerifyError, VerifyErrorKind,
};
#[cfg(feature = "issuer")]
#[cfg_attr(docsrs, doc(cfg(feature = "issuer")))]
pub use token::{Issuer, IssuerError, SigningKey, SigningKeyError, Token};
#[cfg(feature = "jwks")]
#[cfg_attr(docsrs, doc(cfg(feature = "jwks")))]
pub use token::{JWKS_URL_ENV, JWT_AUDIENCE_ENV, JWT_ISSUER_ENV, Jwks};

#[cfg(feature = "macros")]
pub use room_auth_macros::room_auth;

pub use transport::{Transport, TransportError};

pub use aws_lambda_events;
pub use lambda_runtime::{self, Error, LambdaEvent, service_fn};

/// What handlers answer with, unless they use a [`WebSocketResponse`] of their own.
pub use aws_lambda_events::apigw::ApiGatewayProxyResponse as Response;
