//! What must be accepted: strict is not the same as picky.

use room_auth_forge::{HEADER, PAYLOAD, attacker_key, jwk, key, other_key, token};

use super::corpus::{
    Case, Verify, accepted, any_json, any_lifetime, any_lifetime_leeway_60, eight_keys, for_audience,
    from_issuer, leeway_60, max_lifetime_300, maybe_only_user, member, no_skew, numbers, of_length,
    only_user, plain, two_keys, with_header, with_header_by_other, with_members, with_payload,
};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![
        accepted("good: the plainest", token(HEADER, PAYLOAD)),
        accepted("good: 4096 bytes", of_length(4096)),
        accepted("good: 4095 bytes", of_length(4095)),
    ];
    cases.extend(
        HEADERS
            .iter()
            .map(|(name, header)| accepted(name, with_header(header))),
    );
    cases.extend(
        PAYLOADS
            .iter()
            .map(|(name, payload)| accepted(name, with_payload(payload))),
    );
    cases.extend(
        MEMBERS
            .iter()
            .map(|(name, members, verify)| accepted(name, with_members(members)).by(*verify)),
    );
    cases.extend(
        TIMES
            .iter()
            .map(|(name, payload, verify)| accepted(name, with_payload(payload)).by(*verify)),
    );
    cases.extend(rooms());
    cases.extend(keys());
    cases
}

