//! Step 1: what is no token in compact serialization. Each is signed over exactly the parts it shows, so that
//! nothing but its form is wrong.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use room_auth::VerifyErrorKind::Malformed;
use room_auth_forge::{HEADER, PAYLOAD, b64, key, token, token_of_parts};

use super::corpus::{Case, of_length, refused};

/// 28 and 50 bytes: neither divides by three, so both parts have spare bits in their last character.
const SPARE_HEADER: &str = r#"{"typ":"JWT","alg":"RS256" }"#;
const SPARE_PAYLOAD: &str = r#"{"sub":"lobby","iat":1800000000,"exp":1800000300 }"#;
/// Holds `?` and `~` so that standard and URL-safe alphabets differ.
const MARKED_PAYLOAD: &str = r#"{"sub":"lobby","iat":1800000000,"exp":1800000300,"a":"~~~???>>>"}"#;

pub(crate) fn cases() -> Vec<Case> {
    let good = token(HEADER, PAYLOAD);
    let parts: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        unreachable!("a token has three parts")
    };
    let mut rows = in_other_parts(header, payload, signature);
    rows.extend(with_other_characters(&good));
    rows.into_iter()
        .map(|(name, token)| refused(format!("form: {name}"), token, Malformed))
        .collect()
}

type Row = (&'static str, String);

fn in_other_parts(header: &str, payload: &str, signature: &str) -> Vec<Row> {
    let good = format!("{header}.{payload}.{signature}");
    let standard = |payload: String| {
        assert!(payload.contains(['+', '/']), "the alphabets do not differ");
        token_of_parts(header, &payload)
    };
    vec![
        ("nothing", String::new()),
        ("one space", " ".into()),
        ("one part", header.into()),
        ("two parts", format!("{header}.{payload}")),
        ("two parts and a last dot", format!("{header}.{payload}.")),
        ("four parts", format!("{good}.{signature}")),
        ("four parts, the last empty", format!("{good}.")),
        ("a dot before the first part", format!(".{good}")),
        (
            "five parts, as a JWE",
            format!("{header}.{payload}.{payload}.{payload}.{signature}"),
        ),
        (
            "five parts, a JWE with a direct key",
            format!("{header}..{payload}.{payload}.{signature}"),
        ),
        ("only dots", "..".into()),
        ("four dots", "....".into()),
        ("header empty", token_of_parts("", payload)),
        ("payload empty", token_of_parts(header, "")),
        (
            "detached payload (RFC 7515 appendix F)",
            format!("{header}..{signature}"),
        ),
        (
            "two dots in the middle",
            format!("{header}..{payload}.{signature}"),
        ),
        (
            "JSON serialization",
            format!(r#"{{"payload":"{payload}","protected":"{header}","signature":"{signature}"}}"#),
        ),
        (
            "header padded",
            token_of_parts(&URL_SAFE.encode(SPARE_HEADER), payload),
        ),
        (
            "payload padded",
            token_of_parts(header, &URL_SAFE.encode(SPARE_PAYLOAD)),
        ),
        ("signature padded", format!("{good}==")),
        ("signature padded with one sign", format!("{good}=")),
        (
            "header with needless padding",
            token_of_parts(&format!("{header}="), payload),
        ),
        (
            "header of spare bits",
            token_of_parts(&with_spare_bits(&b64(SPARE_HEADER)), payload),
        ),
        (
            "payload of spare bits",
            token_of_parts(header, &with_spare_bits(&b64(SPARE_PAYLOAD))),
        ),
        (
            "signature of spare bits",
            format!("{header}.{payload}.{}", with_spare_bits(signature)),
        ),
        (
            "header one character too long",
            token_of_parts(&format!("{header}A"), payload),
        ),
        ("payload of one character", token_of_parts(header, "A")),
        ("signature of one character", format!("{header}.{payload}.A")),
        (
            "payload in the standard alphabet",
            standard(STANDARD_NO_PAD.encode(MARKED_PAYLOAD)),
        ),
        (
            "payload in the standard alphabet, padded",
            standard(STANDARD.encode(MARKED_PAYLOAD)),
        ),
        ("signature in the standard alphabet", standard_signature()),
    ]
}

fn with_other_characters(good: &str) -> Vec<Row> {
    let [header, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else {
        unreachable!("a token has three parts")
    };
    vec![
        ("space before", format!(" {good}")),
        ("space behind", format!("{good} ")),
        ("line end behind", format!("{good}\n")),
        ("CRLF behind", format!("{good}\r\n")),
        ("tab behind a dot", good.replacen('.', ".\t", 1)),
        (
            "line end inside of the header",
            token_of_parts(&broken_line(header), payload),
        ),
        (
            "line end inside of the payload",
            token_of_parts(header, &broken_line(payload)),
        ),
        ("NUL behind", format!("{good}\0")),
        (
            "NUL before the signature",
            format!("{header}.{payload}.\0{signature}"),
        ),
        ("zero-width space behind", format!("{good}\u{200b}")),
        ("byte order mark before", format!("\u{feff}{good}")),
        (
            "Cyrillic letter for a Latin one",
            token_of_parts(&header.replacen('e', "е", 1), payload),
        ),
        ("full-width dots", good.replace('.', "．")),
        ("one-dot leaders for dots", good.replace('.', "\u{2024}")),
        ("percent-encoded dots", good.replace('.', "%2E")),
        ("percent-encoded letter", good.replacen('e', "%65", 1)),
        ("quoted", format!("\"{good}\"")),
        ("scheme left in front", format!("Bearer {good}")),
        ("two tokens with a comma", format!("{good},{good}")),
        ("two tokens with a space", format!("{good} {good}")),
        ("4097 bytes", of_length(4097)),
        ("4098 bytes", of_length(4098)),
        ("a megabyte of one part", "A".repeat(1 << 20)),
        ("a megabyte of dots", ".".repeat(1 << 20)),
        (
            "a megabyte of payload",
            format!("{header}.{}.{signature}", "A".repeat(1 << 20)),
        ),
        ("HTML", "<script>alert(1)</script>".into()),
        ("the literal text null", "null".into()),
        ("the literal text undefined", "undefined".into()),
    ]
}

/// Another spelling of the same bytes: the unused low bits of the last character set.
fn with_spare_bits(part: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    assert!(!part.len().is_multiple_of(4), "no spare bits in {part}");
    let (rest, last) = part.split_at(part.len() - 1);
    let index = ALPHABET.find(last).unwrap();
    format!("{rest}{}", ALPHABET.as_bytes()[index + 1] as char)
}

fn broken_line(part: &str) -> String {
    let (front, back) = part.split_at(8);
    format!("{front}\n{back}")
}

/// A signature that needs `+` or `/`, in the alphabet that has them.
fn standard_signature() -> String {
    (0..100)
        .map(|salt| {
            let message = format!(
                "{}.{}",
                b64(HEADER),
                b64(format!("{PAYLOAD}{}", " ".repeat(salt)))
            );
            let signature = STANDARD_NO_PAD.encode(key().sign(message.as_bytes()).unwrap());
            (message, signature)
        })
        .find(|(_, signature)| signature.contains(['+', '/']))
        .map(|(message, signature)| format!("{message}.{signature}"))
        .unwrap()
}
