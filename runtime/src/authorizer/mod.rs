//! The REQUEST authorizer: the same verification, in front of API Gateway's `$connect` route.
//!
//! With it API Gateway refuses before the integration is called (and billed), and passes the claims on with every
//! later event, for [`with_trusted_authorizer`](crate::RoomAuthLayer::with_trusted_authorizer).
//!
//! ```no_run
//! use room_auth::authorizer::Authorizer;
//! use room_auth::{Error, lambda_runtime};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Error> {
//!     lambda_runtime::run(Authorizer::from_env()?).await
//! }
//! ```

mod error;
mod request;
mod response;
mod service;

pub use crate::auth::{CONTEXT_KEY, ROOM_CONTEXT_KEY};
pub use error::AuthorizerError;
pub use request::Authorizer;
pub use response::{AuthorizerResponse, ContextValue, MAX_RESULT_BYTES};
pub use service::AuthorizerFuture;
