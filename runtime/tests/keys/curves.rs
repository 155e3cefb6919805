//! Keys on curves, in PEM.

use room_auth::{Algorithm, PublicKey, PublicKeys, SigningKey};
use room_auth_forge::fixture;

#[test]
fn a_key_in_pem_fixes_its_algorithm() {
    for (name, algorithm, bits) in [
        ("rsa_2048_spki", Algorithm::Rs256, 2048),
        ("rsa_2048_certificate", Algorithm::Rs256, 2048),
        ("ec_p256", Algorithm::Es256, 256),
        ("ec_certificate", Algorithm::Es256, 256),
        ("ec_p384", Algorithm::Es384, 384),
        ("ec_p384_certificate", Algorithm::Es384, 384),
        ("ed25519", Algorithm::EdDsa, 256),
        ("ed25519_certificate", Algorithm::EdDsa, 256),
    ] {
        let keys =
            PublicKeys::from_pem(&fixture::key(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let found: Vec<_> = keys.iter().map(|key| (key.algorithm(), key.bits())).collect();
        assert_eq!(found, [(algorithm, bits)], "{name}");
    }
}

#[test]
fn openssls_private_keys_on_curves_sign_for_their_public_halves() {
    for (private, public) in [
        ("private_ec_p384", "ec_p384"),
        ("private_ec_p384", "ec_p384_certificate"),
        ("private_ed25519", "ed25519_pair_public"),
        ("private_ed25519", "ed25519_certificate"),
    ] {
        let key =
            SigningKey::from_pem(&fixture::key(private)).unwrap_or_else(|error| panic!("{private}: {error}"));
        let keys = PublicKeys::from_pem(&fixture::key(public)).unwrap();
        let public_key: &PublicKey = keys.iter().next().unwrap();
        assert_eq!(public_key.key_id(), key.key_id(), "{private}, {public}");
        let signature = key.sign(b"message").unwrap();
        assert!(public_key.verifies(b"message", &signature), "{private}, {public}");
        assert!(
            !public_key.verifies(b"messages", &signature),
            "{private}, {public}"
        );
    }
}

#[test]
fn parameters_before_a_private_key_are_ignored() {
    let key = SigningKey::from_pem(&fixture::key("ec_parameters_and_private")).unwrap();
    assert_eq!(key.algorithm(), Algorithm::Es256);
    let alone = SigningKey::from_pem(&fixture::key("private_ec")).unwrap();
    assert_eq!(alone.algorithm(), Algorithm::Es256);
}
