//! The seam between jsonwebtoken's signer and verifier traits and the parsed keys of aws-lc-rs.
//!
//! jsonwebtoken says what a signer and a verifier of tokens are; aws-lc-rs keeps a key parsed from one token to the
//! next. None of their types is in the public API.

use aws_lc_rs::signature::ParsedPublicKey;
use jsonwebtoken::crypto::JwtVerifier;
use signature::Verifier;

use super::algorithm::Algorithm;

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
    fn algorithm(&self) -> jsonwebtoken::Algorithm {
        self.algorithm.to_jwt()
    }
}

#[cfg(feature = "issuer")]
mod signing {
    use aws_lc_rs::encoding::AsDer;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
        KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    };
    use jsonwebtoken::crypto::JwtSigner;
    use signature::{Error, Signer};
    use zeroize::Zeroizing;

    use crate::token::algorithm::Algorithm;

    /// A private key, ready to sign.
    pub(in crate::token) enum SigningPair {
        Rsa(Box<RsaKeyPair>),
        Ecdsa(Algorithm, EcdsaKeyPair),
        Ed25519(Ed25519KeyPair),
    }

    impl SigningPair {
        pub(in crate::token) fn generate(algorithm: Algorithm) -> Option<Self> {
            Some(match algorithm {
                Algorithm::Rs256 => Self::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).ok()?)),
                Algorithm::Es256 => Self::Ecdsa(
                    algorithm,
                    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok()?,
                ),
                Algorithm::Es384 => Self::Ecdsa(
                    algorithm,
                    EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).ok()?,
                ),
                Algorithm::EdDsa => Self::Ed25519(Ed25519KeyPair::generate().ok()?),
            })
        }

        /// Reads PKCS#8 (RFC 5958), which names the kind of the key.
        pub(in crate::token) fn from_pkcs8(der: &[u8]) -> Option<Self> {
            let rsa = || Some(Self::Rsa(Box::new(RsaKeyPair::from_pkcs8(der).ok()?)));
            let p256 = || {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).ok()?;
                Some(Self::Ecdsa(Algorithm::Es256, pair))
            };
            let p384 = || {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, der).ok()?;
                Some(Self::Ecdsa(Algorithm::Es384, pair))
            };
            // OpenSSL leaves the public half out, which is then computed.
            let ed25519 = || {
                Some(Self::Ed25519(
                    Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok()?,
                ))
            };
            rsa().or_else(p256).or_else(p384).or_else(ed25519)
        }

        /// Reads PKCS#1 (RFC 8017 appendix A.1.2).
        pub(in crate::token) fn from_pkcs1(der: &[u8]) -> Option<Self> {
            Some(Self::Rsa(Box::new(RsaKeyPair::from_der(der).ok()?)))
        }

        /// Reads `ECPrivateKey` of RFC 5915.
        pub(in crate::token) fn from_sec1(der: &[u8]) -> Option<Self> {
            [
                (Algorithm::Es256, &ECDSA_P256_SHA256_FIXED_SIGNING),
                (Algorithm::Es384, &ECDSA_P384_SHA384_FIXED_SIGNING),
            ]
            .into_iter()
            .find_map(|(algorithm, curve)| {
                Some(Self::Ecdsa(
                    algorithm,
                    EcdsaKeyPair::from_private_key_der(curve, der).ok()?,
                ))
            })
        }

        pub(in crate::token) fn algorithm(&self) -> Algorithm {
            match self {
                Self::Rsa(_) => Algorithm::Rs256,
                Self::Ecdsa(algorithm, _) => *algorithm,
                Self::Ed25519(_) => Algorithm::EdDsa,
            }
        }

        /// The public half as SPKI.
        pub(in crate::token) fn public_der(&self) -> Option<Vec<u8>> {
            let der = match self {
                Self::Rsa(pair) => pair.public_key().as_der(),
                Self::Ecdsa(_, pair) => pair.public_key().as_der(),
                Self::Ed25519(pair) => pair.public_key().as_der(),
            };
            Some(der.ok()?.as_ref().to_vec())
        }

        /// The private half as PKCS#8.
        pub(in crate::token) fn private_der(&self) -> Option<Zeroizing<Vec<u8>>> {
            Some(Zeroizing::new(match self {
                Self::Rsa(pair) => pair.as_der().ok()?.as_ref().to_vec(),
                Self::Ecdsa(_, pair) => pair.to_pkcs8v1().ok()?.as_ref().to_vec(),
                Self::Ed25519(pair) => pair.to_pkcs8v1().ok()?.as_ref().to_vec(),
            }))
        }
    }

    impl Signer<Vec<u8>> for SigningPair {
        fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
            let random = SystemRandom::new();
            match self {
                Self::Rsa(pair) => {
                    let mut signature = vec![0; pair.public_modulus_len()];
                    pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                        .map(|()| signature)
                }
                Self::Ecdsa(_, pair) => pair
                    .sign(&random, message)
                    .map(|signature| signature.as_ref().to_vec()),
                Self::Ed25519(pair) => pair
                    .try_sign(message)
                    .map(|signature| signature.as_ref().to_vec()),
            }
            .map_err(|_| Error::new())
        }
    }

    impl JwtSigner for SigningPair {
        fn algorithm(&self) -> jsonwebtoken::Algorithm {
            self.algorithm().to_jwt()
        }
    }
}
