//! The seam between jsonwebtoken's signer and verifier traits and the parsed keys of aws-lc-rs.
//!
//! jsonwebtoken says what a signer and a verifier of tokens are; aws-lc-rs keeps a key parsed from one token to the
//! next. None of their types is in the public API.

use aws_lc_rs::signature::ParsedPublicKey;
use jsonwebtoken::Algorithm;
use jsonwebtoken::crypto::JwtVerifier;
use signature::Verifier;

#[cfg(feature = "issuer")]
pub(super) use signing::SigningPair;

/// A public key, ready to verify, and the one algorithm that it verifies.
pub(super) struct PreparedKey {
    algorithm: Algorithm,
    parsed: ParsedPublicKey,
}

impl PreparedKey {
    pub(super) fn new(algorithm: Algorithm, parsed: ParsedPublicKey) -> Self {
        Self { algorithm, parsed }
    }
}

impl Verifier<Vec<u8>> for PreparedKey {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        self.parsed
            .verify_sig(message, signature)
            .map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for PreparedKey {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

#[cfg(feature = "issuer")]
mod signing {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
    use jsonwebtoken::Algorithm;
    use jsonwebtoken::crypto::JwtSigner;
    use signature::Signer;

    /// A private key, ready to sign.
    pub(in crate::token) struct SigningPair(pub(in crate::token) RsaKeyPair);

    impl Signer<Vec<u8>> for SigningPair {
        fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
            let mut signature = vec![0; self.0.public_modulus_len()];
            self.0
                .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                .map_err(|_| signature::Error::new())?;
            Ok(signature)
        }
    }

    impl JwtSigner for SigningPair {
        fn algorithm(&self) -> Algorithm {
            Algorithm::RS256
        }
    }
}
