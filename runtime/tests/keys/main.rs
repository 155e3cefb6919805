//! What `PUBLIC_KEY` may hold, and what an operator is told of everything else.
#![allow(clippy::unwrap_used)]

mod curves;
mod jwk;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use room_auth::testing::FixedClock;
use room_auth::{PublicKey, PublicKeys, SigningKey, Verifier};
use room_auth_forge::unusable::{Row, rows};
use room_auth_forge::{HEADER, NOW, PAYLOAD, attacker_key, fixture, other_key, token_by};

#[test]
fn every_unusable_key_is_named_with_what_to_do() {
    for Row {
        name,
        text,
        found,
        advice,
    } in rows()
    {
        let error = text.parse::<PublicKeys>().expect_err(name);
        let message = error.to_string();
        assert!(message.starts_with("the public key text "), "{name}: {message}");
        assert!(message.contains(found), "{name}: {message}");
        assert!(message.contains(advice), "{name}: {message}");
        assert_eq!(message.lines().count(), 1, "{name}: {message}");
        assert_eq!(
            format!("{error:?}"),
            message,
            "{name}: `main` prints errors by Debug"
        );
    }
}

#[test]
fn a_message_holds_nothing_of_the_text() {
    for Row { name, text, .. } in rows() {
        let message = text.parse::<PublicKeys>().expect_err(name).to_string();
        for line in text
            .lines()
            .filter(|line| !line.starts_with("-----") && line.len() >= 8)
        {
            for window in line.as_bytes().windows(8) {
                let window = String::from_utf8_lossy(window);
                assert!(!message.contains(&*window), "{name} shows {window}: {message}");
            }
        }
    }
}

