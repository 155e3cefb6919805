//! What a public key is made of, whatever text it came in: checked, named, and prepared to verify.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use x509_cert::der::asn1::{AnyRef, UintRef};
use x509_cert::der::{self, Encode as _, Tag};

use super::algorithm::Algorithm;
use super::key_error::Problem;
use super::prepared::PreparedKey;

/// 65537, big-endian: the public exponent of practically every key.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// The curves of ECDSA that tokens may be signed on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
}

impl Curve {
    /// The length of a coordinate in bytes.
    pub(super) fn len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
        }
    }
}

/// The numbers of a public key.
pub(super) enum Material {
    /// The modulus, big-endian without leading zeros; the exponent is 65537.
    Rsa(Box<[u8]>),
    /// An uncompressed point: 4, x, y.
    Ec(Curve, Box<[u8]>),
    Ed25519([u8; 32]),
}

impl Material {
    /// Checks an RSA key: both numbers without leading zeros.
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, Problem> {
        let bits = bit_length(modulus);
        if !(2048..=8192).contains(&bits) {
            return Err(Problem::Size(bits));
        }
        if modulus.last().is_none_or(|byte| byte % 2 == 0) {
            return Err(Problem::EvenModulus);
        }
        if exponent != EXPONENT {
            return Err(Problem::Exponent);
        }
        Ok(Self::Rsa(modulus.into()))
    }

    /// Checks the form of a point (SEC 1 §2.3.3); that it lies on the curve is checked by [`prepare`](Self::prepare).
    pub(super) fn point(curve: Curve, point: &[u8]) -> Result<Self, Problem> {
        match point.first() {
            Some(4) if point.len() == 1 + 2 * curve.len() => Ok(Self::Ec(curve, point.into())),
            Some(2 | 3) if point.len() == 1 + curve.len() => Err(Problem::CompressedPoint),
            _ => Err(Problem::BrokenDer("an elliptic-curve key")),
        }
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa(_) => Algorithm::Rs256,
            Self::Ec(Curve::P256, _) => Algorithm::Es256,
            Self::Ec(Curve::P384, _) => Algorithm::Es384,
            Self::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// The length of the modulus, or of a coordinate.
    pub(super) fn bits(&self) -> usize {
        match self {
            Self::Rsa(modulus) => bit_length(modulus),
            Self::Ec(curve, _) => curve.len() * 8,
            Self::Ed25519(_) => 256,
        }
    }

    /// Parses the key once, for all tokens. Only what a key's own kind needs is touched.
    pub(super) fn prepare(&self) -> Result<PreparedKey, Problem> {
        let parsed = match self {
            Self::Rsa(modulus) => encode_pkcs1(modulus, &EXPONENT)
                .ok()
                .and_then(|der| ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der).ok())
                .ok_or(Problem::BrokenDer("an RSA public key")),
            Self::Ec(Curve::P256, point) => {
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| Problem::OffCurve)
            }
            Self::Ec(Curve::P384, point) => {
                ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).map_err(|_| Problem::OffCurve)
            }
            Self::Ed25519(key) => ParsedPublicKey::new(&ED25519, key).map_err(|_| Problem::OffCurve),
        };
        Ok(PreparedKey::new(self.algorithm(), parsed?))
    }

    /// The SHA-256 thumbprint of RFC 7638 (RFC 8037 §2 for Ed25519), base64url.
    pub(super) fn thumbprint(&self) -> String {
        let encode = |bytes| URL_SAFE_NO_PAD.encode::<&[u8]>(bytes);
        let jwk = match self {
            Self::Rsa(modulus) => {
                format!(
                    r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#,
                    encode(&EXPONENT),
                    encode(modulus)
                )
            }
            Self::Ec(curve, point) => {
                let (x, y) = point[1..].split_at(curve.len());
                let (name, x, y) = (curve.name(), encode(x), encode(y));
                format!(r#"{{"crv":"{name}","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            Self::Ed25519(key) => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, encode(key)),
        };
        encode(digest::digest(&digest::SHA256, jwk.as_bytes()).as_ref())
    }
}

/// The PKCS#1 form of an RSA public key, which aws-lc-rs parses.
fn encode_pkcs1(modulus: &[u8], exponent: &[u8]) -> der::Result<Vec<u8>> {
    let numbers = [
        UintRef::new(modulus)?.to_der()?,
        UintRef::new(exponent)?.to_der()?,
    ]
    .concat();
    AnyRef::new(Tag::Sequence, &numbers)?.to_der()
}

fn bit_length(big_endian: &[u8]) -> usize {
    big_endian
        .first()
        .map_or(0, |first| big_endian.len() * 8 - first.leading_zeros() as usize)
}
