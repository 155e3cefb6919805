//! What `PUBLIC_KEY` may hold, and what an operator is told of everything else.
#![allow(clippy::unwrap_used)]

#[path = "keys/init.rs"]
mod init;
#[path = "keys/unusable.rs"]
mod unusable;

use room_auth::testing::FixedClock;
use room_auth::{PublicKey, PublicKeys, Verifier};
use room_auth_tests::fixture;
use room_auth_tests::forge::{HEADER, NOW, PAYLOAD, attacker_key, other_key, token_by};

use unusable::{Row, rows};

#[test]
fn every_unusable_key_is_named_with_what_to_do() {
    for Row {
        name,
        text,
        found,
        advice,
    } in rows()
    {
        let error = PublicKeys::from_pem(&text).expect_err(name);
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
        let message = PublicKeys::from_pem(&text).expect_err(name).to_string();
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

/// The keys of these fixtures have the modulus of `private_pkcs8.pem`: what it signs, they verify.
#[test]
fn every_usual_spelling_of_a_key_is_understood() {
    let token = token_by(attacker_key(), HEADER, PAYLOAD);
    let spki = fixture::key("rsa_2048_spki");
    let spellings = [
        ("SPKI", spki.clone()),
        ("PKCS#1", fixture::key("rsa_2048_pkcs1")),
        ("certificate", fixture::key("rsa_2048_certificate")),
        ("CRLF", spki.replace('\n', "\r\n")),
        ("CR", spki.replace('\n', "\r")),
        ("literal \\n", spki.replace('\n', "\\n")),
        ("literal \\r\\n", spki.replace('\n', "\\r\\n")),
        ("literal \\n and line ends", spki.replace('\n', "\\n\n")),
        ("one line", spki.replace('\n', " ")),
        ("no line ends within", unwrapped(&spki)),
        ("white space around", format!("\n\n  {spki}\n  ")),
        ("no line end behind", spki.trim_end().to_owned()),
        ("quoted", format!("\"{}\"", spki.trim_end())),
        ("text before", format!("Public-Key: (2048 bit)\n{spki}")),
        ("indented", spki.replace('\n', "\n    ")),
    ];
    for (name, text) in spellings {
        let keys = PublicKeys::from_pem(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let ids: Vec<&str> = keys.iter().map(PublicKey::key_id).collect();
        assert_eq!(ids, [attacker_key().key_id()], "{name}");
        let verifier = Verifier::new(keys).with_clock(FixedClock::at(NOW));
        verifier
            .verify::<()>(&token)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
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
