//! Tokens: the keys that verify them, given or (feature `jwks`) fetched, the verifier, and (feature `issuer`) who signs them.
//!
//! # What is guaranteed
//!
//! - A token is accepted only if a configured key signed it, by the one algorithm of that key. The token chooses
//!   neither the key nor the algorithm; `kid` only says which of the configured keys is meant.
//! - The checks are made in the order of [`VerifyErrorKind`]; nothing of the payload is read before the signature
//!   verifies. A token has one spelling, and no member twice, so that no two readers understand it differently.
//! - Keys are parsed and checked once. A key that is weak, of another kind, or known to the public is refused at
//!   init, with what was found and what to do.
//! - No error and no log line holds any part of a token or of a key. Buffers of private keys are wiped.
//!
//! # What is not
//!
//! - A token is a bearer token: whoever has it may connect until it expires. Only a registry can know that it
//!   was used before, or was revoked: see [`rooms`](crate::rooms).
//! - Keys that an issuer publishes are trusted as they were fetched last, however long ago that was.
//! - Certificates of keys only carry a key: their dates and issuers are ignored.
//! - The clock of the machine is trusted. By one that is set before 1970 no token is valid.
//! - pem and aws-lc-rs decode keys in buffers of their own, which are not wiped.

mod algorithm;
mod compact;
mod der;
mod error;
mod jwk;
#[cfg(feature = "jwks")]
mod jwks;
mod key_error;
mod keys;
mod material;
mod normalize;
mod options;
mod prepared;
mod public_key;
mod public_keys;
mod room_source;
mod rules;
mod verifier;

#[cfg(feature = "issuer")]
mod issued;
#[cfg(feature = "issuer")]
mod issuer;
#[cfg(any(feature = "secrets-manager", feature = "kms"))]
mod remote;
#[cfg(feature = "issuer")]
mod signing_key;

pub use algorithm::Algorithm;
pub use error::{VerifyError, VerifyErrorKind};
#[cfg(feature = "jwks")]
pub use jwks::{JWKS_URL_ENV, JWT_AUDIENCE_ENV, JWT_ISSUER_ENV, Jwks};
pub use key_error::KeyError;
pub use public_key::PublicKey;
pub use public_keys::{PUBLIC_KEY_ENV, PublicKeys};
pub(crate) use room_source::ROOM_PARAMETER;
pub use room_source::{RoomSource, TokenClaims};
pub(crate) use verifier::Verified;
pub use verifier::Verifier;

#[cfg(feature = "issuer")]
pub use error::{IssuerError, SigningKeyError};
#[cfg(feature = "issuer")]
pub use issued::Token;
#[cfg(feature = "issuer")]
pub use issuer::Issuer;
#[cfg(feature = "issuer")]
pub use signing_key::SigningKey;
