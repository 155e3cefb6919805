//! The responses of Lambda proxy integrations.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Map, Value};

/// A well-formed response of a function.
#[derive(Debug)]
pub(crate) struct ProxyResponse {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Option<Bytes>,
}

impl ProxyResponse {
    /// Parses the answer of a function. Returns `None` for what API Gateway calls a malformed Lambda proxy response.
    pub(crate) fn parse(answer: &[u8]) -> Option<Self> {
        let answer: Map<String, Value> = serde_json::from_slice(answer).ok()?;
        let status = match answer.get("statusCode")? {
            Value::Number(number) => number.as_u64()?,
            Value::String(text) => text.parse().ok()?,
            _ => return None,
        };
        let status = u16::try_from(status)
            .ok()
            .filter(|status| (100..600).contains(status))?;
        let mut headers = Vec::new();
        for (name, value) in object(answer.get("headers"))? {
            headers.extend(scalar(value).ok()?.map(|value| (name.clone(), value)));
        }
        for (name, values) in object(answer.get("multiValueHeaders"))? {
            for value in values.as_array()? {
                headers.extend(scalar(value).ok()?.map(|value| (name.clone(), value)));
            }
        }
        let body = match answer.get("body") {
            None | Some(Value::Null) => None,
            Some(Value::String(body)) if answer.get("isBase64Encoded") == Some(&Value::Bool(true)) => {
                Some(STANDARD.decode(body).ok()?.into())
            }
            Some(Value::String(body)) => Some(body.clone().into()),
            Some(_) => return None,
        };
        Some(Self {
            status,
            headers,
            body,
        })
    }

    /// Returns the first header of this name, in any case.
    pub(crate) fn header(&self, wanted: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Reads a map. If it is absent or null it is empty; anything else is malformed.
fn object(value: Option<&Value>) -> Option<impl Iterator<Item = (&String, &Value)>> {
    match value {
        None | Some(Value::Null) => Some(None.into_iter().flatten()),
        Some(Value::Object(map)) => Some(Some(map).into_iter().flatten()),
        Some(_) => None,
    }
}

struct Malformed;

/// Reads the value of a header. Null means no header; an object or an array is malformed.
fn scalar(value: &Value) -> Result<Option<String>, Malformed> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Bool(_) | Value::Number(_) => Ok(Some(value.to_string())),
        Value::Array(_) | Value::Object(_) => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_api_gateway_reads_them() {
        type Expected = Option<(u16, Option<&'static str>)>;
        let table: [(&str, Expected); 14] = [
            (r#"{"statusCode":200}"#, Some((200, None))),
            (r#"{"statusCode":"401","body":"no"}"#, Some((401, Some("no")))),
            (
                r#"{"statusCode":200,"body":null,"headers":null,"multiValueHeaders":null}"#,
                Some((200, None)),
            ),
            (
                r#"{"statusCode":200,"body":"aGk=","isBase64Encoded":true}"#,
                Some((200, Some("hi"))),
            ),
            (
                r#"{"statusCode":200,"body":"aGk=","isBase64Encoded":false}"#,
                Some((200, Some("aGk="))),
            ),
            (r#"{"statusCode":200,"body":"?","isBase64Encoded":true}"#, None),
            (r#"{"statusCode":200,"body":{"a":1}}"#, None),
            (r#"{"statusCode":200,"headers":[]}"#, None),
            (r#"{"statusCode":200,"headers":{"a":{}}}"#, None),
            (r#"{"statusCode":99}"#, None),
            (r#"{"statusCode":null}"#, None),
            (r#"{"body":"hi"}"#, None),
            ("null", None),
            ("", None),
        ];
        for (answer, expected) in table {
            let parsed = ProxyResponse::parse(answer.as_bytes());
            let found = parsed.as_ref().map(|r| (r.status, r.body.as_deref()));
            let expected = expected.map(|(status, body)| (status, body.map(str::as_bytes)));
            assert_eq!(found, expected, "{answer}");
        }
    }

    #[test]
    fn headers_are_found_in_any_case_and_in_both_maps() {
        let answer = r#"{"statusCode":200,"headers":{"sec-websocket-protocol":"a","x":7,"none":null},
            "multiValueHeaders":{"Y":["b","c"]}}"#;
        let parsed = ProxyResponse::parse(answer.as_bytes()).unwrap();
        let found = ["Sec-WebSocket-Protocol", "X", "y", "none"].map(|name| parsed.header(name));
        assert_eq!(found, [Some("a"), Some("7"), Some("b"), None]);
    }
}
