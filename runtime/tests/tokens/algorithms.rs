//! The algorithm is fixed by the key: the whole corpus for each algorithm, every confusion of two, and the forms of
//! ECDSA signatures.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use room_auth::testing::FixedClock;
use room_auth::{Algorithm, PublicKeys, SigningKey, Verifier, VerifyErrorKind};
use room_auth_forge::{
    ALGORITHMS, HEADER, NOW, PAYLOAD, b64, escaped, key, keys_for, other_key, signed, token_by,
};

use super::corpus::{Case, with_algorithm};
use super::{accepted, hostile, report};

fn header(alg: &str) -> String {
    format!(r#"{{"typ":"JWT","alg":"{alg}"}}"#)
}

fn verifier(key: &SigningKey) -> Verifier {
    let keys = PublicKeys::from_pem(&key.public_key_pem()).unwrap();
    Verifier::new(keys).with_clock(FixedClock::at(NOW))
}

/// The row as an issuer with a key of `algorithm` would have made it: the header names that algorithm where it named
/// RS256 and that key where it named ours, and what our keys have signed is signed by their counterparts.
fn translated(case: Case, algorithm: Algorithm) -> Case {
    let parts: Vec<&str> = case.token.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        return case;
    };
    let Some(text) = URL_SAFE_NO_PAD
        .decode(header)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
    else {
        return case;
    };
    let name = algorithm.as_str();
    let mut text = text.replace("\\u0052S256", &escaped(name)).replace("RS256", name);
    let ours = [key(), other_key()];
    let theirs = keys_for(algorithm);
    for (our, their) in ours.iter().zip(theirs) {
        text = text
            .replace(our.key_id(), their.key_id())
            .replace(&escaped(our.key_id()), &escaped(their.key_id()))
            .replace(&our.key_id().to_uppercase(), &their.key_id().to_uppercase());
    }
    let signing_input = format!("{header}.{payload}");
    let translated_input = format!("{}.{payload}", b64(text));
    let signer = URL_SAFE_NO_PAD.decode(signature).ok().and_then(|signature| {
        let verifies = |our: &&'static SigningKey| {
            let keys = PublicKeys::from_pem(&our.public_key_pem()).unwrap();
            keys.iter()
                .any(|key| key.verifies(signing_input.as_bytes(), &signature))
        };
        ours.iter().position(verifies)
    });
    let token = match signer {
        Some(index) => {
            let signature = theirs[index].sign(translated_input.as_bytes()).unwrap();
            format!("{translated_input}.{}", b64(signature))
        }
        None => format!("{translated_input}.{signature}"),
    };
    Case { token, ..case }
}

fn corpus_of(algorithm: Algorithm) {
    let all = [hostile(), accepted::cases()].concat();
    let count = all.len();
    let cases: Vec<Case> = all
        .into_iter()
        // The length of a signature is part of what these count; and this one names the algorithm that is right here.
        .filter(|case| {
            let names_it = case.name.starts_with("alg: ") && case.name.contains(algorithm.as_str());
            !case.name.contains(" bytes") && !names_it
        })
        .map(|case| translated(case, algorithm))
        .collect();
    assert!(cases.len() + 10 >= count, "{} of {count} rows", cases.len());
    with_algorithm(algorithm, || report(&cases));
}

#[test]
fn the_corpus_holds_for_es256() {
    corpus_of(Algorithm::Es256);
}

#[test]
fn the_corpus_holds_for_es384() {
    corpus_of(Algorithm::Es384);
}

#[test]
fn the_corpus_holds_for_eddsa() {
    corpus_of(Algorithm::EdDsa);
}

#[test]
fn a_token_is_accepted_only_for_the_algorithm_of_the_key_that_signed_it() {
    let names = [
        "RS256", "RS384", "RS512", "PS256", "HS256", "ES256", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519",
        "Ed448", "none", "es256", "EDDSA", "ed25519",
    ];
    for name in names {
        for trusted in ALGORITHMS {
            for signer in ALGORITHMS {
                let [trusted_key, _] = keys_for(trusted);
                let [signer_key, _] = keys_for(signer);
                let token = token_by(signer_key, &header(name), PAYLOAD);
                let decided = verifier(trusted_key)
                    .verify::<()>(&token)
                    .map_err(|error| error.kind());
                let is_named = name == trusted.as_str() || (trusted == Algorithm::EdDsa && name == "Ed25519");
                let expected = match (is_named, trusted == signer) {
                    (false, _) => Err(VerifyErrorKind::Algorithm),
                    (true, false) => Err(VerifyErrorKind::Signature),
                    (true, true) => Ok(()),
                };
                let decided = decided.map(|_| ());
                assert_eq!(
                    decided, expected,
                    "named {name}, key {trusted}, signed by {signer}"
                );
            }
        }
    }
}

