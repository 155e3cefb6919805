//! The published test vectors: Wycheproof's, those of RFC 7520, and those of RFC 7515 and RFC 8037.
//!
//! The first two are read from the folder that `ROOM_AUTH_VECTORS` names (relative to the workspace), with
//! `wycheproof/` and `cookbook/` in it:
//!
//! ```text
//! ROOM_AUTH_VECTORS=../vectors cargo test -p room-auth --test vectors -- --ignored
//! ```
#![allow(clippy::unwrap_used)]

mod cookbook;
mod curves;
mod jws;
mod pkcs1;

use std::path::Path;

use room_auth::PublicKeys;
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

/// The keys of one JWK.
fn keys_of(jwk: &Value) -> Result<PublicKeys, room_auth::KeyError> {
    PublicKeys::from_jwk(&jwk.to_string())
}
