//! Public keys as a JWK or a JWK set.

use room_auth::{Algorithm, PublicKey, PublicKeys};
use serde_json::{Value, json};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// RFC 7515 A.3.1, RFC 8037 A.2, and the RSA key of RFC 7638 §3.1.
fn p256() -> Value {
    json!({"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
           "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})
}

fn ed25519() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
}

fn rsa() -> Value {
    json!({"kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29", "n":
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs\
         tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbI\
         SD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"})
}

fn with(mut jwk: Value, members: Value) -> Value {
    let Value::Object(members) = members else {
        panic!("members are an object")
    };
    jwk.as_object_mut().unwrap().extend(members);
    jwk
}

fn ids(keys: &PublicKeys) -> Vec<(String, Algorithm)> {
    keys.iter()
        .map(|key| (key.key_id().to_owned(), key.algorithm()))
        .collect()
}

fn read(jwk: &Value) -> Result<PublicKeys, room_auth::KeyError> {
    PublicKeys::from_jwk(&jwk.to_string())
}

#[test]
fn a_jwk_is_named_by_its_kid_or_by_its_thumbprint() {
    // RFC 7638 §3.1 and RFC 8037 A.3 tell these thumbprints.
    let mut unnamed = rsa();
    unnamed.as_object_mut().unwrap().remove("kid");
    for (jwk, id, algorithm) in [
        (rsa(), "2011-04-29", Algorithm::Rs256),
        (
            unnamed,
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
            Algorithm::Rs256,
        ),
        (
            ed25519(),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            Algorithm::EdDsa,
        ),
        (with(p256(), json!({"kid": "ä/b"})), "ä/b", Algorithm::Es256),
    ] {
        let keys = read(&jwk).unwrap_or_else(|error| panic!("{id}: {error}"));
        assert_eq!(ids(&keys), [(id.to_owned(), algorithm)]);
    }
}

#[test]
fn alg_use_and_key_ops_may_say_what_the_key_is_for() {
    for jwk in [
        with(
            p256(),
            json!({"alg": "ES256", "use": "sig", "key_ops": ["verify"]}),
        ),
        with(ed25519(), json!({"alg": "EdDSA"})),
        with(
            ed25519(),
            json!({"alg": "Ed25519", "key_ops": ["sign", "verify"]}),
        ),
        with(
            rsa(),
            json!({"x5c": ["AAAA"], "x5t": "AAAA", "issuer": "https://a.example"}),
        ),
    ] {
        assert_eq!(
            read(&jwk)
                .unwrap_or_else(|error| panic!("{jwk}: {error}"))
                .iter()
                .count(),
            1
        );
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn every_unusable_jwk_is_named_with_what_to_do() {
    let short = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVA";
    let rows = [
        ("oct", json!({"kty": "oct", "k": "c2VjcmV0"}), "a symmetric key"),
        ("oct without k", json!({"kty": "oct"}), "a symmetric key"),
        (
            "private EC",
            with(
                p256(),
                json!({"d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}),
            ),
            "a private key",
        ),
        ("private RSA", with(rsa(), json!({"p": "AAAA"})), "a private key"),
        (
            "private Ed25519",
            with(
                ed25519(),
                json!({"d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}),
            ),
            "a private key",
        ),
        (
            "use enc",
            with(rsa(), json!({"use": "enc"})),
            "`use` is not `sig`",
        ),
        (
            "use null",
            with(rsa(), json!({"use": null})),
            "`use` is not `sig`",
        ),
        (
            "key_ops sign",
            with(rsa(), json!({"key_ops": ["sign"]})),
            "`key_ops` does not list `verify`",
        ),
        (
            "key_ops empty",
            with(rsa(), json!({"key_ops": []})),
            "`key_ops` does not list `verify`",
        ),
        (
            "key_ops a text",
            with(rsa(), json!({"key_ops": "verify"})),
            "`key_ops` is missing or cannot be read",
        ),
        (
            "RS512",
            with(rsa(), json!({"alg": "RS512"})),
            "`alg` is not RS256",
        ),
        (
            "PS256",
            with(rsa(), json!({"alg": "PS256"})),
            "`alg` is not RS256",
        ),
        (
            "RSA for ES256",
            with(rsa(), json!({"alg": "ES256"})),
            "`alg` is not RS256",
        ),
        (
            "P-256 for RS256",
            with(p256(), json!({"alg": "RS256"})),
            "`alg` is not ES256",
        ),
        (
            "P-256 for ES384",
            with(p256(), json!({"alg": "ES384"})),
            "`alg` is not ES256",
        ),
        (
            "Ed25519 for HS256",
            with(ed25519(), json!({"alg": "HS256"})),
            "`alg` is not EdDSA",
        ),
        (
            "alg null",
            with(p256(), json!({"alg": null})),
            "`alg` is not ES256",
        ),
        (
            "kid a number",
            with(p256(), json!({"kid": 1})),
            "`kid` is missing or cannot be read",
        ),
        (
            "P-521",
            json!({"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"}),
            "another curve",
        ),
        (
            "secp256k1",
            with(p256(), json!({"crv": "secp256k1"})),
            "another curve",
        ),
        (
            "P-384 with a point of P-256",
            with(p256(), json!({"crv": "P-384"})),
            "`x` is missing or cannot be read",
        ),
        (
            "x too short",
            with(p256(), json!({"x": short})),
            "`x` is missing or cannot be read",
        ),
        (
            "x padded",
            with(
                p256(),
                json!({"x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU="}),
            ),
            "`x` is missing or cannot be read",
        ),
        (
            "y absent",
            json!({"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}),
            "`y` is missing",
        ),
        (
            "off the curve",
            with(
                p256(),
                json!({"y": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}),
            ),
            "no point of its curve",
        ),
        (
            "X25519",
            with(ed25519(), json!({"crv": "X25519"})),
            "neither RSA nor",
        ),
        (
            "Ed448",
            with(ed25519(), json!({"crv": "Ed448"})),
            "neither RSA nor",
        ),
        (
            "Ed25519 of 31 bytes",
            with(
                ed25519(),
                json!({"x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUQ"}),
            ),
            "`x` is missing or cannot be read",
        ),
        ("e of 3", with(rsa(), json!({"e": "Aw"})), "exponent is not 65537"),
        (
            "n of 1 byte",
            with(rsa(), json!({"n": "AQ"})),
            "an RSA key of 1 bits",
        ),
        ("n absent", json!({"kty": "RSA", "e": "AQAB"}), "`n` is missing"),
        ("no kty", json!({"crv": "P-256"}), "neither RSA nor"),
        ("an empty object", json!({}), "neither RSA nor"),
        ("an empty set", json!({"keys": []}), "a JWK set without keys"),
        ("keys no list", json!({"keys": {}}), "not a JWK or a JWK set"),
    ];
    for (name, jwk, found) in rows {
        let error = read(&jwk).expect_err(name).to_string();
        assert!(error.contains(found), "{name}: {error}");
        assert!(
            error.contains("; ") || error.contains(": make a pair"),
            "{name} says what to do: {error}"
        );
        assert_eq!(error.lines().count(), 1, "{name}: {error}");
        assert!(
            !error.contains("f83OJ3D2") && !error.contains("11qYAYKx"),
            "{name}: {error}"
        );
        let through_parse = jwk.to_string().parse::<PublicKeys>().expect_err(name);
        assert_eq!(through_parse.to_string(), error, "{name}");
    }
}

#[test]
fn what_is_no_json_object_with_unique_members_is_refused() {
    for text in [
        "",
        "[]",
        "{",
        "null",
        r#"{"kty":"RSA","kty":"EC"}"#,
        r#"{"keys":[{"kty":"EC","kty":"RSA"}]}"#,
        "not JSON",
    ] {
        assert!(PublicKeys::from_jwk(text).is_err(), "{text}");
    }
}

#[test]
fn keys_of_a_set_that_cannot_verify_are_skipped() {
    let set = json!({"keys": [
        with(rsa(), json!({"use": "enc"})),
        with(p256(), json!({"kid": "first"})),
        {"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"},
        with(rsa(), json!({"alg": "RS512", "kid": "first"})),
        {"kty": "AKP", "alg": "ML-DSA-65", "pub": "AAAA"},
        with(rsa(), json!({"n": "AQ"})),
        ed25519(),
        7,
    ], "issuer": "https://issuer.example"});
    let keys = read(&set).unwrap();
    assert_eq!(keys.iter().count(), 2);
    assert_eq!(ids(&keys)[0], ("first".to_owned(), Algorithm::Es256));
    assert_eq!(ids(&keys)[1].1, Algorithm::EdDsa);
}

#[test]
fn a_set_that_holds_what_no_set_may_hold_is_refused_whole() {
    let named = |id: u32| with(ed25519(), json!({"kid": id.to_string()}));
    let nine: Vec<Value> = (0..9).map(named).collect();
    let rows = [
        (
            "a private key",
            json!({"keys": [p256(), with(ed25519(), json!({"d": "AA"}))]}),
            "(key 2 of the JWK set) holds a private key",
        ),
        (
            "a symmetric key",
            json!({"keys": [{"kty": "oct", "k": "AA"}, p256()]}),
            "(key 1 of the JWK set) holds a symmetric key",
        ),
        (
            "no key that can verify",
            json!({"keys": [with(rsa(), json!({"use": "enc"}))]}),
            "(key 1 of the JWK set) holds a JWK whose `use`",
        ),
        (
            "a kid twice",
            json!({"keys": [with(p256(), json!({"kid": "a"})), with(ed25519(), json!({"kid": "a"}))]}),
            "two keys with the same `kid`",
        ),
        ("nine keys", json!({"keys": nine}), "9 keys, at most 8"),
    ];
    for (name, set, found) in rows {
        let error = read(&set).expect_err(name).to_string();
        assert!(error.contains(found), "{name}: {error}");
    }
}

#[test]
fn every_usual_spelling_of_a_jwk_set_is_understood() {
    let text = json!({"keys": [with(p256(), json!({"kid": "a\"/ä"}))]}).to_string();
    let pretty = serde_json::to_string_pretty(&serde_json::from_str::<Value>(&text).unwrap()).unwrap();
    let json = |text: &str| serde_json::to_string(text).unwrap();
    for (name, spelling) in [
        ("as it is", text.clone()),
        ("pretty", pretty.clone()),
        ("CRLF", pretty.replace('\n', "\r\n")),
        ("a byte order mark before", format!("\u{feff}{text}\n")),
        ("single quotes", format!("'{text}'")),
        ("base64", STANDARD.encode(&text)),
        ("base64 of pretty", STANDARD.encode(&pretty)),
    ] {
        let keys: PublicKeys = spelling.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(ids(&keys), [("a\"/ä".to_owned(), Algorithm::Es256)], "{name}");
    }
    let plain = json!({"keys": [with(p256(), json!({"kid": "a"}))]}).to_string();
    for (name, spelling) in [
        ("a JSON string", json(&plain)),
        ("escaped quotes", plain.replace('"', "\\\"")),
        (
            "escaped line ends",
            pretty.replace("a\\\"/ä", "a").replace('\n', "\\n"),
        ),
    ] {
        let keys: PublicKeys = spelling.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            keys.iter().map(PublicKey::key_id).collect::<Vec<_>>(),
            ["a"],
            "{name}"
        );
    }
}
