//! The public keys a verifier trusts: parsed and checked once, at start.

use std::env::VarError;
use std::fmt;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use jsonwebtoken::crypto::JwtVerifier as _;
use signature::Verifier as _;
use x509_cert::Certificate;
use x509_cert::der::asn1::{ObjectIdentifier, UintRef};
use x509_cert::der::{self, Decode, Reader, SliceReader};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::key_error::{KeyError, Problem};
use super::normalize::{BEGIN, Mangling, normalize_pem};
use super::prepared::PreparedKey;

/// The environment variable that holds the public keys.
pub const PUBLIC_KEY_ENV: &str = "PUBLIC_KEY";

/// 65537, big-endian: the public exponent of practically every key.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// rsaEncryption (RFC 8017 appendix A.1).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// id-RSASSA-PSS: a key bound to another signature scheme than RS256's.
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The SHA-256 thumbprint of the key of [`testing`](crate::testing), which everybody can sign with.
const TEST_KEY_ID: &str = "MJDCCfqIGrl7UmBGfRWn_tRif7LY3JJ0TK5xukglmuk";

/// One to eight RSA public keys, any of which may have signed a token.
///
/// Several keys are for rotation: add the new one, let the issuer switch, remove the old one after the
/// longest token life. Cloning is cheap.
///
/// ```
/// use room_auth::PublicKeys;
///
/// let error = PublicKeys::from_pem("not a key").unwrap_err();
/// assert!(error.to_string().contains("no PEM block"));
/// ```
#[derive(Clone)]
pub struct PublicKeys(Arc<[PublicKey]>);

impl PublicKeys {
    /// The most keys that are taken; a token without a known `kid` is tried against each.
    pub const MAX: usize = 8;

    /// Reads the keys from the environment variable [`PUBLIC_KEY`](PUBLIC_KEY_ENV).
    ///
    /// # Errors
    ///
    /// The variable is missing or not Unicode, or its text is refused by [`from_pem`](Self::from_pem). The key of
    /// [`testing`](crate::testing) is refused too: its private half is public.
    pub fn from_env() -> Result<Self, KeyError> {
        Self::from_var(std::env::var(PUBLIC_KEY_ENV)).map_err(|error| error.named(PUBLIC_KEY_ENV))
    }

    fn from_var(text: Result<String, VarError>) -> Result<Self, KeyError> {
        let text = text.map_err(|error| {
            KeyError::new(match error {
                VarError::NotPresent => Problem::Missing,
                VarError::NotUnicode(_) => Problem::NotUnicode,
            })
        })?;
        let keys = Self::from_pem(&text)?;
        if let Some(index) = keys.0.iter().position(|key| key.key_id() == TEST_KEY_ID) {
            let block = (keys.0.len() > 1).then_some(index + 1);
            return Err(KeyError::new(Problem::TestKey).in_block(block));
        }
        Ok(keys)
    }

    /// Reads one or more PEM blocks: `PUBLIC KEY` (SPKI), `RSA PUBLIC KEY` (PKCS#1) or `CERTIFICATE` (X.509,
    /// of which only the key is used).
    ///
    /// What consoles, environment files and CI systems do to a text is undone: CRLF, `\n` escaped once or more,
    /// quotes, the escapes of JSON strings, indents, base64 of the whole.
    ///
    /// Every block is a key that may sign tokens: of a certificate chain give the leaf only, or whoever holds the
    /// key of an issuing authority is trusted too. Dates and issuers of certificates are ignored.
    ///
    /// # Errors
    ///
    /// A block that is not an RSA public key of 2,048 to 8,192 bits with an odd modulus and the exponent 65537;
    /// no block, or more than eight.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let text = normalize_pem(text);
        if text.is_empty() {
            return Err(KeyError::new(Problem::Empty));
        }
        let begun = text.matches(BEGIN).count();
        // Labels first: a truncated private key shall still be named as one.
        if text.split(BEGIN).skip(1).any(|block| {
            block
                .split("-----")
                .next()
                .is_some_and(|label| label.contains("PRIVATE KEY"))
        }) {
            return Err(KeyError::new(Problem::PrivateKey));
        }
        match Mangling::of(&text) {
            Some(Mangling::StrippedArmour) => return Err(KeyError::new(Problem::StrippedArmour)),
            Some(Mangling::LetterN) => return Err(KeyError::new(Problem::LetterN)),
            None if begun == 0 => return Err(KeyError::new(Problem::NoPem)),
            None => {}
        }
        let blocks = pem::parse_many(&*text).map_err(|_| KeyError::new(Problem::BrokenPem))?;
        if blocks.len() != begun || blocks.is_empty() {
            return Err(KeyError::new(Problem::BrokenPem));
        }
        if blocks.len() > Self::MAX {
            return Err(KeyError::new(Problem::TooMany(blocks.len())));
        }
        let keys = blocks
            .iter()
            .enumerate()
            .map(|(index, block)| {
                let position = (begun > 1).then_some(index + 1);
                PublicKey::from_block(block).map_err(|problem| KeyError::new(problem).in_block(position))
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self(keys.into()))
    }

    /// Returns the keys, in the order in which they stood.
    pub fn iter(&self) -> impl Iterator<Item = &PublicKey> {
        self.0.iter()
    }
}

