//! Wycheproof's `ecdsa_secp{256r1_sha256,384r1_sha384}_p1363_test.json` and `ed25519_test.json`, through the prepared
//! keys, which are read as PEM and as JWK.

use room_auth::{Algorithm, PublicKeys};

use super::pkcs1::bytes;
use super::{keys_of, read};

#[test]
#[ignore = "reads the vectors that ROOM_AUTH_VECTORS names"]
fn es256_decides_on_every_signature_as_wycheproof_does() {
    decide_all("ecdsa_secp256r1_sha256_p1363_test", Algorithm::Es256);
}

#[test]
#[ignore = "reads the vectors that ROOM_AUTH_VECTORS names"]
fn es384_decides_on_every_signature_as_wycheproof_does() {
    decide_all("ecdsa_secp384r1_sha384_p1363_test", Algorithm::Es384);
}

#[test]
#[ignore = "reads the vectors that ROOM_AUTH_VECTORS names"]
fn eddsa_decides_on_every_signature_as_wycheproof_does() {
    decide_all("ed25519_test", Algorithm::EdDsa);
}

fn decide_all(name: &str, algorithm: Algorithm) {
    let file = read(&format!("wycheproof/{name}.json"));
    let (mut valid, mut invalid, mut jwks) = (0, 0, 0);
    for group in file["testGroups"].as_array().unwrap() {
        let mut read_as = vec![PublicKeys::from_pem(group["publicKeyPem"].as_str().unwrap()).unwrap()];
        if group["publicKeyJwk"].is_object() {
            read_as.push(keys_of(&group["publicKeyJwk"]).unwrap());
            jwks += 1;
        }
        for test in group["tests"].as_array().unwrap() {
            let (message, signature) = (bytes(&test["msg"]), bytes(&test["sig"]));
            let expected = test["result"] == "valid";
            for keys in &read_as {
                let key = keys.iter().next().unwrap();
                assert_eq!(key.algorithm(), algorithm);
                assert_eq!(
                    key.verifies(&message, &signature),
                    expected,
                    "{name} tcId {}: {}",
                    test["tcId"],
                    test["comment"]
                );
            }
            if expected {
                valid += 1;
            } else {
                invalid += 1;
            }
        }
    }
    assert_eq!(valid + invalid, file["numberOfTests"].as_u64().unwrap());
    assert!(
        valid >= 50 && invalid >= 50 && jwks >= 50,
        "{valid} valid, {invalid} invalid, {jwks} JWKs"
    );
}
