//! One public key: its id, its algorithm, and what verifies.

use std::fmt;
use std::sync::OnceLock;

use jsonwebtoken::crypto::JwtVerifier as _;
use signature::Verifier as _;

use super::algorithm::Algorithm;
use super::key_error::Problem;
use super::material::Material;
use super::prepared::PreparedKey;

/// One public key, ready to verify the signatures of its one algorithm.
pub struct PublicKey {
    material: Material,
    given_id: Option<Box<str>>,
    /// Made when it is asked for: many issuers name no key.
    thumbprint: OnceLock<String>,
    prepared: PreparedKey,
}

impl PublicKey {
    pub(super) fn new(material: Material, given_id: Option<String>) -> Result<Self, Problem> {
        Ok(Self {
            prepared: material.prepare()?,
            material,
            given_id: given_id.map(Into::into),
            thumbprint: OnceLock::new(),
        })
    }

    /// Returns the key id: the `kid` of the JWK, or else the SHA-256 thumbprint of RFC 7638, base64url.
    pub fn key_id(&self) -> &str {
        self.given_id.as_deref().unwrap_or_else(|| self.thumbprint())
    }

    /// The `kid` of a JWK.
    pub(super) fn given_id(&self) -> Option<&str> {
        self.given_id.as_deref()
    }

    fn thumbprint(&self) -> &str {
        self.thumbprint.get_or_init(|| self.material.thumbprint())
    }

    pub(super) fn has_thumbprint(&self, thumbprint: &str) -> bool {
        self.thumbprint() == thumbprint
    }

    /// Returns the one algorithm that this key verifies.
    pub fn algorithm(&self) -> Algorithm {
        self.material.algorithm()
    }

    /// Returns the size of the key in bits: of the modulus of RSA, of a coordinate of a curve.
    pub fn bits(&self) -> usize {
        self.material.bits()
    }

    /// Returns whether this key verifies `signature` over `message`.
    ///
    /// For signatures of other things than tokens; a [`Verifier`](crate::Verifier) checks everything else too.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifies_decoded(message, &signature.to_vec())
    }

    /// The same without a copy: jsonwebtoken's traits take a signature in the vector that it was decoded into.
    pub(super) fn verifies_decoded(&self, message: &[u8], signature: &Vec<u8>) -> bool {
        self.prepared.verify(message, signature).is_ok()
    }

    /// Whether tokens that name this algorithm are for this key.
    pub(super) fn has_algorithm(&self, name: Option<&str>) -> bool {
        debug_assert_eq!(self.prepared.algorithm(), self.algorithm().to_jwt());
        name.is_some_and(|name| self.algorithm().is_named(name))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey")
            .field("key_id", &self.key_id())
            .field("algorithm", &self.algorithm())
            .field("bits", &self.bits())
            .finish_non_exhaustive()
    }
}
