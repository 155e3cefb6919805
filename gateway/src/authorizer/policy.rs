//! IAM policies, as far as the answer of an authorizer needs them.

use serde_json::Value;

use crate::observe::Decision;

/// Returns whether `policy` allows to invoke `arn`: an explicit deny wins, and what is not allowed is denied. Returns
/// `None` if it is not a policy.
pub(crate) fn decide(policy: &Value, arn: &str) -> Option<Decision> {
    let statements = match policy.get("Statement")? {
        Value::Array(statements) => statements.as_slice(),
        one @ Value::Object(_) => std::slice::from_ref(one),
        _ => return None,
    };
    let mut allowed = false;
    for statement in statements {
        let effect = statement.get("Effect")?.as_str()?;
        let fits = any_fits(statement.get("Action")?, "execute-api:Invoke", true)?
            && any_fits(statement.get("Resource")?, arn, false)?;
        match effect {
            "Deny" if fits => return Some(Decision::Deny),
            "Allow" => allowed |= fits,
            "Deny" => {}
            _ => return None,
        }
    }
    Some(if allowed { Decision::Allow } else { Decision::Deny })
}

fn any_fits(patterns: &Value, text: &str, ignore_case: bool) -> Option<bool> {
    let fits = |pattern: &Value| {
        let pattern = pattern.as_str()?;
        Some(if ignore_case {
            matches(
                pattern.to_ascii_lowercase().as_bytes(),
                text.to_ascii_lowercase().as_bytes(),
            )
        } else {
            matches(pattern.as_bytes(), text.as_bytes())
        })
    };
    match patterns {
        Value::String(_) => fits(patterns),
        Value::Array(patterns) => patterns
            .iter()
            .try_fold(false, |any, pattern| Some(any | fits(pattern)?)),
        _ => None,
    }
}

/// Matches a pattern in which `*` stands for any text and `?` for any one character. Backtracks to the last `*` only,
/// so it never takes exponential time.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == b'?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((star_p, star_t)) = star else {
                    return false;
                };
                star = Some((star_p, star_t + 1));
                p = star_p + 1;
                t = star_t + 1;
            }
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ARN: &str = "arn:aws:execute-api:us-east-1:000000000000:api/dev/$connect";

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
            assert_eq!(
                decide(&json!({"Statement": statements}), ARN),
                expected,
                "{statements}"
            );
        }
        assert_eq!(decide(&json!({}), ARN), None);
    }
}