#[rustfmt::skip]
const HEADERS: &[(&str, &str)] = &[
    ("typ: absent", r#"{"alg":"RS256"}"#),
    ("typ: lower case", r#"{"typ":"jwt","alg":"RS256"}"#),
    ("typ: mixed case", r#"{"typ":"Jwt","alg":"RS256"}"#),
    ("typ: behind alg", r#"{"alg":"RS256","typ":"JWT"}"#),
    ("typ: escaped", r#"{"typ":"\u004aWT","alg":"RS256"}"#),
    ("alg: escaped", r#"{"typ":"JWT","\u0061lg":"\u0052S256"}"#),
    ("header: white space", "\r\n{ \"typ\" : \"JWT\" ,\n\t\"alg\" : \"RS256\" }\n"),
    ("header: cty", r#"{"typ":"JWT","alg":"RS256","cty":"json"}"#),
    ("header: x5t", r#"{"typ":"JWT","alg":"RS256","x5t":"AAAA","x5t#S256":"AAAA"}"#),
    ("header: jku and x5u, not asked", r#"{"alg":"RS256","jku":"https://a.example","x5u":"https://b.example"}"#),
    ("header: members unheard of", r#"{"alg":"RS256","x":[1,{"a":[null]}],"nonce":"1","CRIT":1,"Zip":2}"#),
    ("kid: empty", r#"{"alg":"RS256","kid":""}"#),
    ("kid: unknown", r#"{"alg":"RS256","kid":"2027-01"}"#),
    ("kid: not ASCII", r#"{"alg":"RS256","kid":"schlüssel-\ud83d\udd11"}"#),
];

#[rustfmt::skip]
const PAYLOADS: &[(&str, &str)] = &[
    ("payload: another order", r#"{"exp":1800000300,"sub":"lobby","iat":1800000000}"#),
    ("payload: white space", "\n{\n  \"sub\": \"lobby\",\n  \"iat\": 1800000000,\n  \"exp\": 1800000300\n}\r\n"),
    ("payload: escaped names", r#"{"s\u0075b":"lobby","iat":1800000000,"\u0065xp":1800000300}"#),
    ("payload: names in other case beside", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300,"Sub":1,"EXP":""}"#),
    ("sub: escaped", r#"{"sub":"\u006c\u006Fbby","iat":1800000000,"exp":1800000300}"#),
];

#[rustfmt::skip]
const MEMBERS: &[(&str, &str, Verify)] = &[
    ("claims: jti", r#""jti":"1""#, plain),
    ("claims: iss, where none is demanded", r#""iss":"https://anybody.example""#, plain),
    ("claims: iss of any type, where none is demanded", r#""iss":7"#, plain),
    ("claims: unheard of", r#""x":{"y":[1,-2.5e-3,true,null,"\ud83d\ude00",{}]},"":{}"#, plain),
    ("claims: the same name in two objects", r#""a":{"x":1},"b":{"x":1},"x":[{"x":1},{"x":1}]"#, plain),
    ("claims: not ASCII", r#""user":"Zoë","größe":1"#, plain),
    (
        "claims: nested 100 deep",
        concat!(
            r#""x":"#,
            "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
            "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
            "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
            "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
        ),
        plain,
    ),
    ("iss: the one demanded", r#""iss":"https://backend.example""#, from_issuer),
    ("iss: escaped", r#""iss":"https:\/\/backend.example""#, from_issuer),
    ("aud: the one demanded", r#""aud":"rooms""#, for_audience),
    ("aud: in an array of one", r#""aud":["rooms"]"#, for_audience),
    ("aud: in an array of several", r#""aud":["doors","rooms","rooms"]"#, for_audience),
    ("aud: escaped", r#""aud":["\u0072ooms"]"#, for_audience),
    ("own claims: a struct", r#""user":"alice""#, member),
    ("own claims: a struct and more", r#""user":"alice","role":"staff","jti":"1","x":[1]"#, member),
    ("own claims: an escaped text", r#""user":"\u0041lice","role":"guest""#, member),
    ("own claims: null for an option", r#""user":"alice","role":null"#, member),
    ("own claims: nothing but the known", r#""user":"alice""#, only_user),
    ("own claims: optional and there", r#""user":"alice""#, maybe_only_user),
    ("own claims: a map", r#""a":1,"b":255"#, numbers),
    ("own claims: any JSON", r#""a":1,"b":[{"c":null}]"#, any_json),
];

/// Now is 1,800,000,000.
#[rustfmt::skip]
const TIMES: &[(&str, &str, Verify)] = &[
    ("iat: where the skew ends", r#"{"sub":"lobby","iat":1800000060,"exp":1800000300}"#, plain),
    ("iat: now, without skew", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300}"#, no_skew),
    ("iat: 1970", r#"{"sub":"lobby","iat":0,"exp":1800000300}"#, any_lifetime),
    ("exp: in a second", r#"{"sub":"lobby","iat":1799999999,"exp":1800000001}"#, plain),
    ("exp: 2^53", r#"{"sub":"lobby","iat":1800000000,"exp":9007199254740992}"#, any_lifetime),
    ("exp: 2^53, with leeway", r#"{"sub":"lobby","iat":1800000000,"exp":9007199254740992}"#, any_lifetime_leeway_60),
    ("exp: a second before the leeway ends", r#"{"sub":"lobby","iat":1799999700,"exp":1799999941}"#, leeway_60),
    ("exp: now, with leeway", r#"{"sub":"lobby","iat":1799999700,"exp":1800000000}"#, leeway_60),
    ("nbf: now", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300,"nbf":1800000000}"#, no_skew),
    ("nbf: where the skew ends", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300,"nbf":1800000060}"#, plain),
    ("nbf: zero", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300,"nbf":0}"#, plain),
    ("nbf: a whole number with a point", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300,"nbf":1800000000.0}"#, no_skew),
    ("nbf: an exponent", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300,"nbf":1e3}"#, plain),
    ("nbf: half a second before the skew ends", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300,"nbf":1800000059.5}"#, plain),
    ("iat: a whole number with a point", r#"{"sub":"lobby","iat":1800000000.0,"exp":1800000300}"#, no_skew),
    ("iat: half a second", r#"{"sub":"lobby","iat":1799999999.5,"exp":1800000300}"#, no_skew),
    ("iat: an exponent", r#"{"sub":"lobby","iat":1.8e9,"exp":1800000300}"#, no_skew),
    ("iat: a capital exponent", r#"{"sub":"lobby","iat":18000000E2,"exp":1800000300}"#, no_skew),
    ("exp: a whole number with a point", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300.0}"#, plain),
    ("exp: half a second", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300.5}"#, max_lifetime_300),
    ("exp: an exponent", r#"{"sub":"lobby","iat":1800000000,"exp":1.8000003e9}"#, plain),
    ("exp: a capital exponent", r#"{"sub":"lobby","iat":1800000000,"exp":18000003E+2}"#, plain),
    ("dates: microseconds, as PHP writes them", r#"{"sub":"lobby","iat":1799999999.654321,"nbf":1799999999.654321,"exp":1800000300.654321}"#, no_skew),
    ("lifetime: as long as allowed", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300}"#, max_lifetime_300),
    ("lifetime: a day, where none is set", r#"{"sub":"lobby","iat":1800000000,"exp":1800086400}"#, plain),
    ("lifetime: ten years, where any is allowed", r#"{"sub":"lobby","iat":1799999999,"exp":2115359999}"#, any_lifetime),
];

fn rooms() -> Vec<Case> {
    const LONGEST: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
                           xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-";
    [
        ("sub: one character", "0"),
        ("sub: 128 characters", LONGEST),
        ("sub: the whole alphabet", ALPHABET),
        ("sub: a uuid", "018f3c9e-7b1a-7c3d-9e2f-5a6b7c8d9e0f"),
        ("sub: dots", "..."),
        ("sub: the text null", "null"),
    ]
    .map(|(name, room)| Case {
        expected: Ok(room),
        ..accepted(name, with_payload(&PAYLOAD.replace("lobby", room)))
    })
    .into()
}

fn keys() -> Vec<Case> {
    let naming = |id: &str| format!(r#"{{"typ":"JWT","alg":"RS256","kid":"{id}"}}"#);
    let (first, second) = (key().key_id(), other_key().key_id());
    let with_jwk = |pem: &str| format!(r#"{{"alg":"RS256","jwk":{}}}"#, jwk(pem));
    let rows: [(&str, String, Verify); 12] = [
        ("kid: the only key", with_header(&naming(first)), plain),
        (
            "kid: an unknown one, the second key signed",
            with_header_by_other(&naming("unknown")),
            two_keys,
        ),
        (
            "kid: names the first of two",
            with_header(&naming(first)),
            two_keys,
        ),
        (
            "kid: names the second of two",
            with_header_by_other(&naming(second)),
            two_keys,
        ),
        (
            "kid: absent, the first of two signed",
            with_header(HEADER),
            two_keys,
        ),
        (
            "kid: absent, the second of two signed",
            with_header_by_other(HEADER),
            two_keys,
        ),
        (
            "kid: ours in capitals is an unknown one",
            with_header(&naming(&first.to_uppercase())),
            two_keys,
        ),
        (
            "kid: names the last of eight",
            with_header(&naming(first)),
            eight_keys,
        ),
        (
            "kid: absent, the last of eight signed",
            with_header(HEADER),
            eight_keys,
        ),
        (
            "kid: absent, the first of eight signed",
            with_header_by_other(HEADER),
            eight_keys,
        ),
        (
            "jwk: our own, not looked at",
            with_header(&with_jwk(&key().public_key_pem())),
            plain,
        ),
        (
            "jwk: the attacker's, not looked at",
            with_header(&with_jwk(&attacker_key().public_key_pem())),
            plain,
        ),
    ];
    rows.map(|(name, token, verify)| accepted(name, token).by(verify))
        .into()
}
