//! What an operator is told about public keys that cannot be used.

use std::fmt;

use super::PublicKeys;
use crate::error::ConfigError;

/// Why a text does not hold usable public keys: what was found and what to do. Never holds any of the text.
///
/// `Debug` prints the same line as `Display`, since `main` prints errors by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyError {
    name: &'static str,
    block: Option<usize>,
    problem: Problem,
}

impl KeyError {
    pub(super) fn new(problem: Problem) -> Self {
        Self {
            name: "the public key text",
            block: None,
            problem,
        }
    }

    /// Says that the text came from the environment variable `name`.
    pub(super) fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Says which of several PEM blocks it was, counted from 1.
    pub(super) fn in_block(self, block: Option<usize>) -> Self {
        Self { block, ..self }
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
    TooMany(usize),
    PrivateKey,
    CertificateRequest,
    OtherLabel,
    OtherAlgorithm(&'static str),
    BrokenDer(&'static str),
    Size(usize),
    EvenModulus,
    Exponent,
    TestKey,
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
                f.write_str(" is not set; set it to the PEM of the RSA public key that tokens are verified with")
            }
            Problem::NotUnicode => {
                f.write_str(" is not valid Unicode; set it to the PEM text of an RSA public key")
            }
            Problem::Empty => f.write_str(" is empty; set it to the PEM of an RSA public key"),
            Problem::NoPem => f.write_str(
                " holds no PEM block; set it to the whole text from `-----BEGIN PUBLIC KEY-----` to \
                 `-----END PUBLIC KEY-----`",
            ),
            Problem::StrippedArmour => f.write_str(
                " holds the inside of a PEM block without its BEGIN and END lines; copy the whole text, with these lines",
            ),
            Problem::LetterN => f.write_str(
                " holds a PEM block in which the line ends have become the letter n; a shell took the backslash of \
                 each \\n: put the value in single quotes, or copy the whole text with real line ends",
            ),
            Problem::BrokenPem => f.write_str(
                " holds a PEM block that is cut off or damaged; copy the whole text, with its BEGIN and END lines",
            ),
            Problem::TooMany(count) => write!(
                f,
                " holds {count} PEM blocks, at most {} are taken; remove the keys that no longer sign",
                PublicKeys::MAX
            ),
            Problem::PrivateKey => f.write_str(
                " holds a private key; set it to the output of `openssl rsa -in private.pem -pubout`, and replace \
                 the pair if the private key was exposed",
            ),
            Problem::CertificateRequest => f.write_str(
                " holds a certificate request; set it to the certificate, or to the output of \
                 `openssl req -in request.pem -noout -pubkey`",
            ),
            Problem::OtherLabel => f.write_str(
                " holds a PEM block of another kind; the blocks may be PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE",
            ),
            Problem::OtherAlgorithm(found) => {
                write!(f, " holds {found}; tokens are RS256, so an RSA key is needed: {MAKE_A_KEY}")
            }
            Problem::BrokenDer(what) => {
                write!(f, " holds {what} whose contents cannot be read; copy it again, or {MAKE_A_KEY}")
            }
            Problem::Size(bits) => write!(
                f,
                " holds an RSA key of {bits} bits; 2048 to 8192 are taken: {MAKE_A_KEY}"
            ),
            Problem::EvenModulus => {
                write!(f, " holds an RSA key with an even modulus, which is broken: {MAKE_A_KEY}")
            }
            Problem::Exponent => {
                write!(f, " holds an RSA key whose public exponent is not 65537: {MAKE_A_KEY}")
            }
            Problem::TestKey => write!(
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
