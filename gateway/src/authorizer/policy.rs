//! IAM policies, as far as the answer of an authorizer needs them.

use serde_json::{Map, Value};

use super::{
    condition::{self, Keys},
    pattern,
};
use crate::observe::Decision;

const ACTION: &str = "execute-api:Invoke";

/// Returns whether `policy` allows to invoke `arn`: an explicit deny wins, and what is not allowed is denied.
///
/// # Errors
///
/// If it is not a policy, or has parts that the gateway does not know. How AWS reads such a part is unknown, or cannot
/// be imitated here, so none is ignored.
pub(super) fn decide(policy: &Value, arn: &str, keys: &Keys) -> Result<Decision, String> {
    let policy = policy.as_object().ok_or("`policyDocument` is not an object")?;
    only(policy, &["Version", "Id", "Statement"])?;
    if let Some(version) = policy.get("Version")
        && !["2012-10-17", "2008-10-17"].iter().any(|known| version == known)
    {
        return Err(format!("the policy version {version} does not exist"));
    }
    let statements = match policy.get("Statement") {
        Some(Value::Array(statements)) => statements.as_slice(),
        Some(one @ Value::Object(_)) => std::slice::from_ref(one),
        _ => return Err("the policy has no `Statement`".to_owned()),
    };
    let (mut is_allowed, mut is_denied) = (false, false);
    // Each statement is read, also behind one that decides.
    for statement in statements {
        let statement = statement.as_object().ok_or("a statement is not an object")?;
        let applies = applies(statement, arn, keys)?;
        match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => is_allowed |= applies,
            Some("Deny") => is_denied |= applies,
            _ => return Err("the `Effect` of a statement is neither `Allow` nor `Deny`".to_owned()),
        }
    }
    Ok(if is_allowed && !is_denied {
        Decision::Allow
    } else {
        Decision::Deny
    })
}

fn applies(statement: &Map<String, Value>, arn: &str, keys: &Keys) -> Result<bool, String> {
    only(
        statement,
        &[
            "Sid",
            "Effect",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        ],
    )?;
    // Actions ignore case, and resources do not.
    let action =
        |pattern: &str| pattern::matches(&pattern.to_ascii_lowercase(), &ACTION.to_ascii_lowercase());
    let action = matches_or_not(statement, "Action", "NotAction", action)?;
    let resource = |pattern: &str| pattern::matches(pattern, arn);
    let resource = matches_or_not(statement, "Resource", "NotResource", resource)?;
    let condition = statement.get("Condition");
    let condition = condition.map_or(Ok(true), |condition| condition::holds(condition, keys))?;
    Ok(action && resource && condition)
}

/// Checks that an object has no other members than these.
fn only(object: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => Err(format!("the member `{unknown}` of a policy is not known here")),
        None => Ok(()),
    }
}

