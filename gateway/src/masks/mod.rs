//! Masking: what may be a secret is replaced by a placeholder, `{token-1}`, before content leaves this process.
//!
//! Two things are masked. Anything of a JWT's form, wherever it stands: three parts of base64url, also percent-encoded
//! or in JSON that is a string of other JSON. And whatever stands where secrets stand: the values of headers, query
//! parameters and JSON members named `Authorization`, `Cookie`, `token` and so on, and from then on wherever else they
//! stand. It rather masks too much.
//!
//! Not recognised are a secret that nothing calls one, and one in another form, such as hexadecimal.

mod jwt;

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use parking_lot::Mutex;
use serde_json::{Map, Value};

/// What the name of a header, a parameter or a member contains if its value is a secret; without `-` and `_`.
const SECRET_NAMES: [&str; 6] = ["authorization", "cookie", "token", "secret", "password", "apikey"];

/// The shortest secret that is masked at other places than where it was found. Shorter ones would be found in words.
const SHORTEST_KNOWN: usize = 6;

/// How many secrets that have not the form of a JWT are masked at other places than where they were found.
const MAX_KNOWN: usize = 200;

/// Gives each secret a placeholder, always the same one, so that a reader sees which are the same.
#[derive(Default)]
pub(crate) struct Masks {
    hasher: RandomState,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    /// The numbers of the secrets with these hashes.
    numbers: HashMap<u64, usize>,
    /// The last secrets that were found by a name and not by their form.
    known: VecDeque<Arc<str>>,
}

