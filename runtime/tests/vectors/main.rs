//! The published test vectors: Wycheproof's, those of RFC 7520, and the one of RFC 7515.
//!
//! The first two are read from the folder that `ROOM_AUTH_VECTORS` names (relative to the workspace), with
//! `wycheproof/` and `cookbook/` in it:
//!
//! ```text
//! ROOM_AUTH_VECTORS=../vectors cargo test -p room-auth --test vectors -- --ignored
//! ```
#![allow(clippy::unwrap_used)]

mod cookbook;
mod jws;
mod pkcs1;

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use room_auth::PublicKeys;
use room_auth_forge::pem;
use serde_json::Value;

fn read(file: &str) -> Value {
    let folder =
        std::env::var_os("ROOM_AUTH_VECTORS").expect("ROOM_AUTH_VECTORS names the folder of the vectors");
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(folder)
        .join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn decoded(base64url: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(base64url.as_str().unwrap()).unwrap()
}

/// The keys of one JWK, by way of PEM.
fn keys_of(jwk: &Value) -> Result<PublicKeys, room_auth::KeyError> {
    let components = [decoded(&jwk["n"]), decoded(&jwk["e"])].map(|number| integer(&number));
    PublicKeys::from_pem(&pem("RSA PUBLIC KEY", &tlv(0x30, &components.concat())))
}

/// A DER INTEGER that is not negative.
fn integer(big_endian: &[u8]) -> Vec<u8> {
    let digits = big_endian.iter().copied().skip_while(|digit| *digit == 0);
    let mut digits: Vec<u8> = digits.collect();
    if digits.first().is_none_or(|first| first & 0x80 != 0) {
        digits.insert(0, 0);
    }
    tlv(0x02, &digits)
}

fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let mut der = vec![tag];
    if length < 0x80 {
        der.push(u8::try_from(length).unwrap());
    } else {
        let length: Vec<u8> = length
            .to_be_bytes()
            .into_iter()
            .skip_while(|byte| *byte == 0)
            .collect();
        der.push(0x80 | u8::try_from(length.len()).unwrap());
        der.extend(length);
    }
    der.extend(contents);
    der
}
