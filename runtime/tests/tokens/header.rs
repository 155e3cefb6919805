//! Steps 2 and 3: headers that are not acceptable, on tokens whose signature is good.

use room_auth::VerifyErrorKind::{self, Algorithm, Header};
use room_auth_forge::{
    HEADER, PAYLOAD, jwk, key, pem_contents, sign_as, sign_es256, sign_hs256, signed, token_of_parts,
};

use super::corpus::{Case, refused, with_header};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(rows("header", Header, NO_OBJECTS));
    cases.extend(rows("header", Header, DUPLICATES));
    cases.extend(rows("typ", Header, TYPES));
    cases.extend(rows("header", Header, EXTENSIONS));
    cases.extend(rows("kid", Header, KEY_IDS));
    cases.extend(rows("alg", Algorithm, ALGORITHMS));
    cases.push(refused("header: not UTF-8", not_utf8(), Header));
    cases.push(refused(
        "header: nested 200 deep",
        with_header(&nested(200)),
        Header,
    ));
    cases.push(refused(
        "header: nested to the limit",
        with_header(&nested(900)),
        Header,
    ));
    cases.extend(really_signed_otherwise());
    cases
}

fn rows(group: &str, kind: VerifyErrorKind, table: &[(&str, &str)]) -> Vec<Case> {
    table
        .iter()
        .map(|(name, header)| refused(format!("{group}: {name}"), with_header(header), kind))
        .collect()
}

