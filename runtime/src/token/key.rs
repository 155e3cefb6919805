//! The public keys a verifier trusts: parsed and checked once, at start.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use jsonwebtoken::crypto::JwtVerifier;
use signature::Verifier;
use x509_cert::Certificate;
use x509_cert::der::asn1::{ObjectIdentifier, UintRef};
use x509_cert::der::{self, Decode, Reader, SliceReader};
use x509_cert::spki::SubjectPublicKeyInfoRef;

/// The environment variable that holds the public keys.
pub const PUBLIC_KEY_VARIABLE: &str = "PUBLIC_KEY";

/// 65537, big-endian: the public exponent of practically every key.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// rsaEncryption (RFC 8017 appendix A.1).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// id-RSASSA-PSS: a key bound to another signature scheme than RS256's.
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

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

    /// Reads the keys from the environment variable `PUBLIC_KEY`.
    ///
    /// # Errors
    ///
    /// The variable is missing, not Unicode, or what [`from_pem`](Self::from_pem) refuses.
    pub fn from_env() -> Result<Self, KeyError> {
        let text = std::env::var(PUBLIC_KEY_VARIABLE).map_err(|error| {
            KeyError::new(match error {
                std::env::VarError::NotPresent => Problem::Missing,
                std::env::VarError::NotUnicode(_) => Problem::NotUnicode,
            })
            .named(PUBLIC_KEY_VARIABLE)
        })?;
        Self::from_pem(&text).map_err(|error| error.named(PUBLIC_KEY_VARIABLE))
    }

    /// Reads one or more PEM blocks: `PUBLIC KEY` (SPKI), `RSA PUBLIC KEY` (PKCS#1) or `CERTIFICATE` (X.509,
    /// of which only the key is used). Line ends may be LF, CRLF or the two characters `\n`.
    ///
    /// Every block is a key that may sign tokens: of a certificate chain give the leaf only, or whoever holds the
    /// key of an issuing authority is trusted too. Dates and issuers of certificates are not looked at.
    ///
    /// # Errors
    ///
    /// Any block that is no RSA public key of 2,048 to 8,192 bits with an odd modulus and the exponent 65537;
    /// no block or more than eight.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let text = lines(text);
        if text.is_empty() {
            return Err(KeyError::new(Problem::Empty));
        }
        let begun = text.matches("-----BEGIN").count();
        if begun == 0 {
            return Err(KeyError::new(Problem::NoPem));
        }
        // Labels first: a truncated private key shall still be named as one.
        if text.split("-----BEGIN").skip(1).any(|block| {
            block
                .split("-----")
                .next()
                .is_some_and(|label| label.contains("PRIVATE KEY"))
        }) {
            return Err(KeyError::new(Problem::PrivateKey));
        }
        let blocks = pem::parse_many(&text).map_err(|_| KeyError::new(Problem::BrokenPem))?;
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
                PublicKey::from_block(block).map_err(|problem| KeyError {
                    block: (begun > 1).then_some(index + 1),
                    ..KeyError::new(problem)
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self(keys.into()))
    }

    /// The keys, in the order in which they stood.
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
    parsed: ParsedPublicKey,
}

impl PublicKey {
    /// The key id: the SHA-256 JWK thumbprint of RFC 7638, base64url.
    pub fn key_id(&self) -> &str {
        self.key_id.get_or_init(|| thumbprint(&self.modulus, &EXPONENT))
    }

    /// The length of the modulus in bits.
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
            parsed,
        })
    }

    pub(crate) fn verify_rs256(&self, message: &[u8], signature: &Vec<u8>) -> bool {
        Verifier::verify(self, message, signature).is_ok()
    }
}

impl Verifier<Vec<u8>> for PublicKey {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        self.parsed
            .verify_sig(message, signature)
            .map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for PublicKey {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
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

/// The lines of `text` without what the way into the environment does to them: environment files and consoles
/// write line ends as two characters, indent, and leave empty lines.
fn lines(text: &str) -> String {
    let text = if text.contains('\\') {
        Cow::Owned(text.replace("\\r", "").replace("\\n", "\n"))
    } else {
        Cow::Borrowed(text)
    };
    let lines: Vec<&str> = text
        .split(['\n', '\r'])
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines.join("\n")
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

/// Why a text is no set of public keys: what was found and what to do. Never holds any of the text.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyError {
    name: &'static str,
    block: Option<usize>,
    problem: Problem,
}

impl KeyError {
    fn new(problem: Problem) -> Self {
        Self {
            name: "the public key text",
            block: None,
            problem,
        }
    }

    fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }
}

#[derive(Clone, PartialEq, Eq)]
enum Problem {
    Missing,
    NotUnicode,
    Empty,
    NoPem,
    BrokenPem,
    TooMany(usize),
    PrivateKey,
    CertificateRequest,
    OtherLabel,
    OtherAlgorithm(&'static str),
    BrokenDer(&'static str),
    Size(usize),
    EvenModulus,
    Exponent,
}

const MAKE_A_KEY: &str = "make a pair with `openssl genrsa -out private.pem 2048` and take the output of \
                          `openssl rsa -in private.pem -pubout`";

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        if let Some(block) = self.block {
            write!(f, " (PEM block {block})")?;
        }
        match &self.problem {
            Problem::Missing => {
                write!(
                    f,
                    " is not set; set it to the PEM of the RSA public key that tokens are verified with"
                )
            }
            Problem::NotUnicode => write!(
                f,
                " is not valid Unicode; set it to the PEM text of an RSA public key"
            ),
            Problem::Empty => write!(f, " is empty; set it to the PEM of an RSA public key"),
            Problem::NoPem => write!(
                f,
                " holds no PEM block; set it to the whole text from `-----BEGIN PUBLIC KEY-----` to \
                 `-----END PUBLIC KEY-----`"
            ),
            Problem::BrokenPem => write!(
                f,
                " holds a PEM block that is cut off or damaged; copy the whole text, with its BEGIN and END lines"
            ),
            Problem::TooMany(count) => write!(
                f,
                " holds {count} PEM blocks, at most {} are taken; remove the keys that no longer sign",
                PublicKeys::MAX
            ),
            Problem::PrivateKey => write!(
                f,
                " holds a private key; set it to the output of `openssl rsa -in private.pem -pubout`, and replace \
                 the pair if the private key was exposed"
            ),
            Problem::CertificateRequest => write!(
                f,
                " holds a certificate request; set it to the certificate, or to the output of \
                 `openssl req -in request.pem -noout -pubkey`"
            ),
            Problem::OtherLabel => write!(
                f,
                " holds a PEM block of another kind; the blocks may be PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE"
            ),
            Problem::OtherAlgorithm(found) => {
                write!(
                    f,
                    " holds {found}; tokens are RS256, so an RSA key is needed: {MAKE_A_KEY}"
                )
            }
            Problem::BrokenDer(what) => {
                write!(
                    f,
                    " holds {what} whose contents cannot be read; copy it again, or {MAKE_A_KEY}"
                )
            }
            Problem::Size(bits) => {
                write!(
                    f,
                    " holds an RSA key of {bits} bits; 2048 to 8192 are taken: {MAKE_A_KEY}"
                )
            }
            Problem::EvenModulus => write!(
                f,
                " holds an RSA key with an even modulus, which is broken: {MAKE_A_KEY}"
            ),
            Problem::Exponent => {
                write!(
                    f,
                    " holds an RSA key whose public exponent is not 65537: {MAKE_A_KEY}"
                )
            }
        }
    }
}

/// The same line as `Display`: `main` prints errors by `Debug`, and the operator reads that.
impl fmt::Debug for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for KeyError {}