impl fmt::Debug for PublicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// One RSA public key, ready to verify RS256.
pub struct PublicKey {
    modulus: Box<[u8]>,
    /// Made when it is asked for: many issuers name no key.
    key_id: OnceLock<String>,
    key: PreparedKey,
}

impl PublicKey {
    /// Returns the key id: the SHA-256 JWK thumbprint of RFC 7638, base64url.
    pub fn key_id(&self) -> &str {
        self.key_id.get_or_init(|| thumbprint(&self.modulus, &EXPONENT))
    }

    /// Returns the one algorithm that this key verifies, as tokens name it: `RS256`.
    pub fn algorithm(&self) -> &'static str {
        match self.key.algorithm() {
            Algorithm::RS256 => "RS256",
            other => unreachable!("{other:?} is made for no key"),
        }
    }

    /// Returns the length of the modulus in bits.
    pub fn bits(&self) -> usize {
        bit_length(&self.modulus)
    }

    fn from_block(block: &pem::Pem) -> Result<Self, Problem> {
        let contents = block.contents();
        match block.tag() {
            "PUBLIC KEY" => Self::from_spki(contents),
            "RSA PUBLIC KEY" => Self::from_pkcs1(contents),
            "CERTIFICATE" => {
                let certificate =
                    Certificate::from_der(contents).map_err(|_| Problem::BrokenDer("a certificate"))?;
                let spki = der::Encode::to_der(certificate.tbs_certificate().subject_public_key_info())
                    .map_err(|_| Problem::BrokenDer("a certificate"))?;
                Self::from_spki(&spki)
            }
            label if label.contains("CERTIFICATE REQUEST") => Err(Problem::CertificateRequest),
            label if label.contains("EC P") => Err(Problem::OtherAlgorithm("an elliptic-curve key")),
            _ => Err(Problem::OtherLabel),
        }
    }

    fn from_spki(der: &[u8]) -> Result<Self, Problem> {
        let spki = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| Problem::BrokenDer("a public key"))?;
        match spki.algorithm.oid {
            RSA => {}
            RSA_PSS => return Err(Problem::OtherAlgorithm("an RSA key that is bound to RSA-PSS")),
            EC => return Err(Problem::OtherAlgorithm("an elliptic-curve key")),
            ED25519 => return Err(Problem::OtherAlgorithm("an Ed25519 key")),
            _ => return Err(Problem::OtherAlgorithm("a key that is not RSA")),
        }
        Self::from_pkcs1(
            spki.subject_public_key
                .as_bytes()
                .ok_or(Problem::BrokenDer("a public key"))?,
        )
    }

    fn from_pkcs1(der: &[u8]) -> Result<Self, Problem> {
        let RsaComponents { modulus, exponent } =
            RsaComponents::from_pkcs1(der).map_err(|_| Problem::BrokenDer("an RSA public key"))?;
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
        let parsed = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der)
            .map_err(|_| Problem::BrokenDer("an RSA public key"))?;
        Ok(Self {
            modulus: modulus.into(),
            key_id: OnceLock::new(),
            key: PreparedKey::new(Algorithm::RS256, parsed),
        })
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
        self.key.verify(message, signature).is_ok()
    }

    /// Whether tokens that name this algorithm are for this key.
    pub(super) fn has_algorithm(&self, name: Option<&str>) -> bool {
        name == Some(self.algorithm())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey")
            .field("key_id", &self.key_id())
            .field("bits", &self.bits())
            .finish_non_exhaustive()
    }
}

/// `RSAPublicKey` of RFC 8017 appendix A.1.1, big-endian without leading zeros.
struct RsaComponents<'a> {
    modulus: &'a [u8],
    exponent: &'a [u8],
}

impl<'a> RsaComponents<'a> {
    fn from_pkcs1(der: &'a [u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(der)?;
        let components = reader.sequence(|reader| {
            let modulus = UintRef::decode(reader)?.as_bytes();
            let exponent = UintRef::decode(reader)?.as_bytes();
            Ok::<_, der::Error>(Self { modulus, exponent })
        })?;
        reader.finish()?;
        Ok(components)
    }
}

fn bit_length(big_endian: &[u8]) -> usize {
    big_endian
        .first()
        .map_or(0, |first| big_endian.len() * 8 - first.leading_zeros() as usize)
}

fn thumbprint(modulus: &[u8], exponent: &[u8]) -> String {
    let encode = |bytes| URL_SAFE_NO_PAD.encode(bytes);
    let jwk = format!(
        r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#,
        encode(exponent),
        encode(modulus)
    );
    encode(digest::digest(&digest::SHA256, jwk.as_bytes()).as_ref())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The environment belongs to the whole process, so the text is handed in here.
    #[test]
    fn the_key_of_the_testing_module_is_refused_from_the_environment() {
        let test_key = crate::testing::public_key_pem();
        let error = PublicKeys::from_var(Ok(test_key.to_owned()))
            .unwrap_err()
            .to_string();
        assert!(error.contains("holds the test key of room-auth"), "{error}");
        let other = include_str!("../../../tests/fixtures/keys/other_public.pem");
        let error = PublicKeys::from_var(Ok(format!("{other}{test_key}")))
            .unwrap_err()
            .to_string();
        assert!(error.contains("(PEM block 2) holds the test key"), "{error}");
        assert!(PublicKeys::from_var(Ok(other.to_owned())).is_ok());
        assert!(PublicKeys::from_pem(test_key).is_ok(), "tests take it");
    }
}