/// All keys at once: still, no key verifies what names another's algorithm.
#[test]
fn keys_of_all_algorithms_stand_side_by_side() {
    let pem: String = ALGORITHMS
        .map(|algorithm| keys_for(algorithm)[0].public_key_pem())
        .concat();
    let verifier = Verifier::new(PublicKeys::from_pem(&pem).unwrap()).with_clock(FixedClock::at(NOW));
    for named in ALGORITHMS {
        for signer in ALGORITHMS {
            let [key, _] = keys_for(signer);
            let token = token_by(key, &header(named.as_str()), PAYLOAD);
            let decided = verifier.verify::<()>(&token).map_err(|error| error.kind());
            let expected = if named == signer {
                Ok(())
            } else {
                Err(VerifyErrorKind::Signature)
            };
            assert_eq!(decided.map(|_| ()), expected, "named {named}, signed by {signer}");

            // With `kid` the algorithm must be that of the key it names.
            let with_kid = format!(r#"{{"alg":"{named}","kid":"{}"}}"#, key.key_id());
            let token = token_by(key, &with_kid, PAYLOAD);
            let decided = verifier.verify::<()>(&token).map_err(|error| error.kind());
            let expected = if named == signer {
                Ok(())
            } else {
                Err(VerifyErrorKind::Algorithm)
            };
            assert_eq!(decided.map(|_| ()), expected, "named {named}, kid of {signer}");
        }
    }
}

#[test]
fn a_symmetric_signature_with_a_public_key_is_no_signature_for_any_kind() {
    for algorithm in ALGORITHMS {
        let [key, _] = keys_for(algorithm);
        let pem = key.public_key_pem();
        for secret in [
            pem.as_bytes(),
            pem.trim().as_bytes(),
            &room_auth_forge::pem_contents(&pem),
        ] {
            for name in ["HS256", algorithm.as_str()] {
                let token = signed(&header(name), PAYLOAD, |message| {
                    room_auth_forge::sign_hs256(secret, message)
                });
                assert!(verifier(key).verify::<()>(&token).is_err(), "{algorithm} {name}");
            }
        }
    }
}

/// The order of P-256 and of P-384 (FIPS 186-4 appendix D.1.2).
const P256_ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const P384_ORDER: &str =
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973";

fn from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

/// `ECDSA-Sig-Value` in DER, as OpenSSL and KMS write signatures.
fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let mut digits: Vec<u8> = number.iter().copied().skip_while(|digit| *digit == 0).collect();
        if digits.first().is_none_or(|first| first & 0x80 != 0) {
            digits.insert(0, 0);
        }
        [vec![2, u8::try_from(digits.len()).unwrap()], digits].concat()
    };
    let body = [integer(r), integer(s)].concat();
    [vec![0x30, u8::try_from(body.len()).unwrap()], body].concat()
}