#[rustfmt::skip]
const NO_OBJECTS: &[(&str, &str)] = &[
    ("no JSON", "RS256"),
    ("a space", " "),
    ("an array", r#"["RS256"]"#),
    ("a string", r#""RS256""#),
    ("null", "null"),
    ("a number", "256"),
    ("true", "true"),
    ("cut off", r#"{"typ":"JWT","alg":"RS256""#),
    ("two objects", r#"{"typ":"JWT","alg":"RS256"}{}"#),
    ("text behind", r#"{"typ":"JWT","alg":"RS256"} x"#),
    ("NUL behind", "{\"typ\":\"JWT\",\"alg\":\"RS256\"}\0"),
    ("comma behind the last member", r#"{"typ":"JWT","alg":"RS256",}"#),
    ("single quotes", "{'typ':'JWT','alg':'RS256'}"),
    ("names without quotes", r#"{typ:"JWT",alg:"RS256"}"#),
    ("a comment", r#"{"typ":"JWT",/**/"alg":"RS256"}"#),
    ("byte order mark before", "\u{feff}{\"typ\":\"JWT\",\"alg\":\"RS256\"}"),
    ("raw line end in a string", "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"x\":\"\n\"}"),
    ("lone surrogate in a name", r#"{"typ":"JWT","alg":"RS256","\ud800":1}"#),
    ("lone surrogate in an unused member", r#"{"typ":"JWT","alg":"RS256","x":"\udc00"}"#),
    ("lone surrogate in alg", r#"{"typ":"JWT","alg":"\ud800"}"#),
    ("no such number", r#"{"typ":"JWT","alg":"RS256","x":01}"#),
    ("NaN", r#"{"typ":"JWT","alg":"RS256","x":NaN}"#),
];

#[rustfmt::skip]
const DUPLICATES: &[(&str, &str)] = &[
    ("alg twice, none first", r#"{"alg":"none","alg":"RS256"}"#),
    ("alg twice, none last", r#"{"alg":"RS256","alg":"none"}"#),
    ("alg twice, the same", r#"{"alg":"RS256","alg":"RS256"}"#),
    ("alg twice, once escaped", r#"{"alg":"RS256","\u0061lg":"none"}"#),
    ("alg twice, once escaped, first", r#"{"a\u006cg":"none","alg":"RS256"}"#),
    ("typ twice", r#"{"typ":"JWT","alg":"RS256","typ":"JWT"}"#),
    ("kid twice", r#"{"alg":"RS256","kid":"a","kid":"b"}"#),
    ("an unused member twice", r#"{"alg":"RS256","x":1,"x":1}"#),
    ("an empty name twice", r#"{"alg":"RS256","":1,"":2}"#),
    ("duplicate inside of jwk", r#"{"alg":"RS256","jwk":{"kty":"RSA","kty":"oct"}}"#),
    ("duplicate inside of jwk, escaped", r#"{"alg":"RS256","jwk":{"kty":"RSA","\u006bty":"oct"}}"#),
    ("duplicate inside of an array", r#"{"alg":"RS256","x":[1,[{"a":1,"a":2}]]}"#),
];

const TYPES: &[(&str, &str)] = &[
    ("JWS", r#"{"typ":"JWS","alg":"RS256"}"#),
    ("JOSE", r#"{"typ":"JOSE","alg":"RS256"}"#),
    ("at+jwt", r#"{"typ":"at+jwt","alg":"RS256"}"#),
    ("application/jwt", r#"{"typ":"application/jwt","alg":"RS256"}"#),
    ("dpop+jwt", r#"{"typ":"dpop+jwt","alg":"RS256"}"#),
    ("empty", r#"{"typ":"","alg":"RS256"}"#),
    ("space behind", r#"{"typ":"JWT ","alg":"RS256"}"#),
    ("NUL behind", r#"{"typ":"JWT\u0000","alg":"RS256"}"#),
    ("null", r#"{"typ":null,"alg":"RS256"}"#),
    ("a number", r#"{"typ":1,"alg":"RS256"}"#),
    ("an array", r#"{"typ":["JWT"],"alg":"RS256"}"#),
    ("false", r#"{"typ":false,"alg":"RS256"}"#),
];

const EXTENSIONS: &[(&str, &str)] = &[
    ("crit", r#"{"alg":"RS256","crit":["exp"],"exp":1}"#),
    ("crit names b64", r#"{"alg":"RS256","crit":["b64"],"b64":false}"#),
    ("crit empty", r#"{"alg":"RS256","crit":[]}"#),
    ("crit null", r#"{"alg":"RS256","crit":null}"#),
    ("crit escaped", r#"{"alg":"RS256","cr\u0069t":["exp"]}"#),
    ("b64 false", r#"{"alg":"RS256","b64":false}"#),
    ("b64 true", r#"{"alg":"RS256","b64":true}"#),
    ("zip", r#"{"alg":"RS256","zip":"DEF"}"#),
    ("zip null", r#"{"alg":"RS256","zip":null}"#),
    ("enc", r#"{"alg":"RS256","enc":"A128GCM"}"#),
    ("enc and a direct key", r#"{"alg":"dir","enc":"A256GCM"}"#),
];

const KEY_IDS: &[(&str, &str)] = &[
    ("null", r#"{"alg":"RS256","kid":null}"#),
    ("a number", r#"{"alg":"RS256","kid":1}"#),
    ("an array", r#"{"alg":"RS256","kid":["1"]}"#),
    ("an object", r#"{"alg":"RS256","kid":{}}"#),
    ("true", r#"{"alg":"RS256","kid":true}"#),
    ("lone surrogate", r#"{"alg":"RS256","kid":"\ud800"}"#),
];

/// All of them with a good RS256 signature: the name alone refuses.
#[rustfmt::skip]
const ALGORITHMS: &[(&str, &str)] = &[
    ("absent", r#"{"typ":"JWT"}"#),
    ("absent, header empty", "{}"),
    ("none", r#"{"typ":"JWT","alg":"none"}"#),
    ("None", r#"{"typ":"JWT","alg":"None"}"#),
    ("NONE", r#"{"typ":"JWT","alg":"NONE"}"#),
    ("nOnE", r#"{"typ":"JWT","alg":"nOnE"}"#),
    ("empty", r#"{"typ":"JWT","alg":""}"#),
    ("lower case", r#"{"typ":"JWT","alg":"rs256"}"#),
    ("space behind", r#"{"typ":"JWT","alg":"RS256 "}"#),
    ("space before", r#"{"typ":"JWT","alg":" RS256"}"#),
    ("NUL behind", r#"{"typ":"JWT","alg":"RS256\u0000"}"#),
    ("null", r#"{"typ":"JWT","alg":null}"#),
    ("a number", r#"{"typ":"JWT","alg":256}"#),
    ("an array", r#"{"typ":"JWT","alg":["RS256"]}"#),
    ("an object", r#"{"typ":"JWT","alg":{"RS256":true}}"#),
    ("true", r#"{"typ":"JWT","alg":true}"#),
    ("name in capitals", r#"{"typ":"JWT","ALG":"RS256"}"#),
    ("other by name, RS384", r#"{"typ":"JWT","alg":"RS384"}"#),
    ("other by name, PS256", r#"{"typ":"JWT","alg":"PS256"}"#),
    ("other by name, HS256", r#"{"typ":"JWT","alg":"HS256"}"#),
    ("other by name, ES256", r#"{"typ":"JWT","alg":"ES256"}"#),
    ("other by name, EdDSA", r#"{"typ":"JWT","alg":"EdDSA"}"#),
    ("the old URI", r#"{"typ":"JWT","alg":"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"}"#),
    ("RSA1_5, of a JWE", r#"{"typ":"JWT","alg":"RSA1_5"}"#),
];

/// Tokens that a verifier would take if it let the header choose.
fn really_signed_otherwise() -> Vec<Case> {
    let pem = key().public_key_pem();
    let header = |alg: &str| format!(r#"{{"typ":"JWT","alg":"{alg}"}}"#);
    let rsa = |alg: &'static str| signed(&header(alg), PAYLOAD, |message| sign_as(alg, message));
    let hmac = |secret: &[u8]| signed(&header("HS256"), PAYLOAD, |message| sign_hs256(secret, message));
    let with_jwk = format!(r#"{{"typ":"JWT","alg":"HS256","jwk":{}}}"#, jwk(&pem));
    [
        ("RS384, signed so", rsa("RS384")),
        ("RS512, signed so", rsa("RS512")),
        ("PS256, signed so", rsa("PS256")),
        ("ES256, signed so", signed(&header("ES256"), PAYLOAD, sign_es256)),
        ("HS256 with the public key's PEM", hmac(pem.as_bytes())),
        (
            "HS256 with the public key's PEM, trimmed",
            hmac(pem.trim().as_bytes()),
        ),
        ("HS256 with the public key's DER", hmac(&pem_contents(&pem))),
        ("HS256 with an empty secret", hmac(b"")),
        (
            "HS256 with the public key as jwk",
            signed(&with_jwk, PAYLOAD, |message| sign_hs256(pem.as_bytes(), message)),
        ),
    ]
    .into_iter()
    .map(|(name, token)| refused(format!("alg: {name}"), token, Algorithm))
    .collect()
}

fn not_utf8() -> String {
    let mut header = HEADER.as_bytes().to_vec();
    let end = header.len() - 1;
    header.splice(end..end, *b",\"x\":\"\xff\"");
    token_of_parts(&room_auth_forge::b64(header), &room_auth_forge::b64(PAYLOAD))
}

fn nested(depth: usize) -> String {
    format!(
        r#"{{"alg":"RS256","x":{}{}}}"#,
        "[".repeat(depth),
        "]".repeat(depth)
    )
}
