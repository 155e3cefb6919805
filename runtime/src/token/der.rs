//! Public keys in DER, taken apart as far as the key's kind, its thumbprint and the rules for RSA need it.

use x509_cert::Certificate;
use x509_cert::der::asn1::{ObjectIdentifier, UintRef};
use x509_cert::der::{self, Decode, Encode, Reader, SliceReader};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::key_error::Problem;
use super::material::{Curve, Material};

/// rsaEncryption (RFC 8017 appendix A.1).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// id-RSASSA-PSS: a key bound to another signature scheme than RS256's.
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
/// id-ecPublicKey (RFC 5480 §2.1.1), and its two curves that are taken.
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
/// id-Ed25519 (RFC 8410 §3).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Reads the contents of one PEM block.
pub(super) fn read_block(label: &str, der: &[u8]) -> Result<Material, Problem> {
    match label {
        "PUBLIC KEY" => read_spki(der),
        "RSA PUBLIC KEY" => read_pkcs1(der),
        "CERTIFICATE" => {
            let broken = |_| Problem::BrokenDer("a certificate");
            let certificate = Certificate::from_der(der).map_err(broken)?;
            let spki = certificate.tbs_certificate().subject_public_key_info();
            read_spki(&spki.to_der().map_err(broken)?)
        }
        label if label.contains("CERTIFICATE REQUEST") => Err(Problem::CertificateRequest),
        label if label.contains("EC P") => Err(Problem::OtherKey("the parameters of a curve and no key")),
        _ => Err(Problem::OtherLabel),
    }
}

fn read_spki(der: &[u8]) -> Result<Material, Problem> {
    let broken = Problem::BrokenDer("a public key");
    let spki = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| broken.clone())?;
    let key = spki.subject_public_key.as_bytes().ok_or(broken.clone())?;
    match spki.algorithm.oid {
        RSA => read_pkcs1(key),
        RSA_PSS => Err(Problem::OtherKey("an RSA key that is bound to RSA-PSS")),
        EC => {
            let curve = spki.algorithm.parameters.and_then(|any| any.decode_as().ok());
            let curve = match curve {
                Some(P256) => Curve::P256,
                Some(P384) => Curve::P384,
                _ => return Err(Problem::OtherCurve),
            };
            Material::point(curve, key)
        }
        ED25519 => Ok(Material::Ed25519(key.try_into().map_err(|_| broken)?)),
        _ => Err(Problem::OtherKey(
            "a key that is neither RSA nor on P-256, P-384 or Ed25519",
        )),
    }
}

fn read_pkcs1(der: &[u8]) -> Result<Material, Problem> {
    let (modulus, exponent) = rsa_components(der).map_err(|_| Problem::BrokenDer("an RSA public key"))?;
    Material::rsa(modulus, exponent)
}

/// `RSAPublicKey` of RFC 8017 appendix A.1.1: modulus and exponent, big-endian without leading zeros.
fn rsa_components(der: &[u8]) -> der::Result<(&[u8], &[u8])> {
    let mut reader = SliceReader::new(der)?;
    let components = reader.sequence(|reader| {
        let modulus = UintRef::decode(reader)?.as_bytes();
        let exponent = UintRef::decode(reader)?.as_bytes();
        Ok::<_, der::Error>((modulus, exponent))
    })?;
    reader.finish()?;
    Ok(components)
}

/// The numbers of `ECDSA-Sig-Value` (RFC 3279 §2.2.3), each padded to `length` bytes: the form of RFC 7518 §3.4.
#[cfg(feature = "kms")]
pub(super) fn fixed_signature(der: &[u8], length: usize) -> Option<Vec<u8>> {
    let (r, s) = rsa_components(der).ok()?;
    let mut fixed = Vec::with_capacity(2 * length);
    for number in [r, s] {
        fixed.extend(std::iter::repeat_n(0, length.checked_sub(number.len())?));
        fixed.extend(number);
    }
    Some(fixed)
}

#[cfg(all(test, feature = "kms"))]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_signature_in_der_are_filled_up_to_full_length() {
        let der = [0x30, 8, 2, 2, 0, 0xff, 2, 2, 1, 2];
        assert_eq!(fixed_signature(&der, 4), Some(vec![0, 0, 0, 0xff, 0, 0, 1, 2]));
        for broken in [
            &der[..9],
            &[0x30, 3, 2, 1, 1],
            &[0x30, 9, 2, 2, 0, 0xff, 2, 2, 1, 2, 0],
            &[],
        ] {
            assert_eq!(fixed_signature(broken, 4), None);
        }
        assert_eq!(fixed_signature(&der, 1), None, "too long a number");
    }
}
