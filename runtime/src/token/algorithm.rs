//! The algorithms of tokens: each key has exactly one.

use std::fmt;

/// A signature algorithm. It is fixed by the kind of the key; a token that names another one is refused.
///
/// ```
/// use room_auth::{Algorithm, PublicKeys};
/// # let pem = room_auth::testing::public_key_pem();
///
/// let keys = PublicKeys::from_pem(pem)?;
/// assert!(keys.iter().all(|key| key.algorithm() == Algorithm::Rs256));
/// # Ok::<_, room_auth::KeyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256: an RSA key of 2,048 to 8,192 bits.
    Rs256,
    /// ECDSA with SHA-256: a key on the curve P-256.
    Es256,
    /// ECDSA with SHA-384: a key on the curve P-384.
    Es384,
    /// `EdDSA`: an Ed25519 key.
    EdDsa,
}

impl Algorithm {
    /// Returns the name that stands as `alg` in tokens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Whether `name` names this algorithm. Ed25519 has two names: RFC 8037's and that of RFC 9864.
    pub(super) fn is_named(self, name: &str) -> bool {
        self.as_str() == name || (self == Self::EdDsa && name == "Ed25519")
    }

    pub(super) fn to_jwt(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::Es384 => jsonwebtoken::Algorithm::ES384,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
