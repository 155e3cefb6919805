//! Route selection expressions: how a message selects its route.

use std::fmt;

use serde_json::Value;

/// A route selection expression, such as `$request.body.action`: text with variables `$request.body.<path>` or
/// `${request.body.<path>}`, in which `\$` stands for a dollar sign.
///
/// ```
/// use room_auth_gateway::SelectionExpression;
///
/// let expression: SelectionExpression = "${request.body.service}/${request.body.action}".parse()?;
/// assert_eq!(expression.evaluate(r#"{"service":"chat","action":"join"}"#).as_deref(), Some("chat/join"));
/// assert_eq!(expression.evaluate("not JSON"), None);
/// # Ok::<(), room_auth_gateway::SelectionError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectionExpression(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Body(Vec<Step>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Element(usize),
}

/// The error for a text that is not a route selection expression.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{expression}` is not a route selection expression: {reason}; write it like $request.body.action")]
pub struct SelectionError {
    expression: String,
    reason: String,
}

impl SelectionExpression {
    /// Returns the route key that `message` selects, or `None` if the message is not JSON. A path that the message
    /// does not have gives an empty text; a value of another type is turned into text.
    pub fn evaluate(&self, message: &str) -> Option<String> {
        let body: Value = serde_json::from_str(message).ok()?;
        let mut key = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => key.push_str(text),
                Part::Body(path) => {
                    let found = path.iter().try_fold(&body, |value, step| match step {
                        Step::Member(name) => value.get(name),
                        Step::Element(index) => value.get(index),
                    });
                    match found {
                        Some(Value::String(text)) => key.push_str(text),
                        Some(Value::Null) | None => {}
                        Some(other) => key.push_str(&other.to_string()),
                    }
                }
            }
        }
        Some(key)
    }
}

/// Returns `$request.body.action`, which API Gateway's console proposes.
impl Default for SelectionExpression {
    fn default() -> Self {
        Self(vec![Part::Body(vec![Step::Member("action".to_owned())])])
    }
}

impl std::str::FromStr for SelectionExpression {
    type Err = SelectionError;

    fn from_str(expression: &str) -> Result<Self, SelectionError> {
        let error = |reason: String| SelectionError {
            expression: expression.to_owned(),
            reason,
        };
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = expression;
        while let Some(position) = rest.find(['$', '\\']) {
            text.push_str(&rest[..position]);
            let from_here = &rest[position..];
            if let Some(after) = from_here.strip_prefix('\\') {
                let escaped = after
                    .chars()
                    .next()
                    .ok_or_else(|| error("it ends in a backslash".to_owned()))?;
                text.push(escaped);
                rest = &after[escaped.len_utf8()..];
                continue;
            }
            let (variable, after) = split_variable(&from_here[1..]).map_err(&error)?;
            if !text.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut text)));
            }
            parts.push(Part::Body(body_path(variable).map_err(&error)?));
            rest = after;
        }
        text.push_str(rest);
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        if parts.is_empty() {
            return Err(error("it is empty".to_owned()));
        }
        Ok(Self(parts))
    }
}

/// Splits `rest`, which follows a `$`, into the variable and what comes after it.
fn split_variable(rest: &str) -> Result<(&str, &str), String> {
    if let Some(inside) = rest.strip_prefix('{') {
        return inside
            .split_once('}')
            .ok_or_else(|| "a `${` lacks its `}`".to_owned());
    }
    let end = rest
        .find(|c: char| !(c.is_alphanumeric() || "_.[]".contains(c)))
        .unwrap_or(rest.len());
    Ok(rest.split_at(end))
}

fn body_path(variable: &str) -> Result<Vec<Step>, String> {
    let unknown = || format!("`${variable}` is not `$request.body.` and a path");
    let path = variable.strip_prefix("request.body.").ok_or_else(unknown)?;
    let mut steps = Vec::new();
    for name in path.split('.') {
        let (name, mut indices) = name.split_at(name.find('[').unwrap_or(name.len()));
        if name.is_empty() {
            return Err(unknown());
        }
        steps.push(Step::Member(name.to_owned()));
        while !indices.is_empty() {
            let (index, after) = indices
                .strip_prefix('[')
                .and_then(|rest| rest.split_once(']'))
                .ok_or_else(unknown)?;
            steps.push(Step::Element(index.parse().map_err(|_| unknown())?));
            indices = after;
        }
    }
    Ok(steps)
}

impl fmt::Display for SelectionExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Part::Text(text) => f.write_str(&text.replace('\\', "\\\\").replace('$', "\\$"))?,
                Part::Body(path) => {
                    f.write_str("${request.body")?;
                    for step in path {
                        match step {
                            Step::Member(name) => write!(f, ".{name}")?,
                            Step::Element(index) => write!(f, "[{index}]")?,
                        }
                    }
                    f.write_str("}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = r#"{"service":"chat","action":"join","n":7,"yes":true,"none":null,
        "data":{"room":"room1234","list":["a",{"b":"c"}]}}"#;

    #[test]
    fn expressions_select_what_the_developer_guide_says() {
        let table = [
            ("$request.body.action", "join"),
            ("${request.body.action}", "join"),
            ("${request.body.service}/${request.body.action}", "chat/join"),
            ("${request.body.action}-${request.body.invalidPath}", "join-"),
            ("action", "action"),
            ("\\$default", "$default"),
            ("$request.body.data.room", "room1234"),
            ("$request.body.data.list[0]", "a"),
            ("$request.body.data.list[1].b", "c"),
            ("$request.body.data.list[7]", ""),
            ("$request.body.n", "7"),
            ("$request.body.yes", "true"),
            ("$request.body.none", ""),
            ("$request.body.data.list", r#"["a",{"b":"c"}]"#),
            ("$request.body.service-v2", "chat-v2"),
        ];
        for (expression, expected) in table {
            let parsed: SelectionExpression = expression.parse().unwrap();
            assert_eq!(
                parsed.evaluate(MESSAGE).as_deref(),
                Some(expected),
                "{expression}"
            );
            let again: SelectionExpression = parsed.to_string().parse().unwrap();
            assert_eq!(again, parsed, "{expression} written as {parsed}");
        }
    }

    #[test]
    fn what_is_not_json_selects_nothing_and_what_is_no_object_selects_empty_text() {
        let expression = SelectionExpression::default();
        for message in ["", "hello", "{", "{\"action\":}"] {
            assert_eq!(expression.evaluate(message), None, "{message}");
        }
        for message in ["[]", "7", "\"action\"", "null"] {
            assert_eq!(expression.evaluate(message).as_deref(), Some(""), "{message}");
        }
    }

    #[test]
    fn what_is_no_expression_is_refused_with_a_reason() {
        for wrong in [
            "",
            "$",
            "$request",
            "$request.body",
            "$request.body.",
            "$context.x",
            "${request.body.a",
            "a\\",
        ] {
            let error = wrong.parse::<SelectionExpression>().expect_err(wrong).to_string();
            assert!(error.contains(&format!("`{wrong}`")), "{error}");
        }
    }
}
