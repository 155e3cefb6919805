//! The examples of the RFCs: they verify, and are refused only for their claims, which are no room's.

use room_auth::testing::FixedClock;
use room_auth::{PublicKeys, Verifier, VerifyErrorKind};
use room_auth_forge::fixture;
use room_auth_forge::{NOW, with_broken_signature};
use serde_json::Value;

use super::{keys_of, read};

fn kind(keys: &PublicKeys, token: &str) -> VerifyErrorKind {
    let verifier = Verifier::new(keys.clone()).with_clock(FixedClock::at(NOW));
    verifier.verify::<()>(token).unwrap_err().kind()
}

fn assert_only_the_claims_are_refused(jwk: &Value, token: &str) {
    let keys = keys_of(jwk).unwrap();
    assert_eq!(kind(&keys, token), VerifyErrorKind::Claims);
    assert_eq!(
        kind(&keys, &with_broken_signature(token)),
        VerifyErrorKind::Signature
    );
}

#[test]
fn the_signature_of_rfc_7515_a_2_verifies() {
    let example: Value = serde_json::from_str(&fixture::text("rfc7515_a2.json")).unwrap();
    let part = |name: &str| example[name].as_str().unwrap();
    let token = format!("{}.{}.{}", part("header"), part("payload"), part("signature"));
    assert_only_the_claims_are_refused(&example, &token);
}

#[test]
#[ignore = "reads the vectors that ROOM_AUTH_VECTORS names"]
fn the_signature_of_rfc_7520_4_1_verifies() {
    let example = read("cookbook/4_1.rsa_v15_signature.json");
    let token = example["output"]["compact"].as_str().unwrap();
    assert_only_the_claims_are_refused(&example["input"]["key"], token);
}

#[test]
#[ignore = "reads the vectors that ROOM_AUTH_VECTORS names"]
fn the_other_signatures_of_rfc_7520_are_refused_before() {
    let rs256 = read("cookbook/4_1.rsa_v15_signature.json");
    let keys = keys_of(&rs256["input"]["key"]).unwrap();
    let rows = [
        ("4_2.rsa-pss_signature", VerifyErrorKind::Algorithm),
        ("4_3.ecdsa_signature", VerifyErrorKind::Algorithm),
        ("4_4.hmac-sha2_integrity_protection", VerifyErrorKind::Algorithm),
        ("4_5.signature_with_detached_content", VerifyErrorKind::Malformed),
    ];
    for (name, expected) in rows {
        let example = read(&format!("cookbook/{name}.json"));
        let token = example["output"]["compact"].as_str().unwrap();
        assert_eq!(kind(&keys, token), expected, "{name}");
    }
}
