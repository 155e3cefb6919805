//! What an authorizer answers.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

/// The most that API Gateway takes as the whole result of an authorizer, in bytes (8 KB; WebSocket quota page, "Lambda
/// authorizer result size").
pub const MAX_RESULT_BYTES: usize = 8 * 1024;

/// What a context may hold: flat values (API Gateway refuses objects, arrays and null).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum ContextValue {
    /// A string.
    Text(String),
    /// An integer.
    Number(i64),
    /// A boolean.
    Flag(bool),
}

impl From<ContextValue> for Value {
    fn from(value: ContextValue) -> Self {
        match value {
            ContextValue::Text(text) => text.into(),
            ContextValue::Number(number) => number.into(),
            ContextValue::Flag(flag) => flag.into(),
        }
    }
}

impl From<&str> for ContextValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for ContextValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for ContextValue {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for ContextValue {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

/// What an authorizer answers: a policy for one method, and the context.
///
/// Serializes without null members, which API Gateway would refuse. `Debug` leaves the context out: claims may hold
/// personal data.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizerResponse {
    principal_id: String,
    policy_document: Policy,
    #[serde(skip_serializing_if = "Map::is_empty")]
    context: Map<String, Value>,
}

impl AuthorizerResponse {
    /// Allows or denies exactly `method_arn`.
    pub(super) fn new(
        principal_id: &str,
        is_allowed: bool,
        method_arn: String,
        context: Map<String, Value>,
    ) -> Self {
        Self {
            principal_id: principal_id.to_owned(),
            policy_document: Policy {
                version: "2012-10-17",
                statement: [Statement {
                    action: "execute-api:Invoke",
                    effect: if is_allowed { "Allow" } else { "Deny" },
                    resource: method_arn,
                }],
            },
            context,
        }
    }

    /// Returns how many bytes API Gateway gets.
    pub(super) fn size(&self) -> usize {
        serde_json::to_vec(self).map_or(usize::MAX, |json| json.len())
    }
}

impl fmt::Debug for AuthorizerResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizerResponse")
            .field("principal_id", &self.principal_id)
            .field("policy_document", &self.policy_document)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    version: &'static str,
    statement: [Statement; 1],
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    action: &'static str,
    effect: &'static str,
    resource: String,
}
