//! REQUEST authorizers: identity sources, the call, and what the answer means.

mod identity;
mod policy;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Map, Value};

pub use self::identity::{IdentitySourceError, IdentitySources};
use crate::{
    client_request::ClientRequest,
    connections::ConnectionInfo,
    event::{self, RequestStamp},
    function::{FunctionPool, InvokeError},
    observe::{Decision, ObservedEvent, Observer},
    stage::Stage,
};

#[derive(Debug)]
pub(crate) struct Authorizer {
    pub(crate) function: Arc<FunctionPool>,
    pub(crate) sources: IdentitySources,
    /// How long the function may take.
    pub(crate) timeout: Duration,
    /// The largest answer, in bytes.
    pub(crate) max_result_bytes: usize,
}

impl Authorizer {
    /// Returns the decision about this handshake, and the context if it is allowed.
    pub(crate) async fn decide(
        &self,
        stage: &Stage,
        observer: &Observer,
        connection: &ConnectionInfo,
        stamp: &RequestStamp,
        request: &ClientRequest,
    ) -> (Decision, Option<Map<String, Value>>) {
        let name = self.function.shared_name();
        let answered = |decision, took| {
            observer.notify(&connection.id, || ObservedEvent::AuthorizerAnswered {
                function: name.clone(),
                decision,
                took,
            });
        };
        if !self.sources.are_present(request, &stage.variables) {
            answered(Decision::NoIdentity, Duration::ZERO);
            return (Decision::NoIdentity, None);
        }
        let event = event::authorize(stage, connection, stamp, request);
        observer.notify(&connection.id, || ObservedEvent::AuthorizerCalled {
            function: name.clone(),
        });
        let started = Instant::now();
        let answer = tokio::time::timeout(self.timeout, self.function.invoke(event)).await;
        let took = started.elapsed();
        let (decision, context) = match answer {
            Ok(Ok(answer)) => read(&answer, &stage.method_arn(), self.max_result_bytes, took),
            // The only error that a client is told about.
            Ok(Err(InvokeError::Function { message, .. })) if message == "Unauthorized" => {
                (Decision::Unauthorized, None)
            }
            Ok(Err(_)) | Err(_) => (Decision::Failed, None),
        };
        answered(decision, took);
        (decision, context)
    }
}

/// Reads the answer of an authorizer. An answer in another form than the documented one is a failure.
fn read(answer: &[u8], arn: &str, limit: usize, took: Duration) -> (Decision, Option<Map<String, Value>>) {
    let Some((decision, principal, mut context)) = parse_answer(answer, arn, limit) else {
        return (Decision::Failed, None);
    };
    if decision != Decision::Allow {
        return (decision, None);
    }
    context.insert("principalId".into(), principal.into());
    context.insert(
        "integrationLatency".into(),
        u64::try_from(took.as_millis()).unwrap_or(u64::MAX).into(),
    );
    (Decision::Allow, Some(context))
}

fn parse_answer(answer: &[u8], arn: &str, limit: usize) -> Option<(Decision, String, Map<String, Value>)> {
    if answer.len() > limit {
        return None;
    }
    let answer: Map<String, Value> = serde_json::from_slice(answer).ok()?;
    let decision = policy::decide(answer.get("policyDocument")?, arn)?;
    let context = match answer.get("context") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(context)) => stringify(context)?,
        Some(_) => return None,
    };
    Some((decision, answer.get("principalId")?.as_str()?.to_owned(), context))
}

/// Turns the texts, numbers and booleans of a context into texts, as functions get them.
fn stringify(context: &Map<String, Value>) -> Option<Map<String, Value>> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    context
        .iter()
        .map(|(name, value)| Some((name.clone(), text(value)?.into())))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ARN: &str = "arn:aws:execute-api:us-east-1:000000000000:api/dev/$connect";

    fn answer(context: &Value) -> Vec<u8> {
        json!({
            "principalId": "me",
            "policyDocument": {"Version": "2012-10-17", "Statement": [
                {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": ARN}
            ]},
            "context": context,
        })
        .to_string()
        .into_bytes()
    }

    fn read_context(context: &Value) -> (Decision, Option<Map<String, Value>>) {
        read(&answer(context), ARN, 8192, Duration::from_millis(12))
    }

    #[test]
    fn the_context_reaches_the_events_as_texts() {
        let (decision, context) = read_context(&json!({"text": "a", "number": 1, "yes": true}));
        assert_eq!(decision, Decision::Allow);
        let expected =
            json!({"text": "a", "number": "1", "yes": "true", "principalId": "me", "integrationLatency": 12});
        assert_eq!(Value::Object(context.unwrap()), expected);
    }

    #[test]
    fn an_unusable_answer_is_a_failure() {
        let deep = [
            json!({"a": null}),
            json!({"a": []}),
            json!({"a": {}}),
            json!([]),
            json!("x"),
        ];
        for context in &deep {
            assert_eq!(read_context(context).0, Decision::Failed, "{context}");
        }
        let rest = answer(&json!({"a": ""})).len();
        for (size, decision) in [(8192, Decision::Allow), (8193, Decision::Failed)] {
            let context = json!({"a": "x".repeat(size - rest)});
            assert_eq!(read_context(&context).0, decision, "{size} bytes");
        }
        for text in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"principalId":"me"}"#,
            r#"{"isAuthorized":true}"#,
        ] {
            assert_eq!(
                read(text.as_bytes(), ARN, 8192, Duration::ZERO).0,
                Decision::Failed,
                "{text}"
            );
        }
    }
}
