//! Step 5: properly signed payloads whose claims are not acceptable.

use room_auth::VerifyErrorKind::Claims;
use room_auth_forge::{HEADER, PAYLOAD, b64, token_of_parts};

use super::corpus::{
    Case, Verify, for_audience, from_issuer, max_lifetime_300, maybe_only_user, member, numbers, only_user,
    plain, refused, with_members, with_payload,
};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, payload) in PAYLOADS {
        cases.push(refused(format!("payload: {name}"), with_payload(payload), Claims));
    }
    cases.push(refused("payload: not UTF-8", not_utf8(), Claims));
    for depth in [200, 900] {
        let deep = format!(r#""x":{}{}"#, "[".repeat(depth), "]".repeat(depth));
        cases.push(refused(
            format!("payload: nested {depth} deep"),
            with_members(&deep),
            Claims,
        ));
    }
    let long = format!("\"{}\"", "x".repeat(129));
    for (name, sub) in SUBJECTS.iter().chain([&("129 characters", long.as_str())]) {
        let payload = PAYLOAD.replace("\"lobby\"", sub);
        cases.push(refused(format!("sub: {name}"), with_payload(&payload), Claims));
    }
    for (name, date) in DATES {
        for (claim, value) in [("iat", "1800000000"), ("exp", "1800000300")] {
            let good = format!(r#""{claim}":{value}"#);
            let payload = PAYLOAD.replace(&good, &format!(r#""{claim}":{date}"#));
            assert_ne!(payload, PAYLOAD);
            cases.push(refused(
                format!("{claim}: {name}"),
                with_payload(&payload),
                Claims,
            ));
        }
    }
    for (name, payload) in DATE_PAIRS {
        cases.push(refused(format!("dates: {name}"), with_payload(payload), Claims));
    }
    for (name, members, verify) in MEMBERS {
        cases.push(refused(*name, with_members(members), Claims).by(*verify));
    }
    cases.push(
        refused(
            "lifetime: one second more than allowed",
            with_payload(r#"{"sub":"lobby","iat":1800000000,"exp":1800000301}"#),
            Claims,
        )
        .by(max_lifetime_300),
    );
    // Whoever signed it: 24 hours are the most unless set otherwise.
    for (name, payload) in [
        (
            "a second more than a day",
            r#"{"sub":"lobby","iat":1800000000,"exp":1800086401}"#,
        ),
        (
            "ten years",
            r#"{"sub":"lobby","iat":1799999999,"exp":2115359999}"#,
        ),
        (
            "up to 2^53",
            r#"{"sub":"lobby","iat":1800000000,"exp":9007199254740992}"#,
        ),
    ] {
        cases.push(refused(
            format!("lifetime: {name}, where none is set"),
            with_payload(payload),
            Claims,
        ));
    }
    cases.push(refused("iss: absent where one is demanded", with_payload(PAYLOAD), Claims).by(from_issuer));
    cases.push(refused("aud: absent where one is demanded", with_payload(PAYLOAD), Claims).by(for_audience));
    cases.push(refused("own claims: absent", with_payload(PAYLOAD), Claims).by(member));
    cases
}

#[rustfmt::skip]
const PAYLOADS: &[(&str, &str)] = &[
    ("no JSON", "foo"),
    ("an empty object", "{}"),
    ("an array", r#"[{"sub":"lobby","iat":1800000000,"exp":1800000300}]"#),
    ("a string", r#""lobby""#),
    ("null", "null"),
    ("a number", "1800000300"),
    ("cut off", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300"#),
    ("two objects", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300}{}"#),
    ("text behind", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300};"#),
    ("byte order mark before", "\u{feff}{\"sub\":\"lobby\",\"iat\":1800000000,\"exp\":1800000300}"),
    ("comma behind", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300,}"#),
    ("raw control character", "{\"sub\":\"lobby\",\"iat\":1800000000,\"exp\":1800000300,\"x\":\"\u{1}\"}"),
    ("sub twice", r#"{"sub":"staff","sub":"lobby","iat":1800000000,"exp":1800000300}"#),
    ("sub twice, the same", r#"{"sub":"lobby","sub":"lobby","iat":1800000000,"exp":1800000300}"#),
    ("sub twice, once escaped", r#"{"sub":"lobby","s\u0075b":"staff","iat":1800000000,"exp":1800000300}"#),
    ("exp twice", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300,"exp":1900000000}"#),
    ("exp twice, once escaped", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300,"\u0065xp":1}"#),
    ("iat twice", r#"{"sub":"lobby","iat":1800000000,"iat":1,"exp":1800000300}"#),
    ("an unused claim twice", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300,"x":1,"x":1}"#),
    ("an empty name twice", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300,"":1,"":1}"#),
    ("duplicate in a claim", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300,"x":{"a":1,"a":2}}"#),
    ("duplicate in a claim, escaped", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300,"x":{"a":1,"\u0061":2}}"#),
    ("duplicate deep in a claim", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300,"x":[[{"y":{"a":1,"a":2}}]]}"#),
    ("lone surrogate in a name", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300,"\udc00":1}"#),
    ("lone surrogate in an unused claim", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300,"x":"\ud800"}"#),
    ("lone surrogate in an array", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300,"x":["\ud800"]}"#),
    ("sub absent", r#"{"iat":1800000000,"exp":1800000300}"#),
    ("iat absent", r#"{"sub":"lobby","exp":1800000300}"#),
    ("exp absent", r#"{"sub":"lobby","iat":1800000000}"#),
    ("names in capitals", r#"{"SUB":"lobby","IAT":1800000000,"EXP":1800000300}"#),
    ("claims one level down", r#"{"claims":{"sub":"lobby","iat":1800000000,"exp":1800000300}}"#),
];

const SUBJECTS: &[(&str, &str)] = &[
    ("null", "null"),
    ("a number", "1"),
    ("true", "true"),
    ("an array", r#"["lobby"]"#),
    ("an object", r#"{"lobby":1}"#),
    ("empty", r#""""#),
    ("a space inside", r#""lob by""#),
    ("a space behind", r#""lobby ""#),
    ("a slash", r#""a/b""#),
    ("a number sign", r#""ROOM#lobby""#),
    ("a star", r#""*""#),
    ("a percent sign", r#""lobby%20""#),
    ("an at sign", r#""a@b""#),
    ("a plus sign", r#""a+b""#),
    ("a backslash", r#""a\\b""#),
    ("a quote", r#""a\"b""#),
    ("not ASCII", r#""löbby""#),
    ("a Cyrillic letter", r#""lоbby""#),
    ("an escape that is not ASCII", r#""lobb\u00fd""#),
    ("an emoji", r#""\ud83d\ude00""#),
    ("a lone surrogate", r#""lobby\ud83d""#),
    ("NUL", r#""lobby\u0000""#),
    ("a line end behind", r#""lobby\n""#),
    ("a tab", r#""\tlobby""#),
];

/// As `iat` and as `exp`.
const DATES: &[(&str, &str)] = &[
    ("null", "null"),
    ("a string", r#""1800000100""#),
    ("an ISO date", r#""2027-01-15T08:01:40Z""#),
    ("true", "true"),
    ("an array", "[1800000100]"),
    ("an object", "{}"),
    ("negative", "-1"),
    ("negative, with a fraction", "-0.5"),
    ("negative, with an exponent", "-1e-9"),
    ("negative zero", "-0"),
    ("milliseconds past 2^53", "9007199254741000"),
    ("2^53 + 1", "9007199254740993"),
    ("2^53 and a half", "9007199254740992.5"),
    ("past 2^53 by an exponent", "1e16"),
    (
        "past 2^53 by an exponent beyond 64 bits",
        "1e99999999999999999999",
    ),
    ("more than 64 bits", "18446744075509551916"),
    ("infinite as a double", "1e400"),
];

#[rustfmt::skip]
const DATE_PAIRS: &[(&str, &str)] = &[
    ("exp equals iat", r#"{"sub":"lobby","iat":1800000000,"exp":1800000000}"#),
    ("exp before iat", r#"{"sub":"lobby","iat":1800000001,"exp":1800000000}"#),
    ("both zero", r#"{"sub":"lobby","iat":0,"exp":0}"#),
    ("both 2^53", r#"{"sub":"lobby","iat":9007199254740992,"exp":9007199254740992}"#),
    ("exp of 2^64 and 300, to wrap around", r#"{"sub":"lobby","iat":0,"exp":18446744073709551916}"#),
    ("exp in milliseconds", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300000}"#),
    ("both in milliseconds, five minutes apart", r#"{"sub":"lobby","iat":1800000000000,"exp":1800000300000}"#),
    ("exp in microseconds", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300000000}"#),
    ("exp in seconds, iat in milliseconds", r#"{"sub":"lobby","iat":1800000000000,"exp":1800000300}"#),
    ("a fraction of a second apart", r#"{"sub":"lobby","iat":1800000000.1,"exp":1800000000.9}"#),
    ("a fraction of a second apart, over a full second", r#"{"sub":"lobby","iat":1800000000.5,"exp":1800000001.5}"#),
    ("exp in milliseconds, past 2^53", r#"{"sub":"lobby","iat":1800000000,"exp":9007199254740993000}"#),
];

#[rustfmt::skip]
const MEMBERS: &[(&str, &str, Verify)] = &[
    ("nbf: null", r#""nbf":null"#, plain),
    ("nbf: a string", r#""nbf":"1800000000""#, plain),
    ("nbf: negative", r#""nbf":-1"#, plain),
    ("nbf: negative beyond 64 bits", r#""nbf":-99999999999999999999"#, plain),
    ("nbf: 2^53 + 1", r#""nbf":9007199254740993"#, plain),
    ("nbf: 2^63", r#""nbf":9223372036854775808"#, plain),
    ("nbf: 2^64, to wrap around", r#""nbf":18446744073709551616"#, plain),
    ("nbf: false", r#""nbf":false"#, plain),
    ("nbf: an array", r#""nbf":[]"#, plain),
    ("nbf: an object", r#""nbf":{}"#, plain),
    ("aud: where none is configured", r#""aud":"rooms""#, plain),
    ("aud: an array where none is configured", r#""aud":["rooms"]"#, plain),
    ("aud: empty where none is configured", r#""aud":"""#, plain),
    ("aud: an empty array where none is configured", r#""aud":[]"#, plain),
    ("aud: null where none is configured", r#""aud":null"#, plain),
    ("aud: escaped name where none is configured", r#""\u0061ud":"rooms""#, plain),
    ("aud: another", r#""aud":"doors""#, for_audience),
    ("aud: others", r#""aud":["doors","windows"]"#, for_audience),
    ("aud: empty array", r#""aud":[]"#, for_audience),
    ("aud: null", r#""aud":null"#, for_audience),
    ("aud: a number", r#""aud":1"#, for_audience),
    ("aud: an object", r#""aud":{"rooms":true}"#, for_audience),
    ("aud: an array in an array", r#""aud":[["rooms"]]"#, for_audience),
    ("aud: ours and a number", r#""aud":["rooms",1]"#, for_audience),
    ("aud: in capitals", r#""aud":"ROOMS""#, for_audience),
    ("aud: longer", r#""aud":"rooms2""#, for_audience),
    ("aud: a list in one string", r#""aud":"doors rooms""#, for_audience),
    ("iss: another", r#""iss":"https://attacker.example""#, from_issuer),
    ("iss: a slash behind", r#""iss":"https://backend.example/""#, from_issuer),
    ("iss: shorter", r#""iss":"https://backend""#, from_issuer),
    ("iss: in capitals", r#""iss":"HTTPS://BACKEND.EXAMPLE""#, from_issuer),
    ("iss: an array", r#""iss":["https://backend.example"]"#, from_issuer),
    ("iss: null", r#""iss":null"#, from_issuer),
    ("iss: a number", r#""iss":1"#, from_issuer),
    ("iss: empty", r#""iss":"""#, from_issuer),
    ("jti: null", r#""jti":null"#, plain),
    ("jti: a number", r#""jti":1"#, plain),
    ("jti: empty", r#""jti":"""#, plain),
    ("jti: a control character", r#""jti":"a\u0000""#, plain),
    ("can: null", r#""can":null"#, plain),
    ("can: a string", r#""can":"send""#, plain),
    ("can: an object", r#""can":{"send":true}"#, plain),
    ("can: a number among the names", r#""can":["send",1]"#, plain),
    ("can: a name twice", r#""can":["send","send"]"#, plain),
    ("can: a name twice, once escaped", r#""can":["send","\u0073end"]"#, plain),
    ("can: an empty name", r#""can":[""]"#, plain),
    ("can: capitals", r#""can":["Send"]"#, plain),
    ("can: a pattern", r#""can":["*"]"#, plain),
    ("can: a space", r#""can":["send "]"#, plain),
    ("own claims: null", r#""user":null"#, member),
    ("own claims: a number for a text", r#""user":7"#, member),
    ("own claims: an array for a text", r#""user":["alice"]"#, member),
    ("own claims: a lone surrogate", r#""user":"\ud800""#, member),
    ("own claims: no such variant", r#""user":"alice","role":"admin""#, member),
    ("own claims: an object for a variant", r#""user":"alice","role":{"staff":1}"#, member),
    ("own claims: one more than known", r#""user":"alice","admin":true"#, only_user),
    ("own claims: nbf is not known either", r#""user":"alice","nbf":1800000000"#, only_user),
    ("own claims: optional, but wrong", r#""user":7"#, maybe_only_user),
    ("own claims: a value of another type in a map", r#""a":1,"b":"2""#, numbers),
    ("own claims: a value out of range in a map", r#""a":256"#, numbers),
];

fn not_utf8() -> String {
    let mut payload = PAYLOAD.as_bytes().to_vec();
    let end = payload.len() - 1;
    payload.splice(end..end, *b",\"x\":\"\xc3\x28\"");
    token_of_parts(&b64(HEADER), &b64(payload))
}
