//! Conditions of IAM policies, as far as a gateway on one machine can know what they ask about.

use std::net::IpAddr;

use serde_json::{Map, Value};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::operator::Operator;

/// What conditions can ask about a handshake.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) source_ip: IpAddr,
    pub(super) now: OffsetDateTime,
    pub(super) user_agent: Option<String>,
    pub(super) referer: Option<String>,
}

impl Keys {
    /// Returns the value of a key, and `None` in place of a value that this request does not have.
    ///
    /// # Errors
    ///
    /// If the gateway does not know this key.
    fn value(&self, key: &str) -> Result<Option<String>, String> {
        match key.to_ascii_lowercase().as_str() {
            "aws:sourceip" => Ok(Some(self.source_ip.to_canonical().to_string())),
            "aws:currenttime" => Ok(self.now.format(&Rfc3339).ok()),
            "aws:epochtime" => Ok(Some(self.now.unix_timestamp().to_string())),
            "aws:useragent" => Ok(self.user_agent.clone()),
            "aws:referer" => Ok(self.referer.clone()),
            // Clients cannot reach API Gateway in any other way.
            "aws:securetransport" => Ok(Some("true".to_owned())),
            _ => Err(format!("the condition key `{key}` is not known here")),
        }
    }
}

/// Returns whether all parts of a `Condition` hold.
///
/// # Errors
///
/// If it has an operator, a key or a value that the gateway does not know: to ignore it could allow what AWS denies.
pub(super) fn holds(condition: &Value, keys: &Keys) -> Result<bool, String> {
    let mut all = true;
    for (operator, tests) in object(condition, "Condition")? {
        for (key, expected) in object(tests, operator)? {
            all &= test(operator, key, expected, keys)?;
        }
    }
    Ok(all)
}

fn object<'a>(value: &'a Value, name: &str) -> Result<&'a Map<String, Value>, String> {
    value
        .as_object()
        .ok_or_else(|| format!("`{name}` is not an object"))
}

fn test(operator: &str, key: &str, expected: &Value, keys: &Keys) -> Result<bool, String> {
    let actual = keys.value(key)?;
    let expected =
        texts(expected).ok_or_else(|| format!("`{key}` is compared with something else than texts"))?;
    if let Some(variable) = expected.iter().find(|text| text.contains("${")) {
        return Err(format!(
            "the policy variable in `{variable}` is not supported here"
        ));
    }
    let wrong_type = |text: &str| format!("`{text}` is not a value for {operator}");
    if operator == "Null" {
        return expected.iter().try_fold(false, |any, text| match text.as_str() {
            "true" => Ok(any | actual.is_none()),
            "false" => Ok(any | actual.is_some()),
            _ => Err(wrong_type(text)),
        });
    }
    let (name, if_exists) = match operator.strip_suffix("IfExists") {
        Some(name) => (name, true),
        None => (operator, false),
    };
    let found = Operator::named(name)
        .ok_or_else(|| format!("the condition operator `{operator}` is not known here"))?;
    let mut any = false;
    for text in &expected {
        // Without a value of the request, the values of the policy are still checked.
        let matches = (found.compare)(actual.as_deref().unwrap_or_default(), text);
        any |= matches.ok_or_else(|| wrong_type(text))?;
    }
    Ok(match actual {
        Some(_) => any != found.is_negated,
        None => if_exists || found.is_negated,
    })
}

