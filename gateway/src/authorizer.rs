//! REQUEST authorizers: identity sources, the call, and what its answer means.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Map, Value};

use crate::{
    api::Api,
    connections::ConnectionInfo,
    event::{self, Moment},
    function::{FunctionPool, InvokeError},
    handshake::Upgrade,
    identity::IdentitySources,
    observe::{Decision, ObservedEvent},
    policy,
};

#[derive(Debug)]
pub(crate) struct Authorizer {
    pub(crate) function: Arc<FunctionPool>,
    pub(crate) sources: IdentitySources,
}

impl Authorizer {
    /// What the authorizer says of this handshake, and its context if it allows it.
    pub(crate) async fn decide(
        &self,
        api: &Api,
        connection: &ConnectionInfo,
        moment: &Moment,
        upgrade: &Upgrade,
    ) -> (Decision, Option<Map<String, Value>>) {
        let name = self.function.shared_name();
        let answered = |decision, took| {
            let event = || ObservedEvent::AuthorizerAnswered {
                function: name.clone(),
                decision,
                took,
            };
            api.observer.tell(&connection.id, event);
        };
        if !self.sources.are_present(upgrade, &api.stage_variables) {
            answered(Decision::NoIdentity, Duration::ZERO);
            return (Decision::NoIdentity, None);
        }
        let event = event::authorize(api, connection, moment, upgrade);
        api.observer
            .tell(&connection.id, || ObservedEvent::AuthorizerCalled {
                function: name.clone(),
            });
        let started = Instant::now();
        let call = self.function.invoke(event);
        let answer = tokio::time::timeout(api.limits.integration_timeout, call).await;
        let took = started.elapsed();
        let (decision, context) = match answer {
            Ok(Ok(answer)) => read(
                &answer,
                &api.method_arn(),
                api.limits.authorizer_result_bytes,
                took,
            ),
            // The one error that a client is told of.
            Ok(Err(InvokeError::Function { message, .. })) if message == "Unauthorized" => {
                (Decision::Unauthorized, None)
            }
            Ok(Err(_)) | Err(_) => (Decision::Failed, None),
        };
        answered(decision, took);
        (decision, context)
    }
}

/// Reads an authorizer's answer. Anything that is not as documented makes it unusable.
fn read(answer: &[u8], arn: &str, limit: usize, took: Duration) -> (Decision, Option<Map<String, Value>>) {
    let Some((decision, principal, mut context)) = usable(answer, arn, limit) else {
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

fn usable(answer: &[u8], arn: &str, limit: usize) -> Option<(Decision, String, Map<String, Value>)> {
    if answer.len() > limit {
        return None;
    }
    let answer: Map<String, Value> = serde_json::from_slice(answer).ok()?;
    let decision = policy::decide(answer.get("policyDocument")?, arn)?;
    let context = match answer.get("context") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(context)) => texts(context)?,
        Some(_) => return None,
    };
    Some((decision, answer.get("principalId")?.as_str()?.to_owned(), context))
}

/// A context has texts, numbers and booleans; functions get all of them as texts.
fn texts(context: &Map<String, Value>) -> Option<Map<String, Value>> {
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