/// The public keys of these spellings belong to `private_pkcs8.pem`: what it signs, they verify.
#[test]
fn every_usual_spelling_of_a_public_key_is_understood() {
    let token = token_by(attacker_key(), HEADER, PAYLOAD);
    let spki = fixture::key("rsa_2048_spki");
    let mut rows = spellings(&spki);
    rows.extend([
        ("PKCS#1", fixture::key("rsa_2048_pkcs1")),
        ("certificate", fixture::key("rsa_2048_certificate")),
        ("text before", format!("Public-Key: (2048 bit)\n{spki}")),
        ("base64 twice", STANDARD.encode(STANDARD.encode(&spki))),
        (
            "base64 of a text with literal \\n",
            STANDARD.encode(spki.replace('\n', "\\n")),
        ),
    ]);
    for (name, text) in rows {
        let keys: PublicKeys = text.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
        let ids: Vec<&str> = keys.iter().map(PublicKey::key_id).collect();
        assert_eq!(ids, [attacker_key().key_id()], "{name}");
        let verifier = Verifier::new(keys).with_clock(FixedClock::at(NOW));
        verifier
            .verify::<()>(&token)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn every_usual_spelling_of_a_private_key_is_understood() {
    let pkcs8 = fixture::key("private_pkcs8");
    let public = fixture::key("rsa_2048_spki").replace('\n', "\\\\n");
    let mut rows = spellings(&pkcs8);
    rows.extend([
        ("PKCS#1", fixture::key("private_pkcs1")),
        ("its public key before", fixture::key("rsa_2048_spki") + &pkcs8),
        (
            "bag attributes",
            format!("Bag Attributes\n    localKeyID: 01 02\nKey Attributes: <No Attributes>\n{pkcs8}"),
        ),
        ("base64 twice", STANDARD.encode(STANDARD.encode(&pkcs8))),
    ]);
    for (name, text) in rows {
        let key = SigningKey::from_pem(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(key.key_id(), attacker_key().key_id(), "{name}");
        let secret = serde_json::json!({"private_key": text, "public_key": public}).to_string();
        let key = SigningKey::from_secret_json(&secret)
            .unwrap_or_else(|error| panic!("{name}, in a secret: {error}"));
        assert_eq!(key.key_id(), attacker_key().key_id(), "{name}, in a secret");
    }
}

/// What consoles, environment files and CI systems make of one PEM block, without loss.
fn spellings(pem: &str) -> Vec<(&'static str, String)> {
    let trimmed = pem.trim_end();
    let wrapped = |text: &str| {
        let lines: Vec<&str> = text
            .as_bytes()
            .chunks(76)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        lines.join("\n") + "\n"
    };
    let json = |text: &str| serde_json::to_string(text).unwrap();
    let body_at = pem.find("-----\n").unwrap() + 6;
    let (first, body) = pem.split_at(body_at);
    let mut middle = body.lines();
    let empty_line = format!(
        "{first}{}\n\n{}\n",
        middle.next().unwrap(),
        middle.collect::<Vec<_>>().join("\n")
    );
    vec![
        ("as it is", pem.to_owned()),
        ("CRLF", pem.replace('\n', "\r\n")),
        ("CR", pem.replace('\n', "\r")),
        ("CRCRLF", pem.replace('\n', "\r\r\n")),
        ("literal \\n", pem.replace('\n', "\\n")),
        ("literal \\r\\n", pem.replace('\n', "\\r\\n")),
        ("literal \\n and line ends", pem.replace('\n', "\\n\n")),
        ("literal \\n and spaces", pem.replace('\n', " \\n ")),
        ("\\n escaped twice", pem.replace('\n', "\\\\n")),
        ("\\n escaped three times", pem.replace('\n', "\\\\\\\\n")),
        ("\\r\\n escaped twice", pem.replace('\n', "\\\\r\\\\n")),
        ("a shell's line continuations", pem.replace('\n', "\\\n")),
        ("one line", pem.replace('\n', " ")),
        ("no line ends within", unwrapped(pem)),
        ("an empty line within", empty_line),
        (
            "an empty line before the end",
            pem.replace("-----END", "\n-----END"),
        ),
        ("doubled line ends", pem.replace('\n', "\n\n")),
        ("white space around", format!("\n\n  {pem}\n  ")),
        ("no line end behind", trimmed.to_owned()),
        ("double quotes", format!("\"{trimmed}\"")),
        ("single quotes", format!("'{trimmed}'")),
        ("both quotes", format!("'\"{trimmed}\"'")),
        (
            "quotes and literal \\n",
            format!("\"{}\"", pem.replace('\n', "\\n")),
        ),
        ("a JSON string", json(pem)),
        ("a JSON string of a JSON string", json(&json(pem))),
        ("a JSON string, as PHP writes it", json(pem).replace('/', "\\/")),
        (
            "a JSON string with \\u002b",
            json(pem).replace('+', "\\u002b").replace('=', "\\u003D"),
        ),
        ("escaped slashes alone", pem.replace('/', "\\/")),
        ("a byte order mark before", format!("\u{feff}{pem}")),
        ("indented", pem.replace('\n', "\n    ")),
        (
            "indented, as YAML has it",
            format!("|\n  {}", pem.replace('\n', "\n  ")),
        ),
        ("indented by no-break spaces", pem.replace('\n', "\n\u{a0}\u{a0}")),
        ("indented by tabs", pem.replace('\n', "\n\t")),
        ("a Markdown fence", format!("```\n{pem}```\n")),
        ("base64", STANDARD.encode(pem)),
        ("base64, wrapped", wrapped(&STANDARD.encode(pem))),
        (
            "base64, wrapped with literal \\n",
            wrapped(&STANDARD.encode(pem)).replace('\n', "\\n"),
        ),
        ("base64, quoted", format!("\"{}\"", STANDARD.encode(pem))),
        (
            "base64, without padding",
            STANDARD.encode(trimmed).trim_end_matches('=').to_owned(),
        ),
        ("base64url", URL_SAFE.encode(pem)),
        ("base64 of CRLF", STANDARD.encode(pem.replace('\n', "\r\n"))),
    ]
}

#[test]
fn certificates_of_every_make_give_their_key() {
    for name in [
        "serial_0",
        "serial_negative",
        "serial_20_bytes",
        "serial_21_bytes",
        "bmp_string",
        "t61_string",
        "v1",
        "year_9999",
        "sha1",
        "text",
        "bag_attributes",
        "empty_subject",
    ] {
        let keys = PublicKeys::from_pem(&fixture::key(&format!("certificates/{name}")))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let ids: Vec<&str> = keys.iter().map(PublicKey::key_id).collect();
        assert_eq!(ids, [attacker_key().key_id()], "{name}");
    }
}

#[test]
fn two_keys_may_be_joined_by_anything() {
    let [first, second] = ["rsa_2048_spki", "other_public"].map(fixture::key);
    for (name, text) in [
        ("nothing", first.trim_end().to_owned() + &second),
        ("a comma", format!("{},{second}", first.trim_end())),
        (
            "literal \\n",
            format!("{}\\n{}", first.trim_end(), second.trim_end()).replace('\n', "\\n"),
        ),
        ("an empty line", format!("{first}\n{second}")),
    ] {
        let keys = PublicKeys::from_pem(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(keys.iter().count(), 2, "{name}");
    }
}

#[test]
fn an_unusable_private_key_is_named_without_being_shown() {
    let pkcs8 = fixture::key("private_pkcs8");
    let body: String = pkcs8.lines().filter(|line| !line.starts_with("-----")).collect();
    for (name, text, found) in [
        ("empty", String::new(), "no PEM block"),
        ("cut off", pkcs8[..400].to_owned(), "cut off"),
        ("a hole", pkcs8.replacen("MII", "M…I", 1), "cut off"),
        ("the body alone", body, "without its BEGIN and END lines"),
        (
            "the letter n for line ends",
            pkcs8.replace('\n', "n"),
            "the letter n",
        ),
        (
            "a public key",
            fixture::key("rsa_2048_spki"),
            "a public key was given",
        ),
        (
            "a certificate",
            fixture::key("rsa_2048_certificate"),
            "a public key was given",
        ),
        ("encrypted", fixture::key("private_encrypted"), "is encrypted"),
        (
            "encrypted, traditional",
            fixture::key("private_encrypted_traditional"),
            "is encrypted",
        ),
        (
            "two keys",
            pkcs8.clone() + &fixture::key("other_private"),
            "several private keys",
        ),
        (
            "an OpenSSH key",
            fixture::key("private_openssh"),
            "of another kind",
        ),
        (
            "base64 of a public key",
            STANDARD.encode(fixture::key("rsa_2048_spki")),
            "a public key was given",
        ),
    ] {
        let error = SigningKey::from_pem(&text).expect_err(name);
        assert!(error.to_string().contains(found), "{name}: {error}");
        assert_eq!(format!("{error:?}"), error.to_string(), "{name}");
        for line in text
            .lines()
            .filter(|line| !line.starts_with("-----") && line.len() >= 16)
        {
            let shown: String = line.chars().take(16).collect();
            assert!(!error.to_string().contains(&shown), "{name}: {error}");
        }
    }
}

fn unwrapped(pem: &str) -> String {
    let lines: Vec<&str> = pem.lines().collect();
    let [first, body @ .., last] = &lines[..] else {
        unreachable!("a PEM block has a first and a last line")
    };
    format!("{first}\n{}\n{last}\n", body.concat())
}

#[test]
fn keys_of_2048_to_8192_bits_are_taken() {
    for bits in [3072, 4096, 8192] {
        let keys = PublicKeys::from_pem(&fixture::key(&format!("rsa_{bits}"))).unwrap();
        let found: Vec<usize> = keys.iter().map(PublicKey::bits).collect();
        assert_eq!(found, [bits]);
    }
}

#[test]
fn several_keys_keep_their_order_and_each_verifies() {
    let text = fixture::key("other_public")
        + "\n"
        + &fixture::key("rsa_2048_certificate")
        + &fixture::key("rsa_4096");
    let keys = PublicKeys::from_pem(&text.replace('\n', "\\n")).unwrap();
    let found: Vec<(&str, usize)> = keys.iter().map(|key| (key.key_id(), key.bits())).collect();
    assert_eq!(found[0], (other_key().key_id(), 2048));
    assert_eq!(found[1], (attacker_key().key_id(), 2048));
    assert_eq!(found[2].1, 4096);
    let verifier = Verifier::new(keys).with_clock(FixedClock::at(NOW));
    for key in [other_key(), attacker_key()] {
        verifier.verify::<()>(&token_by(key, HEADER, PAYLOAD)).unwrap();
    }
}

#[test]
fn eight_keys_are_taken() {
    let keys = PublicKeys::from_pem(&fixture::key("rsa_2048_spki").repeat(8)).unwrap();
    assert_eq!(keys.iter().count(), PublicKeys::MAX);
}

/// The fixture was computed by other means than this crate.
#[test]
fn the_key_id_is_the_thumbprint_of_rfc_7638() {
    let keys = PublicKeys::from_pem(&fixture::key("rsa_2048_spki")).unwrap();
    let ids: Vec<&str> = keys.iter().map(PublicKey::key_id).collect();
    assert_eq!(ids, [fixture::text("keys/rsa_2048_thumbprint.txt").trim()]);
}

#[test]
fn debug_shows_the_key_id_and_the_size() {
    let keys = PublicKeys::from_pem(&fixture::key("rsa_2048_spki")).unwrap();
    let shown = format!("{keys:?}");
    assert!(
        shown.contains(attacker_key().key_id()) && shown.contains("2048"),
        "{shown}"
    );
    assert!(!shown.contains("MII"), "{shown}");
}
