//! Wycheproof's `rsa_signature_{2048,3072,4096}_sha256_test.json`, through the prepared key.

use room_auth::PublicKeys;
use serde_json::Value;

use super::read;

#[test]
#[ignore = "reads the vectors that ROOM_AUTH_VECTORS names"]
fn the_prepared_key_decides_on_every_signature_as_wycheproof_does() {
    for size in [2048, 3072, 4096] {
        let file = read(&format!("wycheproof/rsa_signature_{size}_sha256_test.json"));
        let (mut valid, mut invalid, mut refused_keys) = (0, 0, 0);
        for group in file["testGroups"].as_array().unwrap() {
            let keys = PublicKeys::from_pem(group["publicKeyPem"].as_str().unwrap());
            let tests = group["tests"].as_array().unwrap();
            if group["publicKey"]["publicExponent"] != "010001" {
                let error = keys.unwrap_err().to_string();
                assert!(error.contains("public exponent is not 65537"), "{error}");
                refused_keys += tests.len();
                continue;
            }
            let keys = keys.unwrap();
            let key = keys.iter().next().unwrap();
            assert_eq!(key.bits(), size);
            for test in tests {
                let (message, signature) = (bytes(&test["msg"]), bytes(&test["sig"]));
                let verifies = key.verifies(&message, &signature);
                // "acceptable" are encodings that a lenient verifier may take: none of ours.
                assert_eq!(
                    verifies,
                    test["result"] == "valid",
                    "{size} tcId {}: {}",
                    test["tcId"],
                    test["comment"]
                );
                if verifies {
                    valid += 1;
                } else {
                    invalid += 1;
                }
            }
        }
        let all = usize::try_from(file["numberOfTests"].as_u64().unwrap()).unwrap();
        assert_eq!(valid + invalid + refused_keys, all, "{size}");
        assert!(
            valid >= 5 && invalid >= 200,
            "{size}: {valid} valid, {invalid} invalid"
        );
    }
}

pub(crate) fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}