/// Returns whether one of the patterns of the member matches, or none of those of its negation. A statement has one of
/// the two.
fn matches_or_not(
    statement: &Map<String, Value>,
    member: &str,
    negation: &str,
    matches: impl Fn(&str) -> bool,
) -> Result<bool, String> {
    let (patterns, is_negated) = match (statement.get(member), statement.get(negation)) {
        (Some(patterns), None) => (patterns, false),
        (None, Some(patterns)) => (patterns, true),
        _ => return Err(format!("a statement needs either `{member}` or `{negation}`")),
    };
    let patterns = match patterns {
        one @ Value::String(_) => std::slice::from_ref(one),
        Value::Array(patterns) => patterns,
        _ => return Err(format!("`{member}` is not a text or a list of texts")),
    };
    let mut any = false;
    for pattern in patterns {
        let pattern = pattern
            .as_str()
            .ok_or_else(|| format!("`{member}` has something else than texts"))?;
        if pattern.contains("${") {
            return Err(format!(
                "the policy variable in `{pattern}` is not supported here"
            ));
        }
        any |= matches(pattern);
    }
    Ok(any != is_negated)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    const ARN: &str = "arn:aws:execute-api:us-east-1:000000000000:api/dev/$connect";

    fn keys() -> Keys {
        Keys {
            source_ip: "127.0.0.1".parse().unwrap(),
            now: datetime!(2026-03-01 12:00 UTC),
            user_agent: None,
            referer: None,
        }
    }

    #[test]
    fn policies_decide_as_iam_does() {
        let statement = |effect: &str, action: Value, resource: Value| json!({"Effect": effect, "Action": action, "Resource": resource});
        let invoke = || json!("execute-api:Invoke");
        let allow = |resource: &str| statement("Allow", invoke(), json!(resource));
        let deny = |resource: &str| statement("Deny", invoke(), json!(resource));
        let (yes, no) = (Some(Decision::Allow), Some(Decision::Deny));
        let table = [
            (json!([allow(ARN)]), yes),
            (allow(ARN), yes),
            (json!([allow("*")]), yes),
            (json!([allow("arn:aws:execute-api:*:*:api/dev/*")]), yes),
            (json!([allow("arn:aws:execute-api:*/$connec?")]), yes),
            (
                json!([allow(
                    "arn:aws:execute-api:us-east-1:000000000000:api/prod/$connect"
                )]),
                no,
            ),
            (
                json!([allow("arn:aws:execute-api:us-east-1:000000000000:api/*/*/*")]),
                no,
            ),
            (json!([allow("")]), no),
            (json!([]), no),
            (json!([allow("*"), deny(ARN)]), no),
            (json!([deny(ARN), allow("*")]), no),
            (json!([allow("*"), deny("arn:aws:s3:::*")]), yes),
            (
                json!([statement("Allow", json!("EXECUTE-API:invoke"), json!("*"))]),
                yes,
            ),
            (
                json!([statement(
                    "Allow",
                    json!(["s3:*", "execute-api:*"]),
                    json!(["x", ARN])
                )]),
                yes,
            ),
            (json!([statement("Allow", json!("s3:*"), json!("*"))]), no),
            (json!([statement("allow", invoke(), json!("*"))]), None),
            (json!([statement("Allow", json!(7), json!("*"))]), None),
            (json!([{"Effect": "Allow", "Action": "*"}]), None),
            (json!("Allow"), None),
        ];
        for (statements, expected) in table {
            let found = decide(&json!({"Statement": statements}), ARN, &keys());
            assert_eq!(found.ok(), expected, "{statements}");
        }
        assert!(decide(&json!({}), ARN, &keys()).is_err());
    }

    #[test]
    fn not_action_and_not_resource_apply_to_all_others() {
        let statement = |member: &str, action: &str, resource_member: &str, resource: &str| json!({"Effect": "Allow", member: action, resource_member: resource});
        let other = "arn:aws:execute-api:us-east-1:000000000000:api/prod/*";
        let table = [
            (statement("NotAction", "s3:*", "Resource", ARN), Decision::Allow),
            (
                statement("NotAction", "execute-api:*", "Resource", ARN),
                Decision::Deny,
            ),
            (statement("Action", "*", "NotResource", other), Decision::Allow),
            (
                statement("Action", "*", "NotResource", "*/$connect"),
                Decision::Deny,
            ),
        ];
        for (statement, expected) in table {
            let found = decide(&json!({"Statement": statement}), ARN, &keys());
            assert_eq!(found, Ok(expected), "{statement}");
        }
    }

    #[test]
    fn a_condition_narrows_both_an_allow_and_a_deny() {
        let statement = |effect: &str, range: &str| {
            json!({"Effect": effect, "Action": "*", "Resource": "*",
                "Condition": {"IpAddress": {"aws:SourceIp": range}}})
        };
        let (here, elsewhere) = ("127.0.0.0/8", "10.0.0.0/8");
        let allow = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
        let table = [
            (json!([statement("Allow", here)]), Decision::Allow),
            (json!([statement("Allow", elsewhere)]), Decision::Deny),
            (json!([allow, statement("Deny", here)]), Decision::Deny),
            (json!([allow, statement("Deny", elsewhere)]), Decision::Allow),
        ];
        for (statements, expected) in table {
            let found = decide(&json!({"Statement": statements}), ARN, &keys());
            assert_eq!(found, Ok(expected), "{statements}");
        }
    }

    #[test]
    fn what_is_not_known_in_a_policy_is_an_error_that_names_it_also_behind_a_deny() {
        let deny = json!({"Effect": "Deny", "Action": "*", "Resource": "*"});
        let with = |name: &str, value: Value| {
            let mut statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
            statement[name] = value;
            json!({"Statement": [deny, statement]})
        };
        let table = [
            (with("Condition", json!({"Odd": {"aws:SourceIp": "x"}})), "`Odd`"),
            (with("Conditions", json!({})), "`Conditions`"),
            (with("Principal", json!("*")), "`Principal`"),
            (with("NotAction", json!("s3:*")), "`NotAction`"),
            (with("NotResource", json!("*")), "`NotResource`"),
            (with("Resource", json!("${aws:username}")), "`${aws:username}`"),
            (with("Action", json!([7])), "`Action`"),
            (with("Effect", json!("allow")), "`Effect`"),
            (json!({"Version": "2012-10-18", "Statement": []}), "2012-10-18"),
            (json!({"Statement": [], "statement": []}), "`statement`"),
            (json!({"Statement": "Allow"}), "`Statement`"),
            (json!("Allow"), "`policyDocument`"),
        ];
        for (policy, named) in table {
            let error = decide(&policy, ARN, &keys()).expect_err(named);
            assert!(error.contains(named), "{policy}: {error}");
        }
    }
}
