//! Tokens and keys of every kind that tests need: what a careless or a hostile issuer makes, and a good one.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

use std::fmt::Write as _;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256,
    RsaEncoding, RsaKeyPair,
};
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use room_auth::{Algorithm, SigningKey};

pub mod capture;
pub mod fixture;
pub mod secret;
pub mod unusable;

/// The time of all tests with a fixed clock, in seconds since the epoch: 2027-01-15T08:00:00Z.
pub const NOW: u64 = 1_800_000_000;

/// A header as our issuer and the original backend write it.
pub const HEADER: &str = r#"{"typ":"JWT","alg":"RS256"}"#;

/// A payload that every verifier of the tests accepts at [`NOW`].
pub const PAYLOAD: &str = r#"{"sub":"lobby","iat":1800000000,"exp":1800000300}"#;

/// base64url without padding.
pub fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What [`b64`] was made of.
pub fn unb64(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// The key that the tests' verifiers trust.
pub fn key() -> &'static SigningKey {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    KEY.get_or_init(|| SigningKey::from_pem(&fixture::key("trusted_private")).unwrap())
}

/// A key that only verifiers with several keys trust.
pub fn other_key() -> &'static SigningKey {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    KEY.get_or_init(|| SigningKey::from_pem(&fixture::key("other_private")).unwrap())
}

/// A key that nobody trusts.
pub fn attacker_key() -> &'static SigningKey {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    KEY.get_or_init(|| SigningKey::from_pem(&fixture::key("private_pkcs8")).unwrap())
}

/// All algorithms of tokens.
pub const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::Rs256,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::EdDsa,
];

/// Two keys of each algorithm, the trusted one and another; those of RS256 are [`key`] and [`other_key`].
pub fn keys_for(algorithm: Algorithm) -> [&'static SigningKey; 2] {
    static KEYS: OnceLock<Vec<[SigningKey; 2]>> = OnceLock::new();
    let keys = KEYS.get_or_init(|| {
        let generate = |algorithm| SigningKey::generate_for(algorithm).unwrap();
        let pairs = ALGORITHMS.map(|algorithm| match algorithm {
            Algorithm::Rs256 => [key().clone(), other_key().clone()],
            curve => [generate(curve), generate(curve)],
        });
        pairs.into()
    });
    let index = ALGORITHMS.iter().position(|known| *known == algorithm).unwrap();
    keys[index].each_ref()
}

/// The public key of an ES256 key as a JWK. Its SPKI ends with the point: x and y, 32 bytes each.
pub fn es256_jwk(key: &SigningKey) -> String {
    let pem = key.public_key_pem();
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(base64).unwrap();
    let (x, y) = der[der.len() - 64..].split_at(32);
    let (x, y, id) = (b64(x), b64(y), key.key_id());
    format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}","kid":"{id}","alg":"ES256"}}"#)
}

/// A properly signed token (RS256, [`key`]), whatever it says.
pub fn token(header: &str, payload: &str) -> String {
    token_by(key(), header, payload)
}

/// A token of [`key`] for `room` that is valid now, for five minutes.
pub fn fresh_token(room: &str) -> String {
    fresh_token_with(room, "")
}

/// The same with further members: `,"user":"alice"`.
pub fn fresh_token_with(room: &str, members: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let expires = now + 300;
    token(
        HEADER,
        &format!(r#"{{"sub":"{room}","iat":{now},"exp":{expires}{members}}}"#),
    )
}

/// A properly signed token of another key.
pub fn token_by(key: &SigningKey, header: &str, payload: &str) -> String {
    signed(header, payload, |message| key.sign(message).unwrap())
}

/// `header.payload.` and whatever `sign` makes of that.
pub fn signed(header: &str, payload: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let message = message(header, payload);
    let signature = sign(message.as_bytes());
    format!("{message}.{}", b64(signature))
}

/// A token whose parts are given as they stand, with a signature that matches.
pub fn token_of_parts(header: &str, payload: &str) -> String {
    let message = format!("{header}.{payload}");
    let signature = key().sign(message.as_bytes()).unwrap();
    format!("{message}.{}", b64(signature))
}

/// What is signed.
pub fn message(header: &str, payload: &str) -> String {
    format!("{}.{}", b64(header), b64(payload))
}

/// The same token with one bit of its signature flipped.
pub fn with_broken_signature(token: &str) -> String {
    let (message, signature) = token.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    signature[100] ^= 1;
    format!("{message}.{}", b64(signature))
}

/// Signs with the trusted key, but as another RSA algorithm: `RS384`, `RS512` or `PS256`.
pub fn sign_as(algorithm: &str, message: &[u8]) -> Vec<u8> {
    let encoding: &'static dyn RsaEncoding = match algorithm {
        "RS384" => &RSA_PKCS1_SHA384,
        "RS512" => &RSA_PKCS1_SHA512,
        "PS256" => &RSA_PSS_SHA256,
        other => panic!("{other} is no other RSA algorithm"),
    };
    let pem = key().private_key_pem().unwrap();
    let pair = RsaKeyPair::from_pkcs8(&pem_contents(&pem)).unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message, &mut signature)
        .unwrap();
    signature
}

/// HS256 with `secret`: the public key, in the well-known confusion of algorithms.
pub fn sign_hs256(secret: &[u8], message: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    hmac::sign(&key, message).as_ref().to_vec()
}

/// ES256 with a key of the moment.
pub fn sign_es256(message: &[u8]) -> Vec<u8> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    pair.sign(&SystemRandom::new(), message)
        .unwrap()
        .as_ref()
        .to_vec()
}

/// The JWK of a public key in PEM, as an attacker puts it into a header.
pub fn jwk(public_key_pem: &str) -> String {
    // SPKI of RSA: the modulus of 256 bytes stands before the five bytes of the exponent.
    let der = pem_contents(public_key_pem);
    let modulus = &der[der.len() - 5 - 256..der.len() - 5];
    format!(r#"{{"kty":"RSA","e":"AQAB","n":"{}"}}"#, b64(modulus))
}

/// The text with every letter of it written as `\u00XX`, as JSON allows.
pub fn escaped(text: &str) -> String {
    text.encode_utf16().fold(String::new(), |mut all, unit| {
        write!(all, "\\u{unit:04x}").unwrap();
        all
    })
}

/// SHA-256 of a text, base64url, as `x5t#S256` holds one.
pub fn sha256(text: &str) -> String {
    b64(digest::digest(&digest::SHA256, text.as_bytes()))
}

/// One PEM block.
pub fn pem(label: &str, der: &[u8]) -> String {
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

/// The bytes inside of one PEM block.
pub fn pem_contents(pem: &str) -> Vec<u8> {
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}
