//! What went wrong with a request: whether it is worth another attempt, and what may be said about it.

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::aws::messages;
use crate::registry::RegistryError;

/// A failed request. Holds no items and no claims: the SDK's own errors do, in the raw answer they keep.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(super) struct Failure {
    kind: FailureKind,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// No capacity, or another transaction was in the way: later there may be.
    Throttled,
    /// An accident that says nothing about the next attempt.
    Transient,
    /// The same request will fail again.
    Lasting,
}

impl Failure {
    pub(super) fn new(kind: FailureKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
        }
    }

    pub(super) fn is_lasting(&self) -> bool {
        self.kind == FailureKind::Lasting
    }

    pub(super) fn into_error(self, action: &'static str) -> RegistryError {
        match self.kind {
            FailureKind::Throttled => RegistryError::throttled(action),
            FailureKind::Transient | FailureKind::Lasting => RegistryError::new(action, self),
        }
    }

    /// What an error code of DynamoDB means for the next attempt.
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
            _ => FailureKind::Lasting,
        };
        let code = code.unwrap_or("an error without a code");
        let text = match (code, message) {
            ("ResourceNotFoundException", _) => format!(
                "{code}: the table does not exist in this region and account; create it, or correct {}",
                super::TABLE_VARIABLE
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

    /// A transaction that DynamoDB cancelled, for the reasons with these codes.
    pub(super) fn of_cancellation<'c>(codes: impl Iterator<Item = &'c str>) -> Self {
        codes
            .filter(|code| *code != "None")
            .map(|code| Self::of_service(Some(code), None, 400))
            // One reason that lasts is enough.
            .reduce(|first, next| if first.is_lasting() { first } else { next })
            .unwrap_or_else(|| {
                Self::new(
                    FailureKind::Transient,
                    "DynamoDB cancelled the transaction for no reason",
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
            SdkError::TimeoutError(_) => Self::new(FailureKind::Transient, "DynamoDB did not answer in time"),
            SdkError::DispatchFailure(failure) => {
                let is_transient = failure.is_io() || failure.is_timeout() || failure.as_other().is_some();
                let kind = if is_transient {
                    FailureKind::Transient
                } else {
                    FailureKind::Lasting
                };
                let cause = failure
                    .as_connector_error()
                    .map(|error| messages(error))
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
                Self::new(FailureKind::Lasting, "the request could not be made")
            }
            _ => Self::new(FailureKind::Lasting, "the request failed"),
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
            ("ValidationException", 400, FailureKind::Lasting),
            ("AccessDeniedException", 400, FailureKind::Lasting),
            ("ResourceNotFoundException", 400, FailureKind::Lasting),
        ] {
            assert_eq!(Failure::of_service(Some(code), None, status).kind, kind, "{code}");
        }
    }

    #[test]
    fn a_cancelled_transaction_is_tried_again_unless_a_reason_lasts() {
        for (codes, kind) in [
            (&["None", "TransactionConflict"][..], FailureKind::Throttled),
            (&["ThrottlingError", "None"], FailureKind::Throttled),
            (&["ProvisionedThroughputExceeded"], FailureKind::Throttled),
            (&["ValidationError", "TransactionConflict"], FailureKind::Lasting),
            (&["TransactionConflict", "ValidationError"], FailureKind::Lasting),
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
