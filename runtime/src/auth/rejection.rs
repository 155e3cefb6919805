//! What a refused request gets, and why it was refused.

use crate::event::SourceError;
use crate::token::VerifyErrorKind;

/// A request that does not reach the handler.
///
/// The peer gets [`status_code`](Self::status_code) and [`body`](Self::body), the same bytes for every reason;
/// the [`kind`](Self::kind) is for logs, metrics and tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejection {
    kind: RejectionKind,
}

impl Rejection {
    pub(crate) fn new(kind: RejectionKind) -> Self {
        Self { kind }
    }

    /// 401 for whatever the peer did, 500 for a fault on our side.
    pub fn status_code(&self) -> u16 {
        if self.kind.is_fault() { 500 } else { 401 }
    }

    /// The JSON body, which tells the peer nothing.
    pub fn body(&self) -> &'static str {
        if self.kind.is_fault() {
            r#"{"message":"Internal server error"}"#
        } else {
            r#"{"message":"Unauthorized"}"#
        }
    }

    /// Why, for the operator. Never put it into the response.
    pub fn kind(&self) -> RejectionKind {
        self.kind
    }
}

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectionKind {
    /// The event is no WebSocket event, or what decides in it is missing, of another type or contradictory.
    Event,
    /// No token where one is looked for.
    TokenMissing,
    /// More than one token.
    SeveralTokens,
    /// Something in a token's place that is not of the form of its source.
    TokenForm,
    /// A token in a cookie, from a page of an origin that is not allowed.
    Origin,
    /// The token was refused by the verifier.
    Token(VerifyErrorKind),
    /// A MESSAGE or DISCONNECT event, and no source of claims for it is configured.
    NoClaimsSource,
    /// A MESSAGE or DISCONNECT event of a connection that the registry does not know (any more).
    UnknownConnection,
    /// The claims of the trusted authorizer are missing, or are none.
    AuthorizerContext,
    /// Fault: the registry did not answer, or did not record.
    Registry,
    /// Fault: the recorded claims do not fit the handler's type.
    Record,
    /// Fault: the event does not deserialize into the handler's type.
    Payload,
    /// Fault: the configuration cannot be used.
    Configuration,
}

impl RejectionKind {
    /// Whether the fault is ours: the peer may be who they claim to be.
    pub fn is_fault(self) -> bool {
        matches!(
            self,
            Self::Registry | Self::Record | Self::Payload | Self::Configuration
        )
    }

    /// A stable name for logs and metrics, in `snake_case`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::TokenMissing => "token_missing",
            Self::SeveralTokens => "several_tokens",
            Self::TokenForm => "token_form",
            Self::Origin => "origin",
            Self::Token(kind) => kind.as_str(),
            Self::NoClaimsSource => "no_claims_source",
            Self::UnknownConnection => "unknown_connection",
            Self::AuthorizerContext => "authorizer_context",
            Self::Registry => "registry",
            Self::Record => "record",
            Self::Payload => "payload",
            Self::Configuration => "configuration",
        }
    }
}

impl From<SourceError> for RejectionKind {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Missing => Self::TokenMissing,
            SourceError::Several => Self::SeveralTokens,
            SourceError::Form => Self::TokenForm,
            SourceError::Origin => Self::Origin,
        }
    }
}
