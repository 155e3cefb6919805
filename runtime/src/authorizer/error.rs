//! Why an authorizer did not answer with a policy.

use lambda_runtime::Diagnostic;

/// Why an authorizer did not answer with a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizerError {
    /// No valid token. API Gateway turns exactly this message into a 401.
    #[error("Unauthorized")]
    Unauthorized,
    /// Fault: the result has this many bytes; API Gateway would turn it into a 500.
    #[error(
        "the authorizer's result has {0} bytes, API Gateway takes 8192; put less into the context or the claims"
    )]
    ResultTooLarge(usize),
    /// Fault: a value of the context is given under the key `room_auth`, which holds the claims, or `room_auth_room`,
    /// which holds the requested room.
    #[error(
        "the authorizer's context must not use the keys room_auth and room_auth_room, which hold the claims; rename it"
    )]
    ReservedKey,
}

impl From<AuthorizerError> for Diagnostic {
    fn from(error: AuthorizerError) -> Self {
        let error_type = match error {
            AuthorizerError::Unauthorized => "Unauthorized",
            AuthorizerError::ResultTooLarge(_) | AuthorizerError::ReservedKey => "AuthorizerError",
        };
        Self {
            error_type: error_type.to_owned(),
            error_message: error.to_string(),
        }
    }
}
