//! REQUEST authorizers: identity sources, the call, and what the answer means.

mod condition;
mod identity;
mod operator;
mod pattern;
mod policy;

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value};

use self::condition::Keys;
pub use self::identity::{IdentitySourceError, IdentitySources};
use crate::{
    call::Call,
    client_request::ClientRequest,
    connections::ConnectionInfo,
    event::{self, RequestStamp},
    function::{FunctionPool, InvokeError},
    ids,
    journal::{Content, Journal},
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
        journal: &Journal,
        connection: &ConnectionInfo,
        stamp: &RequestStamp,
        request: &ClientRequest,
    ) -> Answer {
        let name = self.function.shared_name();
        let decided = |decision, reason: Option<String>, took, cold| {
            journal.note(&connection.id, || Content::Decided {
                function: name.clone(),
                decision,
                reason,
            });
            observer.notify(&connection.id, || ObservedEvent::AuthorizerAnswered {
                function: name.clone(),
                decision,
                took,
                cold,
            });
        };
        if !self.sources.are_present(request, &stage.variables) {
            decided(Decision::NoIdentity, None, Duration::ZERO, false);
            return (Decision::NoIdentity, None);
        }
        let event = event::authorize(stage, connection, stamp, request);
        observer.notify(&connection.id, || ObservedEvent::AuthorizerCalled {
            function: name.clone(),
        });
        let call = Call {
            route: None,
            is_resent: false,
            function: &self.function,
            connection_id: &connection.id,
            request_id: &ids::lambda_request_id().into(),
            event: event.into(),
            limit: self.timeout,
        };
        let (outcome, took) = call.run(journal).await;
        let run = outcome.as_ref().and_then(|outcome| outcome.run);
        let mut reason = None;
        let (decision, context) = match outcome.map(|outcome| outcome.answer) {
            Some(Ok(answer)) => {
                let keys = Keys {
                    source_ip: connection.source_ip,
                    now: stamp.at.into(),
                    user_agent: connection.user_agent.clone(),
                    referer: request.header("referer").map(str::to_owned),
                };
                let read = read(&answer, &stage.method_arn(), &keys, self.max_result_bytes, took);
                read.unwrap_or_else(|error| {
                    let text = format!("the answer of this authorizer is not usable: {error}");
                    self.function.note(text.clone());
                    reason = Some(text);
                    (Decision::Failed, None)
                })
            }
            // The only error that a client is told about.
            Some(Err(InvokeError::Function { message, .. })) if message == "Unauthorized" => {
                (Decision::Unauthorized, None)
            }
            Some(Err(_)) | None => (Decision::Failed, None),
        };
        decided(decision, reason, took, run.is_some_and(|run| run.is_cold));
        (decision, context)
    }
}

type Answer = (Decision, Option<Map<String, Value>>);

/// Reads the answer of an authorizer.
///
/// # Errors
///
/// If it does not have the documented form: what is wrong, for the function's log.
fn read(answer: &[u8], arn: &str, keys: &Keys, limit: usize, took: Duration) -> Result<Answer, String> {
    if answer.len() > limit {
        return Err(format!("it is larger than {limit} bytes"));
    }
    let answer: Map<String, Value> =
        serde_json::from_slice(answer).map_err(|_| "it is not a JSON object".to_owned())?;
    let policy = answer.get("policyDocument").ok_or("it has no `policyDocument`")?;
    let decision = policy::decide(policy, arn, keys)?;
    let principal = answer.get("principalId").and_then(Value::as_str);
    // AWS does not document what it does without one.
    let principal = principal.ok_or("it has no `principalId`")?;
    let mut context = match answer.get("context") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(context)) => {
            stringify(context).ok_or("its `context` has other values than texts, numbers and booleans")?
        }
        Some(_) => return Err("its `context` is not an object".to_owned()),
    };
    if decision != Decision::Allow {
        return Ok((decision, None));
    }
    context.insert("principalId".into(), principal.into());
    context.insert(
        "integrationLatency".into(),
        u64::try_from(took.as_millis()).unwrap_or(u64::MAX).into(),
    );
    Ok((Decision::Allow, Some(context)))
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

    fn read_answer(answer: &[u8]) -> Answer {
        let keys = Keys {
            source_ip: "127.0.0.1".parse().unwrap(),
            now: time::OffsetDateTime::UNIX_EPOCH,
            user_agent: None,
            referer: None,
        };
        read(answer, ARN, &keys, 8192, Duration::from_millis(12)).unwrap_or((Decision::Failed, None))
    }

    fn read_context(context: &Value) -> Answer {
        read_answer(&answer(context))
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
            assert_eq!(read_answer(text.as_bytes()).0, Decision::Failed, "{text}");
        }
    }
}
