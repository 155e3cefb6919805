//! The chat's REQUEST authorizer: refuses a bad token before the chat function is called.
//!
//! Set the keys as for the chat.

mod log;
mod verifier;

use room_auth::authorizer::Authorizer;
use room_auth::{Error, lambda_runtime};

/// As in the chat: a token without a user is refused here already.
#[derive(serde::Deserialize)]
struct Member {
    #[allow(dead_code)]
    user: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::json();
    lambda_runtime::run(Authorizer::<Member>::new(verifier::from_env().await?)).await
}