#[test]
fn an_ecdsa_signature_has_one_form() {
    for (algorithm, order) in [(Algorithm::Es256, P256_ORDER), (Algorithm::Es384, P384_ORDER)] {
        let [key, _] = keys_for(algorithm);
        let order = from_hex(order);
        let length = order.len();
        let zero = vec![0; length];
        let header = header(algorithm.as_str());
        let message = room_auth_forge::message(&header, PAYLOAD);
        let good = key.sign(message.as_bytes()).unwrap();
        assert_eq!(good.len(), 2 * length);
        let (r, s) = good.split_at(length);
        let join = |r: &[u8], s: &[u8]| [r, s].concat();
        let ones = vec![0xff; length];
        let rows = [
            ("DER", der(r, s)),
            ("a byte short", good[..2 * length - 1].to_vec()),
            ("a byte short at the front", good[1..].to_vec()),
            ("a zero behind", [&good[..], &[0]].concat()),
            ("a zero before each number", [&[0], r, &[0], s].concat()),
            ("a zero before both", [&[0], &good[..]].concat()),
            ("r alone", r.to_vec()),
            ("twice", good.repeat(2)),
            ("r and s swapped", join(s, r)),
            ("r of 0", join(&zero, s)),
            ("s of 0", join(r, &zero)),
            ("both 0", join(&zero, &zero)),
            ("r of n", join(&order, s)),
            ("s of n", join(r, &order)),
            ("both n", join(&order, &order)),
            ("both above n", join(&ones, &ones)),
            ("r plus n, cut", join(&added(r, &order), s)),
            ("s plus n, cut", join(r, &added(s, &order))),
            ("one bit flipped", {
                let mut flipped = good.clone();
                flipped[5] ^= 1;
                flipped
            }),
            (
                "in hexadecimal",
                good.iter()
                    .flat_map(|byte| format!("{byte:02x}").into_bytes())
                    .collect(),
            ),
        ];
        let verifier = verifier(key);
        let whole = format!("{message}.{}", b64(&good));
        verifier.verify::<()>(&whole).unwrap();
        for (name, signature) in rows {
            let token = format!("{message}.{}", b64(signature));
            let error = verifier.verify::<()>(&token).expect_err(name);
            assert_eq!(error.kind(), VerifyErrorKind::Signature, "{algorithm}: {name}");
        }
    }
}

/// The sum, with the carry lost.
fn added(a: &[u8], b: &[u8]) -> Vec<u8> {
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
    digits.reverse();
    digits
}

#[test]
fn an_ed25519_signature_has_one_form() {
    let [key, _] = keys_for(Algorithm::EdDsa);
    let message = room_auth_forge::message(&header("EdDSA"), PAYLOAD);
    let good = key.sign(message.as_bytes()).unwrap();
    // The order of the group, little-endian (RFC 8032 §5.1): S + L is the twin that §5.1.7 forbids.
    let mut order = from_hex("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed");
    order.reverse();
    let (point, scalar) = good.split_at(32);
    let mut reversed: Vec<u8> = scalar.iter().rev().copied().collect();
    let mut order_be = order.clone();
    order_be.reverse();
    reversed = added(&reversed, &order_be);
    reversed.reverse();
    let rows = [
        ("S plus the order", [point, &reversed].concat()),
        ("S of the order", [point, &order].concat()),
        ("a byte short", good[..63].to_vec()),
        ("a zero behind", [&good[..], &[0]].concat()),
        ("all zeros", vec![0; 64]),
        ("the identity and zero", [vec![1], vec![0; 63]].concat()),
        ("halves swapped", [scalar, point].concat()),
        ("twice", good.repeat(2)),
    ];
    let verifier = verifier(key);
    verifier
        .verify::<()>(&format!("{message}.{}", b64(&good)))
        .unwrap();
    for (name, signature) in rows {
        let error = verifier
            .verify::<()>(&format!("{message}.{}", b64(signature)))
            .expect_err(name);
        assert_eq!(error.kind(), VerifyErrorKind::Signature, "{name}");
    }
}

#[tokio::test]
async fn an_issuer_signs_with_every_kind_of_key() {
    use room_auth::Issuer;
    for algorithm in ALGORITHMS {
        let [key, _] = keys_for(algorithm);
        let again = SigningKey::from_pem(&key.private_key_pem().unwrap()).unwrap();
        assert_eq!((again.key_id(), again.algorithm()), (key.key_id(), algorithm));
        let issuer = Issuer::new(again, std::time::Duration::from_mins(5))
            .unwrap()
            .with_clock(FixedClock::at(NOW));
        let token = issuer.issue(&"lobby".parse().unwrap(), &()).await.unwrap();
        let claims = verifier(key).verify::<()>(token.as_str()).unwrap();
        assert_eq!((claims.room_id().as_str(), claims.subject()), ("lobby", "lobby"));
        let header = URL_SAFE_NO_PAD
            .decode(token.as_str().split('.').next().unwrap())
            .unwrap();
        let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
        assert_eq!(
            header,
            serde_json::json!({"typ": "JWT", "alg": algorithm.as_str(), "kid": key.key_id()})
        );
    }
    assert!(HEADER.contains("RS256"));
}
