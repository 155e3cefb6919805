//! What an issuer may answer that cannot be used.

use room_auth::SigningKey;

use super::issuer::{Answer, jwk, set};

/// A name, the answer, and what is said about it.
type Row = (&'static str, Answer, &'static str);

/// What can go wrong.
pub(crate) fn failures(key: &SigningKey) -> Vec<Row> {
    [sets(key), texts(key), responses(key), bytes(key)].concat()
}

fn set_of(keys: &[&str]) -> Answer {
    Answer::json(&format!(r#"{{"keys":[{}]}}"#, keys.join(",")))
}

fn sets(key: &SigningKey) -> Vec<Row> {
    let jwk = jwk("one", key);
    let private = jwk.replace(r#""kid""#, r#""d":"AAAA","kid""#);
    let nine: Vec<String> = (0..9).map(|id| self::jwk(&id.to_string(), key)).collect();
    vec![
        (
            "empty set",
            set_of(&[]),
            "its JWK set has no keys; take the `jwks_uri`",
        ),
        (
            "symmetric key only",
            set_of(&[r#"{"kty":"oct","k":"AAAA"}"#]),
            "its JWK set has a symmetric key, so that anybody can sign; let the issuer",
        ),
        (
            "symmetric key beside a good one",
            set_of(&[&jwk, r#"{"kty":"oct","k":"AAAA"}"#]),
            "its JWK set has a symmetric key",
        ),
        (
            "private key",
            set_of(&[&private]),
            "its JWK set has a private key, so that anybody can sign; replace",
        ),
        (
            "duplicate kid",
            set_of(&[&jwk, &jwk]),
            "two keys with the same `kid`; give each",
        ),
        (
            "nine keys",
            set_of(&nine.iter().map(String::as_str).collect::<Vec<_>>()),
            "its JWK set has 9 keys that can verify, and at most 8 are taken; remove",
        ),
        (
            "keys for encryption",
            set_of(&[&jwk.replace("sig", "enc")]),
            "no key of its JWK set can verify tokens: the answer (key 1 of the JWK set) holds a JWK whose `use`",
        ),
    ]
}

fn texts(key: &SigningKey) -> Vec<Row> {
    let (jwk, good) = (jwk("one", key), set(&[("one", key)]));
    let json = Answer::json;
    vec![
        (
            "one key without a set",
            json(&jwk),
            "it answers with JSON that has no `keys`; take",
        ),
        (
            "the configuration",
            json(r#"{"issuer":"https://issuer.example/","jwks_uri":"https://issuer.example/keys"}"#),
            "it is the URL of the issuer's configuration, not of its keys; take the `jwks_uri` in it",
        ),
        (
            "not JSON",
            json("keys"),
            "it answers with something that is not a JWK set in JSON",
        ),
        (
            "half a set",
            json(&good[..good.len() / 2]),
            "it answers with something that is not a JWK set",
        ),
        (
            "members twice",
            json(r#"{"keys":[],"keys":[]}"#),
            "with unique members; take",
        ),
        (
            "a page as JSON",
            json("<!doctype html><title>Sign in</title>"),
            "it answers with something that is not a JWK set",
        ),
        (
            "nothing as JSON",
            json(""),
            "it answers with something that is not a JWK set",
        ),
        (
            "not UTF-8",
            Answer::Bytes(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1\r\n\r\n\xff"
                    .to_vec(),
            ),
            "not a JWK set",
        ),
    ]
}

fn responses(key: &SigningKey) -> Vec<Row> {
    let good = set(&[("one", key)]);
    let with_type =
        |media_type: &str| Answer::new("200 OK", &format!("content-type: {media_type}\r\n"), &good);
    vec![
        (
            "a page",
            Answer::new(
                "200 OK",
                "content-type: text/html; charset=utf-8\r\n",
                "<!doctype html>",
            ),
            "it answers with `text/html`, and `application/json` or `application/jwk-set+json` is needed; take",
        ),
        (
            "a set as a file",
            with_type("application/octet-stream"),
            "it answers with `application/octet-stream`",
        ),
        (
            "a set as script",
            with_type("text/javascript"),
            "it answers with `text/javascript`",
        ),
        (
            "no type",
            Answer::new("200 OK", "", &good),
            "it answers without a Content-Type",
        ),
        (
            "not found",
            Answer::new("404 Not Found", "", ""),
            "nothing is there (status 404); take",
        ),
        (
            "forbidden",
            Answer::new("403 Forbidden", "", ""),
            "it refuses to answer (status 403)",
        ),
        (
            "a fault",
            Answer::new("503 Service Unavailable", "", ""),
            "it answers with status 503; check",
        ),
        (
            "no content",
            Answer::new("204 No Content", "", ""),
            "it answers with status 204",
        ),
        (
            "a redirect",
            Answer::new("302 Found", "location: /jwks.json\r\n", &good),
            "it redirects (status 302), and keys are taken from the given URL only",
        ),
        (
            "a permanent redirect",
            Answer::new(
                "308 Permanent Redirect",
                "location: https://other.example/\r\n",
                "",
            ),
            "it redirects (status 308)",
        ),
    ]
}

fn bytes(key: &SigningKey) -> Vec<Row> {
    let jwk = jwk("one", key);
    vec![
        (
            "huge",
            Answer::json(&format!(
                r#"{{"keys":[{jwk}],"padding":"{}"}}"#,
                "x".repeat(256 * 1024)
            )),
            "it answers with more than 256 KiB, which is no JWK set",
        ),
        (
            "endless",
            Answer::Endless(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n".to_vec()),
            "it answers with more than 256 KiB",
        ),
        (
            "broken off",
            Answer::Bytes(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{".to_vec(),
            ),
            "its answer breaks off",
        ),
        ("closed", Answer::Closed, "there is no connection ("),
        (
            "another protocol",
            Answer::Bytes(b"220 mail.example ESMTP\r\n".to_vec()),
            "there is no connection (",
        ),
    ]
}

/// Issuers that let everybody wait. Time is paused for these.
pub(crate) fn delays(key: &SigningKey) -> Vec<(&'static str, Answer)> {
    let good = Answer::set(&[("two", key)]).into_bytes();
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n";
    vec![
        ("hanging", Answer::Nothing),
        ("slow", Answer::Slowly(good)),
        (
            "slow after the head",
            Answer::Slowly([&head[..], b"{                            "].concat()),
        ),
    ]
}
