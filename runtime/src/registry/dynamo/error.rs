//! Failed requests: whether another attempt may help, and what may be said about them.

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::aws::error_chain;
use crate::registry::RegistryError;

/// A failed request. Holds no items and no claims, as the SDK's own errors do in the raw response that they keep.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(super) struct Failure {
    kind: FailureKind,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// No capacity, or a conflict with another transaction. A later attempt may succeed.
    Throttled,
    /// No answer in time. A later attempt may succeed.
    Timeout,
    /// Any other error that says nothing about the next attempt.
    Transient,
    /// The same request will fail again.
    Permanent,
}

impl Failure {
    pub(super) fn new(kind: FailureKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
        }
    }

    pub(super) fn timeout() -> Self {
        Self::new(FailureKind::Timeout, "DynamoDB did not answer in time")
    }

    pub(super) fn is_permanent(&self) -> bool {
        self.kind == FailureKind::Permanent
    }

    pub(super) fn into_error(self, action: &'static str) -> RegistryError {
        match self.kind {
            FailureKind::Throttled => RegistryError::throttled(action),
            FailureKind::Timeout => RegistryError::timeout(action),
            FailureKind::Transient | FailureKind::Permanent => RegistryError::new(action, self),
        }
    }

    /// Returns what an error code of DynamoDB means for the next attempt.
    fn of_service(code: Option<&str>, message: Option<&str>, status: u16) -> Self {
        let kind = match code {
            Some(
                "ProvisionedThroughputExceededException"
                | "ProvisionedThroughputExceeded"
                | "ThrottlingException"
                | "ThrottlingError"
                | "RequestLimitExceeded"
                | "RequestThrottledException"
                | "TransactionConflictException"
                | "TransactionConflict"
                | "TransactionInProgressException",
            ) => FailureKind::Throttled,
            _ if status >= 500 => FailureKind::Transient,
            _ => FailureKind::Permanent,
        };
        let code = code.unwrap_or("an error without a code");
        let text = match (code, message) {
            ("ResourceNotFoundException", _) => format!(
                "{code}: the table does not exist in this region and account; create it, or correct {}",
                super::item::TABLE_ENV
            ),
            // These messages name roles, tables and actions. Others may quote the request.
            (
                "AccessDeniedException"
                | "UnrecognizedClientException"
                | "ExpiredTokenException"
                | "MissingAuthenticationTokenException",
                Some(message),
            ) => format!("{code}: {message}"),
            _ => format!("DynamoDB answered {code} (status {status})"),
        };
        Self::new(kind, text)
    }

    /// Creates the failure of a transaction that DynamoDB cancelled for the reasons with these codes.
    pub(super) fn of_cancellation<'c>(codes: impl Iterator<Item = &'c str>) -> Self {
        codes
            .filter(|code| *code != "None")
            .map(|code| Self::of_service(Some(code), None, 400))
            // One permanent reason is enough.
            .reduce(|first, next| if first.is_permanent() { first } else { next })
            .unwrap_or_else(|| {
                Self::new(
                    FailureKind::Transient,
                    "DynamoDB cancelled the transaction without a reason",
                )
            })
    }
}

impl<E: ProvideErrorMetadata> From<&SdkError<E, HttpResponse>> for Failure {
    fn from(error: &SdkError<E, HttpResponse>) -> Self {
        match error {
            SdkError::ServiceError(answer) => {
                let meta = answer.err().meta();
                Self::of_service(meta.code(), meta.message(), answer.raw().status().as_u16())
            }
            SdkError::TimeoutError(_) => Self::timeout(),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => Self::timeout(),
            SdkError::DispatchFailure(failure) => {
                let is_transient = failure.is_io() || failure.as_other().is_some();
                let kind = if is_transient {
                    FailureKind::Transient
                } else {
                    FailureKind::Permanent
                };
                let cause = failure
                    .as_connector_error()
                    .map(|error| error_chain(error))
                    .unwrap_or_default();
                Self::new(kind, format!("DynamoDB could not be reached: {cause}"))
            }
            SdkError::ResponseError(answer) => Self::new(
                FailureKind::Transient,
                format!(
                    "DynamoDB's answer could not be read (status {})",
                    answer.raw().status().as_u16()
                ),
            ),
            SdkError::ConstructionFailure(_) => {
                Self::new(FailureKind::Permanent, "the request could not be made")
            }
            _ => Self::new(FailureKind::Permanent, "the request failed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for (code, status, kind) in [
            (
                "ProvisionedThroughputExceededException",
                400,
                FailureKind::Throttled,
            ),
            ("ThrottlingException", 400, FailureKind::Throttled),
            ("RequestLimitExceeded", 400, FailureKind::Throttled),
            ("TransactionInProgressException", 400, FailureKind::Throttled),
            ("InternalServerError", 500, FailureKind::Transient),
            ("ServiceUnavailable", 503, FailureKind::Transient),
            ("ValidationException", 400, FailureKind::Permanent),
            ("AccessDeniedException", 400, FailureKind::Permanent),
            ("ResourceNotFoundException", 400, FailureKind::Permanent),
        ] {
            assert_eq!(Failure::of_service(Some(code), None, status).kind, kind, "{code}");
        }
    }

    #[test]
    fn a_cancelled_transaction_is_tried_again_unless_a_reason_is_permanent() {
        for (codes, kind) in [
            (&["None", "TransactionConflict"][..], FailureKind::Throttled),
            (&["ThrottlingError", "None"], FailureKind::Throttled),
            (&["ProvisionedThroughputExceeded"], FailureKind::Throttled),
            (
                &["ValidationError", "TransactionConflict"],
                FailureKind::Permanent,
            ),
            (
                &["TransactionConflict", "ValidationError"],
                FailureKind::Permanent,
            ),
            (&["None"], FailureKind::Transient),
        ] {
            assert_eq!(
                Failure::of_cancellation(codes.iter().copied()).kind,
                kind,
                "{codes:?}"
            );
        }
    }

    #[test]
    fn a_message_is_repeated_only_where_it_cannot_quote_an_item() {
        let told = |code, message| Failure::of_service(Some(code), Some(message), 400).to_string();
        assert_eq!(
            told("ValidationException", "{\"user\":\"alice\"}"),
            "DynamoDB answered ValidationException (status 400)"
        );
        assert!(
            told(
                "AccessDeniedException",
                "not authorized to perform: dynamodb:Query"
            )
            .contains("dynamodb:Query")
        );
        assert!(told("ResourceNotFoundException", "").contains("DYNAMO_TABLE_NAME_CHAT_CONNECTIONS"));
    }
}
