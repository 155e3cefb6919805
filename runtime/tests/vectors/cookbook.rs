//! The examples of the RFCs: they verify, and are refused only for their claims, which are no room's.

use room_auth::testing::FixedClock;
use room_auth::{PublicKeys, Verifier, VerifyErrorKind};
use room_auth_forge::fixture;
use room_auth_forge::{NOW, with_broken_signature};
use serde_json::{Value, json};

use super::{keys_of, read};

fn kind(keys: &PublicKeys, token: &str) -> VerifyErrorKind {
    let verifier = Verifier::new(keys.clone()).with_clock(FixedClock::at(NOW));
    verifier.verify::<()>(token).unwrap_err().kind()
}

/// The RFCs print whole key pairs of RSA.
fn public_half(pair: &Value) -> Value {
    json!({"kty": "RSA", "n": pair["n"], "e": pair["e"]})
}

fn assert_only_the_claims_are_refused(jwk: &Value, token: &str) {
    let keys = keys_of(&public_half(jwk)).unwrap();
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

/// The compact serialization as it stands in the RFC.
#[test]
fn the_signature_of_rfc_7515_a_3_verifies() {
    let jwk = json!({"kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"});
    let token = "eyJhbGciOiJFUzI1NiJ9\
                 .eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ\
                 .DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let keys = keys_of(&jwk).unwrap();
    assert_eq!(kind(&keys, token), VerifyErrorKind::Claims);
    assert_eq!(
        kind(&keys, &token.replacen(".Dt", ".Du", 1)),
        VerifyErrorKind::Signature
    );
}

/// The payload is a text and no JSON: the signature verifies, and then there are no claims.
#[test]
fn the_signature_of_rfc_8037_a_4_verifies() {
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc\
                 .hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let keys = keys_of(&jwk).unwrap();
    assert_eq!(kind(&keys, token), VerifyErrorKind::Claims);
    assert_eq!(
        kind(&keys, &token.replacen(".hg", ".hh", 1)),
        VerifyErrorKind::Signature
    );
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
    let keys = keys_of(&public_half(&rs256["input"]["key"])).unwrap();
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