impl Masks {
    /// Masks a text, JSON or not. JSON is formatted anew only if a member's name is all that says that it is a secret.
    pub(crate) fn text(&self, text: &str) -> String {
        let masked = self.tokens(text);
        let Ok(mut json @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(&masked) else {
            return masked;
        };
        if self.json(&mut json) {
            json.to_string()
        } else {
            masked
        }
    }

    /// Masks the value of the header, parameter or member `name`.
    pub(crate) fn value(&self, name: &str, value: &str) -> String {
        if !is_secret_name(name) {
            return self.text(value);
        }
        let value = self.tokens(value);
        let name = name.to_ascii_lowercase();
        if name.ends_with("cookie") {
            let cookies = value.split(';').map(|cookie| match cookie.split_once('=') {
                Some((name, value)) => format!("{name}={}", self.known(value)),
                None => self.known(cookie),
            });
            return cookies.collect::<Vec<_>>().join(";");
        }
        // The scheme of credentials, such as `Bearer`, may be seen.
        let scheme = value.split_once(' ').filter(|_| name.ends_with("authorization"));
        match scheme {
            Some((scheme, credentials)) => format!("{scheme} {}", self.known(credentials.trim())),
            None => self.known(&value),
        }
    }

    /// Masks a path with a query string.
    pub(crate) fn uri(&self, uri: &str) -> String {
        let Some((path, query)) = uri.split_once('?') else {
            return self.tokens(uri);
        };
        let masked = query.split('&').map(|pair| {
            let Some((name, value)) = form_urlencoded::parse(pair.as_bytes()).next() else {
                return pair.to_owned();
            };
            if is_secret_name(&name) && !value.is_empty() {
                format!("{}={}", self.tokens(&name), self.value(&name, &value))
            } else {
                self.tokens(pair)
            }
        });
        format!("{}?{}", self.tokens(path), masked.collect::<Vec<_>>().join("&"))
    }

    /// Masks the texts in `json`, and returns whether it has changed any.
    pub(crate) fn json(&self, json: &mut Value) -> bool {
        match json {
            Value::String(text) => change(text, |text| self.text(text)),
            Value::Array(items) => items.iter_mut().fold(false, |any, item| self.json(item) | any),
            Value::Object(members) => {
                let any = self.encoded_body(members);
                members.iter_mut().fold(any, |any, (name, value)| {
                    let texts = match value {
                        Value::Array(items) => items.iter_mut(),
                        other => std::slice::from_mut(other).iter_mut(),
                    };
                    let masked = texts.fold(false, |any, value| match value {
                        Value::String(text) if !text.is_empty() => {
                            change(text, |text| self.value(name, text)) | any
                        }
                        other => self.json(other) | any,
                    });
                    masked | any
                })
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// Masks the body of a response in base64.
    fn encoded_body(&self, members: &mut Map<String, Value>) -> bool {
        if members.get("isBase64Encoded") != Some(&Value::Bool(true)) {
            return false;
        }
        let Some(Value::String(body)) = members.get_mut("body") else {
            return false;
        };
        let decoded = STANDARD.decode(&*body).ok();
        let Some(mut decoded) = decoded.and_then(|decoded| String::from_utf8(decoded).ok()) else {
            return false;
        };
        let has_changed = change(&mut decoded, |text| self.text(text));
        if has_changed {
            *body = STANDARD.encode(decoded);
        }
        has_changed
    }

    /// Masks whatever has the form of a JWT, or was found to be a secret before.
    fn tokens(&self, text: &str) -> String {
        let mut masked = self.jwts(text);
        let known = self.found.lock().known.clone();
        for secret in known.iter().filter(|_| !text.is_empty()) {
            if masked.contains(&**secret) {
                masked = masked.replace(&**secret, &self.placeholder(secret));
            }
        }
        masked
    }

    fn jwts(&self, text: &str) -> String {
        let mut masked = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(found) = jwt::find(rest) {
            masked.push_str(&rest[..found.at.start]);
            masked.push_str(&self.placeholder(&found.token));
            rest = &rest[found.at.end..];
        }
        masked + rest
    }

    /// Masks a secret that a name has given away, here and from now on everywhere.
    pub(crate) fn known(&self, secret: &str) -> String {
        if secret.is_empty() || is_placeholder(secret) {
            return secret.to_owned();
        }
        let mut found = self.found.lock();
        if secret.len() >= SHORTEST_KNOWN && !found.known.iter().any(|known| **known == *secret) {
            found.known.truncate(MAX_KNOWN - 1);
            found.known.push_front(secret.into());
        }
        drop(found);
        self.placeholder(secret)
    }

    fn placeholder(&self, secret: &str) -> String {
        let numbers = &mut self.found.lock().numbers;
        let next = numbers.len() + 1;
        let number = numbers.entry(self.hasher.hash_one(secret)).or_insert(next);
        format!("{{token-{number}}}")
    }
}

fn change(text: &mut String, mask: impl Fn(&str) -> String) -> bool {
    let masked = mask(text);
    let has_changed = masked != *text;
    *text = masked;
    has_changed
}

fn is_secret_name(name: &str) -> bool {
    let mut name = name.replace(['-', '_'], "");
    name.make_ascii_lowercase();
    SECRET_NAMES.iter().any(|secret| name.contains(secret))
}

fn is_placeholder(text: &str) -> bool {
    let number = text
        .strip_prefix("{token-")
        .and_then(|text| text.strip_suffix('}'));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJsb2JieSJ9.c2lnbmF0dXJl-c2lnbmF0dXJl_c2ln";
    const OTHER: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJvdGhlciJ9.b3RoZXI";

    #[test]
    fn a_token_is_masked_wherever_it_stands() {
        let encoded = TOKEN.replace('.', "%2E");
        let inner = json!({ "action": "renew", "token": TOKEN }).to_string();
        let nested = json!({ "body": inner }).to_string();
        let three = format!("{TOKEN},{OTHER},{TOKEN}.");
        let table = [
            (TOKEN, "{token-1}".to_owned()),
            (&encoded, "{token-1}".to_owned()),
            (&three, "{token-1},{token-2},{token-1}.".to_owned()),
            (&inner, inner.replace(TOKEN, "{token-1}")),
            (&nested, nested.replace(TOKEN, "{token-1}")),
        ];
        let masks = Masks::default();
        for (text, expected) in table {
            assert_eq!(masks.text(text), expected, "{text}");
            assert_eq!(masks.text(&expected), expected, "once more");
        }
    }

    #[test]
    fn what_stands_where_secrets_stand_is_masked_whatever_its_form() {
        let masks = Masks::default();
        let table = [
            ("Authorization", "Basic dXNlcjpwYXNz", "Basic {token-1}"),
            ("authorization", "dXNlcjpwYXNz", "{token-1}"),
            ("AUTHORIZATION", &format!("Bearer {TOKEN}"), "Bearer {token-2}"),
            ("Cookie", "a=1; session=abc", "a={token-3}; session={token-4}"),
            ("Set-Cookie", "a=1; Path=/", "a={token-3}; Path={token-5}"),
            ("Cookie", "abcdef", "{token-6}"),
            ("X-Api-Key", "abc", "{token-4}"),
            (
                "Sec-WebSocket-Protocol",
                &format!("room-auth, {TOKEN}"),
                "room-auth, {token-2}",
            ),
            ("User-Agent", "curl/8.5.0", "curl/8.5.0"),
        ];
        for (name, value, expected) in table {
            assert_eq!(masks.value(name, value), expected, "{name}: {value}");
        }
    }

    #[test]
    fn what_was_found_to_be_a_secret_is_masked_everywhere_from_then_on() {
        let masks = Masks::default();
        masks.value("Cookie", "session=s3cr3t; short=a");
        masks.value("Authorization", "Basic dXNlcjpwYXNz");
        let log = "EVENT {\"cookie\":\"session=s3cr3t\"} dXNlcjpwYXNz a";
        assert_eq!(
            masks.text(log),
            "EVENT {\"cookie\":\"session={token-1}\"} {token-3} a"
        );
        for number in 0..MAX_KNOWN {
            masks.value("password", &format!("password {number}"));
        }
        assert_eq!(
            masks.text("s3cr3t password 0."),
            "s3cr3t {token-4}.",
            "only so many are kept"
        );
    }

    #[test]
    fn members_of_json_are_masked_by_their_names_at_any_depth() {
        let body = json!({ "token": "abc", "text": "hi" }).to_string();
        let event = json!({
            "body": body,
            "headers": { "Authorization": "Basic dXNlcjpwYXNz", "Host": "a" },
            "multiValueHeaders": { "Cookie": ["a=1", "b=2"] },
            "queryStringParameters": { "access_token": "abc", "room": "lobby" },
            "token": { "deep": "stays" },
            "apiKey": "",
        });
        let masked: Value = serde_json::from_str(&Masks::default().text(&event.to_string())).unwrap();
        assert_eq!(
            masked,
            json!({
                "body": r#"{"text":"hi","token":"{token-1}"}"#,
                "headers": { "Authorization": "Basic {token-2}", "Host": "a" },
                "multiValueHeaders": { "Cookie": ["a={token-3}", "b={token-4}"] },
                "queryStringParameters": { "access_token": "{token-1}", "room": "lobby" },
                "token": { "deep": "stays" },
                "apiKey": "",
            })
        );
    }

    #[test]
    fn a_response_in_base64_is_masked_too() {
        let response =
            |body: &str| json!({ "body": STANDARD.encode(body), "isBase64Encoded": true }).to_string();
        let masks = Masks::default();
        assert_eq!(
            masks.text(&response(&format!("it is {TOKEN}"))),
            response("it is {token-1}")
        );
        assert_eq!(masks.text(&response("hi")), response("hi"));
    }

    #[test]
    fn json_keeps_its_form_if_a_token_is_all_that_is_masked() {
        let text = format!(r#"{{ "z": 1.50,  "token": "{TOKEN}", "a": "b", "a": "c" }}"#);
        assert_eq!(Masks::default().text(&text), text.replace(TOKEN, "{token-1}"));
    }

    #[test]
    fn a_query_string_and_the_event_made_of_it_have_the_same_placeholders() {
        let masks = Masks::default();
        let uri = format!(
            "/dev?room=a%2Fb&token=to%20p+secret&x={}&token=",
            TOKEN.replace('.', "%2e")
        );
        assert_eq!(
            masks.uri(&uri),
            "/dev?room=a%2Fb&token={token-1}&x={token-2}&token="
        );
        let event = json!({ "token": "to p secret", "x": TOKEN }).to_string();
        assert_eq!(masks.text(&event), r#"{"token":"{token-1}","x":"{token-2}"}"#);
        assert_eq!(masks.uri("/dev"), "/dev");
    }
}
