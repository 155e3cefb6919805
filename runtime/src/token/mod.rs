//! Tokens: the keys they are verified with, the verifier, and (feature `issuer`) who signs them.

mod key;
mod verifier;

#[cfg(feature = "issuer")]
mod issuer;
#[cfg(any(feature = "secrets-manager", feature = "kms"))]
mod remote;
#[cfg(feature = "issuer")]
mod signing_key;

pub use key::{KeyError, PUBLIC_KEY_VARIABLE, PublicKey, PublicKeys};
pub(crate) use verifier::Verified;
pub use verifier::{Verifier, VerifyError, VerifyErrorKind};

#[cfg(feature = "issuer")]
pub use issuer::{Issuer, IssuerError, Token};
#[cfg(feature = "issuer")]
pub use signing_key::{SigningKey, SigningKeyError};
