//! JWT authentication for API Gateway **WebSocket** APIs on AWS Lambda.
//!
//! A backend that has already authenticated its user signs a short-lived RS256 token for one room; the client
//! connects with it; the function verifies it against `PUBLIC_KEY`; the handler only ever sees authenticated
//! requests, with typed claims.
//!
//! ```no_run
//! # #[cfg(feature = "macros")] mod example {
//! use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
//! use room_auth::{Error, LambdaEvent, RoomClaims, room_auth};
//!
//! #[room_auth]
//! async fn connect(
//!     claims: RoomClaims,
//!     event: LambdaEvent<ApiGatewayWebsocketProxyRequest>,
//! ) -> Result<ApiGatewayProxyResponse, Error> {
//!     tracing::info!(room = %claims.room_id(), "joined");
//!     Ok(room_auth::response::ok())
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
//! | compose services | [`RoomAuthLayer`], [`Authenticated`], [`Incoming`] |
//! | verify tokens yourself | [`Verifier`], [`PublicKeys`], [`VerifyErrorKind`] |
//! | answer with a type of your own | [`WebSocketResponse`] |
//! | sign tokens (feature `issuer`) | `Issuer`, `SigningKey` |
//! | know who speaks on every route | [`RoomAuthLayer::with_registry`], [`registry`] |
//! | send to connections and rooms | [`rooms`], [`transport`] |
//! | refuse in front of the function | [`authorizer`] |
//! | test a handler | [`testing`] |
//!
//! # Logs
//!
//! The crate logs under the target `room_auth`, at no level anything of a token. `lambda_runtime` logs whole events at
//! TRACE, before this crate sees them: tokens would be among them, so keep it above that.
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
mod backoff;
mod claims;
mod clock;
mod error;
mod event;
mod id;
mod json;
mod numeric_date;
mod run;
mod token;

#[cfg(feature = "emf")]
#[cfg_attr(docsrs, doc(cfg(feature = "emf")))]
pub mod emf;
pub mod registry;
pub mod response;
pub mod rooms;
pub mod testing;
pub mod transport;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
use __private as private;

pub use auth::{
    Authenticated, Rejection, RejectionKind, RenewError, ResponseFuture, RoomAuth, RoomAuthLayer,
};
#[doc(hidden)]
pub use auth::{Handle, Ready};
pub use claims::RoomClaims;
pub use clock::{Clock, SystemClock};
pub use error::ConfigError;
pub use event::{Incoming, TokenSource};
pub use id::{ConnectionId, ParseConnectionIdError, ParseRoomIdError, RoomId};
pub use registry::{Connection, Registry, RegistryError};
pub use response::WebSocketResponse;
pub use run::run;
pub use token::{
    Algorithm, KeyError, PUBLIC_KEY_ENV, PublicKey, PublicKeys, Verifier, VerifyError, VerifyErrorKind,
};
#[cfg(feature = "issuer")]
#[cfg_attr(docsrs, doc(cfg(feature = "issuer")))]
pub use token::{Issuer, IssuerError, SigningKey, SigningKeyError, Token};

#[cfg(feature = "macros")]
pub use room_auth_macros::room_auth;

pub use transport::{ApiEndpoint, Transport, TransportError};

pub use lambda_runtime::{Error, LambdaEvent, service_fn};
