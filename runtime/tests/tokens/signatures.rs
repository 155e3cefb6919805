//! Step 4: tokens that are fine in every other way, but not signed by the key that must have signed them.

use room_auth::VerifyErrorKind::Signature;
use room_auth_forge::{
    HEADER, PAYLOAD, attacker_key, b64, escaped, jwk, key, other_key, pem_contents, sha256, sign_as,
    sign_hs256, signed, token, token_by, with_broken_signature,
};

use super::corpus::{Case, Verify, eight_keys, refused, two_keys, with_header, with_header_by_other};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = [forged(), moved(), keys_in_the_token()]
        .concat()
        .into_iter()
        .map(|(name, token)| refused(format!("signature: {name}"), token, Signature))
        .collect();
    cases.extend(named_keys());
    cases
}

type Row = (&'static str, String);

fn forged() -> Vec<Row> {
    let with = |signature: Vec<u8>| signed(HEADER, PAYLOAD, |_| signature);
    let good = |message: &[u8]| key().sign(message).unwrap();
    let digest = |message: &[u8]| sha256(&String::from_utf8_lossy(message)).into_bytes();
    vec![
        ("of another key", token_by(attacker_key(), HEADER, PAYLOAD)),
        (
            "of a key that others trust",
            token_by(other_key(), HEADER, PAYLOAD),
        ),
        ("one bit flipped", with_broken_signature(&token(HEADER, PAYLOAD))),
        ("all zeros", with(vec![0; 256])),
        ("all ones", with(vec![0xff; 256])),
        ("the number one", with([vec![0; 255], vec![1]].concat())),
        ("one byte", with(vec![1])),
        ("the modulus", with(modulus())),
        ("the modulus less one", with(less_one(modulus()))),
        ("the digest alone", signed(HEADER, PAYLOAD, digest)),
        (
            "without its last byte",
            signed(HEADER, PAYLOAD, |message| good(message)[..255].to_vec()),
        ),
        (
            "without its first byte",
            signed(HEADER, PAYLOAD, |message| good(message)[1..].to_vec()),
        ),
        (
            "a zero before",
            signed(HEADER, PAYLOAD, |message| [vec![0], good(message)].concat()),
        ),
        (
            "a zero behind",
            signed(HEADER, PAYLOAD, |message| [good(message), vec![0]].concat()),
        ),
        (
            "twice",
            signed(HEADER, PAYLOAD, |message| good(message).repeat(2)),
        ),
        (
            "backwards",
            signed(HEADER, PAYLOAD, |message| {
                good(message).into_iter().rev().collect()
            }),
        ),
        (
            "the modulus added",
            signed(HEADER, PAYLOAD, |message| sum(&good(message), &modulus())),
        ),
        (
            "of RS384, called RS256",
            signed(HEADER, PAYLOAD, |message| sign_as("RS384", message)),
        ),
        (
            "of RS512, called RS256",
            signed(HEADER, PAYLOAD, |message| sign_as("RS512", message)),
        ),
        (
            "of PS256, called RS256",
            signed(HEADER, PAYLOAD, |message| sign_as("PS256", message)),
        ),
        (
            "in hexadecimal",
            signed(HEADER, PAYLOAD, |message| hex(&good(message))),
        ),
        (
            "of HS256 with the public key, called RS256",
            signed(HEADER, PAYLOAD, |message| {
                sign_hs256(key().public_key_pem().as_bytes(), message)
            }),
        ),
    ]
}

/// A good signature, over something else.
fn moved() -> Vec<Row> {
    let signature_over = |message: &str| b64(key().sign(message.as_bytes()).unwrap());
    let (header, payload) = (b64(HEADER), b64(PAYLOAD));
    let other_room = b64(PAYLOAD.replace("lobby", "staff"));
    let later = b64(PAYLOAD.replace("1800000300", "1800003000"));
    let bare = b64(r#"{"alg":"RS256"}"#);
    let whole = signature_over(&format!("{header}.{payload}"));
    vec![
        (
            "of another room's token",
            format!("{header}.{other_room}.{whole}"),
        ),
        (
            "of a token with an earlier end",
            format!("{header}.{later}.{whole}"),
        ),
        (
            "of a token with another header",
            format!("{bare}.{payload}.{whole}"),
        ),
        (
            "of the header alone",
            format!("{header}.{payload}.{}", signature_over(&header)),
        ),
        (
            "of the payload alone",
            format!("{header}.{payload}.{}", signature_over(&payload)),
        ),
        (
            "with the last dot",
            format!(
                "{header}.{payload}.{}",
                signature_over(&format!("{header}.{payload}."))
            ),
        ),
        (
            "without the dot",
            format!(
                "{header}.{payload}.{}",
                signature_over(&format!("{header}{payload}"))
            ),
        ),
        (
            "of what the parts decode to",
            format!(
                "{header}.{payload}.{}",
                signature_over(&format!("{HEADER}.{PAYLOAD}"))
            ),
        ),
        ("with header and payload swapped", {
            let whole = signature_over(&format!("{payload}.{header}"));
            format!("{header}.{payload}.{whole}")
        }),
    ]
}

/// Where a token brings its own key, it is not used.
fn keys_in_the_token() -> Vec<Row> {
    let pem = attacker_key().public_key_pem();
    let certificate = room_auth_forge::fixture::key("rsa_2048_certificate");
    let x5c = base64_standard(&pem_contents(&certificate));
    let by_attacker = |members: String| {
        let header = format!(r#"{{"typ":"JWT","alg":"RS256",{members}}}"#);
        token_by(attacker_key(), &header, PAYLOAD)
    };
    let kid = |kid: &str| format!(r#""kid":"{kid}""#);
    vec![
        (
            "of the key in jwk",
            by_attacker(format!(r#""jwk":{}"#, jwk(&pem))),
        ),
        (
            "of the key behind jku",
            by_attacker(r#""jku":"https://attacker.example/jwks.json""#.into()),
        ),
        ("of the key in x5c", by_attacker(format!(r#""x5c":["{x5c}"]"#))),
        (
            "of the key behind x5u",
            by_attacker(r#""x5u":"https://attacker.example/cert.pem""#.into()),
        ),
        (
            "of the certificate in x5t",
            by_attacker(format!(r#""x5t#S256":"{}""#, sha256(&certificate))),
        ),
        (
            "of the key that kid names, which is not configured",
            by_attacker(kid(attacker_key().key_id())),
        ),
        ("of a key whose kid is ours", by_attacker(kid(key().key_id()))),
        ("of a key whose kid is a path", by_attacker(kid("../../dev/null"))),
        (
            "of a key whose kid is SQL",
            by_attacker(kid("x' UNION SELECT 'key")),
        ),
        ("of a key whose kid is empty", by_attacker(kid(""))),
        (
            "of the key in jwk, with our kid in and around it",
            by_attacker(format!(r#"{},"jwk":{}"#, kid(key().key_id()), jwk(&pem))),
        ),
    ]
}

/// `kid` binds: once it names a key, no other key is tried.
fn named_keys() -> Vec<Case> {
    let naming = |id: &str| format!(r#"{{"typ":"JWT","alg":"RS256","kid":"{id}"}}"#);
    let (first, second) = (key().key_id(), other_key().key_id());
    let escaped = escaped(first);
    let rows: [(&str, String, Verify); 7] = [
        (
            "names the first, the second signed",
            with_header_by_other(&naming(first)),
            two_keys,
        ),
        (
            "names the second, the first signed",
            with_header(&naming(second)),
            two_keys,
        ),
        (
            "names the first in escapes, the second signed",
            with_header_by_other(&naming(&escaped)),
            two_keys,
        ),
        (
            "names nobody, nobody signed",
            token_by(attacker_key(), &naming("unknown"), PAYLOAD),
            two_keys,
        ),
        (
            "is absent, nobody signed",
            token_by(attacker_key(), HEADER, PAYLOAD),
            two_keys,
        ),
        (
            "is absent, nobody of eight signed",
            token_by(attacker_key(), HEADER, PAYLOAD),
            eight_keys,
        ),
        (
            "names one of eight, another signed",
            with_header(&naming(second)),
            eight_keys,
        ),
    ];
    rows.map(|(name, token, verify)| refused(format!("kid: {name}"), token, Signature).by(verify))
        .into()
}

fn modulus() -> Vec<u8> {
    let der = pem_contents(&key().public_key_pem());
    der[der.len() - 5 - 256..der.len() - 5].to_vec()
}

fn less_one(mut number: Vec<u8>) -> Vec<u8> {
    // A modulus is odd.
    *number.last_mut().unwrap() -= 1;
    number
}

/// The same residue, one multiple of the modulus higher; one byte longer where it overflows.
fn sum(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let mut digits: Vec<u8> = a
        .iter()
        .zip(b)
        .rev()
        .map(|(a, b)| {
            let sum = u16::from(*a) + u16::from(*b) + carry;
            carry = sum >> 8;
            sum.to_be_bytes()[1]
        })
        .collect();
    if carry > 0 {
        digits.push(1);
    }
    digits.reverse();
    digits
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes
        .iter()
        .flat_map(|byte| format!("{byte:02x}").into_bytes())
        .collect()
}

fn base64_standard(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
