//! What a refused request gets, and why it was refused.

use crate::event::{SourceError, UnreadableMember};
use crate::token::{VerifyError, VerifyErrorKind};

/// A request that does not reach the handler.
///
/// The peer gets [`status_code`](Self::status_code) and [`body`](Self::body), the same bytes for every reason to doubt
/// who they are; the [`kind`](Self::kind) and the [`member`](Self::member) are for logs, metrics and tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejection {
    kind: RejectionKind,
    member: Option<&'static str>,
}

impl Rejection {
    pub(crate) fn of_member(kind: RejectionKind, member: &'static str) -> Self {
        Self {
            kind,
            member: Some(member),
        }
    }

    /// Returns the HTTP status: 401 for a request without a valid token, 403 for one whose token does not allow it, 500
    /// for a fault on our side.
    pub fn status_code(&self) -> u16 {
        match self.kind {
            RejectionKind::Forbidden => 403,
            kind if kind.is_fault() => 500,
            _ => 401,
        }
    }

    /// Returns the JSON body, which tells the peer no more than the status does.
    pub fn body(&self) -> &'static str {
        match self.status_code() {
            403 => r#"{"message":"Forbidden"}"#,
            500 => r#"{"message":"Internal server error"}"#,
            _ => r#"{"message":"Unauthorized"}"#,
        }
    }

    /// Returns why, for the operator. Never put it into the response.
    pub fn kind(&self) -> RejectionKind {
        self.kind
    }

    /// Returns the name of the member that is to blame, where it is one: of the event (`connectionId`) or of the token
    /// (`exp`). Never its value.
    pub fn member(&self) -> Option<&'static str> {
        self.member
    }
}

impl From<RejectionKind> for Rejection {
    fn from(kind: RejectionKind) -> Self {
        Self { kind, member: None }
    }
}

impl From<UnreadableMember> for Rejection {
    fn from(member: UnreadableMember) -> Self {
        Self::of_member(RejectionKind::Event, member.0)
    }
}

impl From<VerifyError> for Rejection {
    fn from(error: VerifyError) -> Self {
        Self {
            kind: RejectionKind::Token(error.kind()),
            member: error.member(),
        }
    }
}

impl From<SourceError> for Rejection {
    fn from(error: SourceError) -> Self {
        let kind = match error {
            SourceError::Missing => RejectionKind::TokenMissing,
            SourceError::Multiple => RejectionKind::SeveralTokens,
            SourceError::Malformed => RejectionKind::TokenForm,
            SourceError::Origin => RejectionKind::Origin,
        };
        kind.into()
    }
}

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectionKind {
    /// The event is not a WebSocket event, or what decides in it is missing, of another type or contradictory.
    Event,
    /// No token in any of the places that are looked at.
    TokenMissing,
    /// More than one token.
    SeveralTokens,
    /// Something in a token's place that does not have the form of its source.
    TokenForm,
    /// A token in a cookie, sent by a page whose origin is not allowed.
    Origin,
    /// The token was refused by the verifier.
    Token(VerifyErrorKind),
    /// The token, or all tokens of its user that were issued by then, have been revoked.
    Revoked,
    /// The token is accepted once, and was used by another connection.
    TokenUsed,
    /// The token does not allow what the layer [requires](crate::RoomAuthLayer::requiring).
    Forbidden,
    /// A MESSAGE or DISCONNECT event of a connection that is not recorded, or not any more.
    UnknownConnection,
    /// The authorizer context holds no valid claims, or at `$connect` others than the token.
    AuthorizerContext,
    /// Fault: a MESSAGE or DISCONNECT event, and the layer has no source of claims for it. Add
    /// [`with_rooms`](crate::RoomAuthLayer::with_rooms), or route only `$connect` to the function.
    NoClaimsSource,
    /// Fault: the registry did not answer, or did not record.
    Registry,
    /// Fault: the recorded claims contradict the record, or do not deserialize into the handler's type.
    RecordedClaims,
    /// Fault: the event does not deserialize into the handler's type.
    EventDeserialization,
    /// Fault: the configuration is invalid.
    Configuration,
}

impl RejectionKind {
    /// Returns whether the fault is ours: the peer may be who they claim to be.
    pub fn is_fault(self) -> bool {
        matches!(
            self,
            Self::NoClaimsSource
                | Self::Registry
                | Self::RecordedClaims
                | Self::EventDeserialization
                | Self::Configuration
        )
    }

    /// Returns a stable name for logs and metrics, in `snake_case`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::TokenMissing => "token_missing",
            Self::SeveralTokens => "several_tokens",
            Self::TokenForm => "token_form",
            Self::Origin => "origin",
            Self::Token(kind) => kind.as_str(),
            Self::Revoked => "revoked",
            Self::TokenUsed => "used",
            Self::Forbidden => "forbidden",
            Self::NoClaimsSource => "no_claims_source",
            Self::UnknownConnection => "unknown_connection",
            Self::AuthorizerContext => "authorizer_context",
            Self::Registry => "registry",
            Self::RecordedClaims => "record",
            Self::EventDeserialization => "payload",
            Self::Configuration => "configuration",
        }
    }
}
