//! What an operator is told about public keys that cannot be used.

use std::fmt;

use super::algorithm::Algorithm;
use crate::error::ConfigError;

/// The most keys that are taken.
pub(super) const MAX_KEYS: usize = 8;

/// Why a text does not hold usable public keys: what was found and what to do. Never holds any of the text.
///
/// `Debug` prints the same line as `Display`, since `main` prints errors by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyError {
    name: &'static str,
    position: Option<Position>,
    problem: Problem,
}

/// Which of several keys it was, counted from 1.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    Block(usize),
    InSet(usize),
}

impl KeyError {
    pub(super) fn new(problem: Problem) -> Self {
        Self {
            name: "the public key text",
            position: None,
            problem,
        }
    }

    /// Says that the text came from the environment variable `name`.
    pub(super) fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    #[cfg(feature = "jwks")]
    pub(super) fn problem(&self) -> &Problem {
        &self.problem
    }

    pub(super) fn in_block(self, block: usize) -> Self {
        let position = Some(Position::Block(block));
        Self { position, ..self }
    }

    pub(super) fn in_set(self, key: usize) -> Self {
        let position = Some(Position::InSet(key));
        Self { position, ..self }
    }
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Problem {
    Missing,
    NotUnicode,
    Empty,
    NoPem,
    StrippedArmour,
    LetterN,
    BrokenPem,
    BrokenJson,
    EmptySet,
    TooMany(usize),
    DuplicateId,
    PrivateKey,
    SymmetricKey,
    CertificateRequest,
    OtherLabel,
    OtherKey(&'static str),
    OtherCurve,
    CompressedPoint,
    OffCurve,
    BrokenDer(&'static str),
    Size(usize),
    EvenModulus,
    Exponent,
    JwkMember(&'static str),
    JwkAlgorithm(Algorithm),
    JwkUse,
    JwkOperations,
    TestKey,
}

const MAKE_A_KEY: &str = "make a pair with `openssl genrsa -out private.pem 2048` and take the output of \
                          `openssl pkey -in private.pem -pubout`";
const KINDS: &str = "an RSA, P-256, P-384 or Ed25519 key is needed";
const JWK: &str = "copy the public key from the issuer's JWK set again";

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        match self.position {
            Some(Position::Block(block)) => write!(f, " (PEM block {block})")?,
            Some(Position::InSet(key)) => write!(f, " (key {key} of the JWK set)")?,
            None => {}
        }
        fmt::Display::fmt(&self.problem, f)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str(
                " is not set; set it to the PEM or the JWK set of the public key that tokens are verified with",
            ),
            Self::NotUnicode => f.write_str(" is not valid Unicode; set it to the PEM text of a public key"),
            Self::Empty => f.write_str(" is empty; set it to the PEM or the JWK set of a public key"),
            Self::NoPem => f.write_str(
                " holds no PEM block and no JWK; set it to the whole text from `-----BEGIN PUBLIC KEY-----` to \
                 `-----END PUBLIC KEY-----`",
            ),
            Self::StrippedArmour => f.write_str(
                " holds the inside of a PEM block without its BEGIN and END lines; copy the whole text, with these lines",
            ),
            Self::LetterN => f.write_str(
                " holds a PEM block in which the line ends have become the letter n; a shell took the backslash of \
                 each \\n: put the value in single quotes, or copy the whole text with real line ends",
            ),
            Self::BrokenPem => f.write_str(
                " holds a PEM block that is cut off or damaged; copy the whole text, with its BEGIN and END lines",
            ),
            Self::BrokenJson => f.write_str(
                " holds JSON that is not a JWK or a JWK set with unique members; copy the whole text of the set",
            ),
            Self::EmptySet => write!(f, " holds a JWK set without keys; {JWK}"),
            Self::TooMany(count) => {
                write!(f, " holds {count} keys, at most {MAX_KEYS} are taken; remove the keys that no longer sign")
            }
            Self::DuplicateId => f.write_str(
                " holds two keys with the same `kid`; remove one of them, or give each a `kid` of its own",
            ),
            Self::PrivateKey => f.write_str(
                " holds a private key; set it to the output of `openssl pkey -in private.pem -pubout`, and replace \
                 the pair if the private key was exposed",
            ),
            Self::SymmetricKey => f.write_str(
                " holds a symmetric key, which whoever verifies with it could sign with; sign with a private key, and \
                 set it to the public one",
            ),
            Self::CertificateRequest => f.write_str(
                " holds a certificate request; set it to the certificate, or to the output of \
                 `openssl req -in request.pem -noout -pubkey`",
            ),
            Self::OtherLabel => f.write_str(
                " holds a PEM block of another kind; the blocks may be PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE",
            ),
            Self::OtherKey(found) => write!(f, " holds {found}; {KINDS}: {MAKE_A_KEY}"),
            Self::OtherCurve => {
                write!(f, " holds an elliptic-curve key on another curve than P-256 and P-384; {KINDS}: {MAKE_A_KEY}")
            }
            Self::CompressedPoint => f.write_str(
                " holds an elliptic-curve key with a compressed point; set it to the output of \
                 `openssl ec -pubin -in public.pem -conv_form uncompressed`",
            ),
            Self::OffCurve => {
                write!(f, " holds a key that is no point of its curve; copy it again, or {MAKE_A_KEY}")
            }
            Self::BrokenDer(what) => {
                write!(f, " holds {what} whose contents cannot be read; copy it again, or {MAKE_A_KEY}")
            }
            Self::Size(bits) => {
                write!(f, " holds an RSA key of {bits} bits; 2048 to 8192 are taken: {MAKE_A_KEY}")
            }
            Self::EvenModulus => {
                write!(f, " holds an RSA key with an even modulus, which is broken: {MAKE_A_KEY}")
            }
            Self::Exponent => {
                write!(f, " holds an RSA key whose public exponent is not 65537: {MAKE_A_KEY}")
            }
            Self::JwkMember(name) => {
                write!(f, " holds a JWK whose `{name}` is missing or cannot be read; {JWK}")
            }
            Self::JwkAlgorithm(algorithm) => write!(
                f,
                " holds a JWK whose `alg` is not {algorithm}, the one algorithm of such a key; use a key for {algorithm}"
            ),
            Self::JwkUse => f.write_str(" holds a JWK whose `use` is not `sig`; use a key that is meant to sign"),
            Self::JwkOperations => f.write_str(
                " holds a JWK whose `key_ops` does not list `verify`; use a key that is meant to verify",
            ),
            Self::TestKey => write!(
                f,
                " holds the test key of room-auth, whose private half is public: anybody can sign tokens for it; \
                 {MAKE_A_KEY}"
            ),
        }
    }
}

impl fmt::Debug for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for KeyError {}

impl From<KeyError> for ConfigError {
    fn from(error: KeyError) -> Self {
        Self::new(error.to_string())
    }
}