/// Reads one text or several; numbers and booleans count as texts.
fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Number(_) | Value::Bool(_) => Some(vec![value.to_string()]),
        Value::Array(values) if values.iter().any(Value::is_array) => None,
        Value::Array(values) => values
            .iter()
            .map(|value| texts(value).and_then(|mut one| one.pop()))
            .collect(),
        Value::Null | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    fn keys() -> Keys {
        Keys {
            source_ip: "192.0.2.7".parse().unwrap(),
            now: datetime!(2026-03-01 12:00 UTC),
            user_agent: Some("Tester/1.0".to_owned()),
            referer: None,
        }
    }

    #[test]
    fn conditions_hold_as_iam_documents_it() {
        let table = [
            (json!({}), true),
            (json!({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}), true),
            (json!({"IpAddress": {"aws:SourceIp": "192.0.2.7"}}), true),
            (
                json!({"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "192.0.2.0/24"]}}),
                true,
            ),
            (json!({"IpAddress": {"AWS:sourceIP": "10.0.0.0/8"}}), false),
            (json!({"IpAddress": {"aws:SourceIp": "2001:db8::/32"}}), false),
            (json!({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), true),
            (
                json!({"NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8", "192.0.2.7"]}}),
                false,
            ),
            (json!({"StringEquals": {"aws:UserAgent": "Tester/1.0"}}), true),
            (json!({"StringEquals": {"aws:UserAgent": "tester/1.0"}}), false),
            (
                json!({"StringEqualsIgnoreCase": {"aws:UserAgent": "tester/1.0"}}),
                true,
            ),
            (
                json!({"StringNotEqualsIgnoreCase": {"aws:UserAgent": "tester/1.0"}}),
                false,
            ),
            (json!({"StringNotEquals": {"aws:UserAgent": "other"}}), true),
            (json!({"StringLike": {"aws:UserAgent": "Tester/*"}}), true),
            (json!({"StringLike": {"aws:UserAgent": "Tester/?"}}), false),
            (json!({"StringNotLike": {"aws:UserAgent": "Tester/*"}}), false),
            (json!({"NumericLessThan": {"aws:EpochTime": "1772366401"}}), true),
            (json!({"NumericEquals": {"aws:EpochTime": 1_772_366_400}}), true),
            (
                json!({"NumericGreaterThan": {"aws:EpochTime": 1_772_366_400}}),
                false,
            ),
            (json!({"NumericEquals": {"aws:UserAgent": "1"}}), false),
            (
                json!({"DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}),
                true,
            ),
            (json!({"DateLessThan": {"aws:CurrentTime": "2026-03-01"}}), false),
            (
                json!({"DateEquals": {"aws:CurrentTime": "2026-03-01T13:00:00+01:00"}}),
                true,
            ),
            (
                json!({"DateLessThanEquals": {"aws:EpochTime": "1772366400"}}),
                true,
            ),
            (json!({"Bool": {"aws:SecureTransport": "true"}}), true),
            (json!({"Bool": {"aws:SecureTransport": false}}), false),
            (json!({"Null": {"aws:Referer": "true"}}), true),
            (json!({"Null": {"aws:UserAgent": true}}), false),
            (json!({"Null": {"aws:UserAgent": "false"}}), true),
            // A key without a value.
            (json!({"StringEquals": {"aws:Referer": ""}}), false),
            (json!({"StringNotEquals": {"aws:Referer": "x"}}), true),
            (json!({"StringEqualsIfExists": {"aws:Referer": "x"}}), true),
            (json!({"StringEqualsIfExists": {"aws:UserAgent": "x"}}), false),
            // All operators and all keys must hold.
            (
                json!({"IpAddress": {"aws:SourceIp": "192.0.2.7"}, "Bool": {"aws:SecureTransport": "false"}}),
                false,
            ),
            (
                json!({"StringLike": {"aws:UserAgent": "*", "aws:Referer": "*"}}),
                false,
            ),
        ];
        for (condition, expected) in table {
            assert_eq!(holds(&condition, &keys()), Ok(expected), "{condition}");
        }
    }

    #[test]
    fn what_is_not_known_is_an_error_that_names_it_also_beside_what_does_not_hold() {
        let table = [
            (json!({"ArnLike": {"aws:SourceIp": "x"}}), "`ArnLike`"),
            (json!({"stringequals": {"aws:UserAgent": "x"}}), "`stringequals`"),
            (
                json!({"ForAnyValue:StringEquals": {"aws:UserAgent": "x"}}),
                "`ForAnyValue:StringEquals`",
            ),
            (
                json!({"NullIfExists": {"aws:UserAgent": "true"}}),
                "`NullIfExists`",
            ),
            (
                json!({"StringEquals": {"aws:PrincipalOrgID": "o"}}),
                "`aws:PrincipalOrgID`",
            ),
            (
                json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/33"}}),
                "`10.0.0.0/33`",
            ),
            (
                json!({"IpAddress": {"aws:SourceIp": ["192.0.2.7", "localhost"]}}),
                "`localhost`",
            ),
            (
                json!({"DateLessThan": {"aws:CurrentTime": "tomorrow"}}),
                "`tomorrow`",
            ),
            (json!({"NumericEquals": {"aws:Referer": "x"}}), "`x`"),
            (json!({"Bool": {"aws:SecureTransport": "yes"}}), "`yes`"),
            (json!({"Null": {"aws:Referer": "yes"}}), "`yes`"),
            (
                json!({"StringLike": {"aws:UserAgent": "${aws:username}"}}),
                "`${aws:username}`",
            ),
            (json!({"StringLike": {"aws:UserAgent": null}}), "`aws:UserAgent`"),
            (
                json!({"StringLike": {"aws:UserAgent": [["x"]]}}),
                "`aws:UserAgent`",
            ),
            (json!({"StringLike": "aws:UserAgent"}), "`StringLike`"),
            (json!([]), "`Condition`"),
            (
                json!({"Bool": {"aws:SecureTransport": "false"}, "Unknown": {"aws:SourceIp": "x"}}),
                "`Unknown`",
            ),
        ];
        for (condition, named) in table {
            let error = holds(&condition, &keys()).expect_err(named);
            assert!(error.contains(named), "{condition}: {error}");
        }
    }
}
