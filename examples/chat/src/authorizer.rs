//! The chat's REQUEST authorizer: refuses a bad token before the chat function is called.
//!
//! Set the keys as for the chat. What was revoked or used it does not know: the chat refuses that.

mod log;
mod verifier;

use room_auth::authorizer::Authorizer;
use room_auth::{Error, lambda_runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::json();
    lambda_runtime::run(Authorizer::<()>::new(verifier::from_env().await?)).await
}
