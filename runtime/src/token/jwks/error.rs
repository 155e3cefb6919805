//! Why a JWK set was not taken from its issuer: what was found, then what to do.

use std::error::Error;
use std::fmt;
use std::io;

use rustls::CertificateError;

use super::bounds::{MAX_BYTES, TIMEOUT};
use crate::token::key_error::{KeyError, Problem};
use crate::token::public_keys::PublicKeys;

/// Why a set was not taken. Holds nothing of an answer but its status and media type.
#[derive(Clone, Debug)]
pub(super) enum FetchError {
    /// There was no whole answer in time.
    Timeout,
    /// No connection, or none that could be used, for this reason.
    Connection(String),
    Tls(TlsProblem),
    Redirect(u16),
    Status(u16),
    /// This media type, or none.
    MediaType(Option<String>),
    TooLarge,
    /// The answer broke off.
    Interrupted,
    /// JSON, but with no member `keys`.
    NoSet,
    /// The issuer's configuration, which only says where the set is.
    Discovery,
    /// A set that is refused, or no JSON.
    Keys(KeyError),
}

#[derive(Clone, Debug)]
pub(super) enum TlsProblem {
    Expired,
    NotYetValid,
    Untrusted,
    OtherName,
    Other(String),
}

impl FetchError {
    /// Finds out why there is no answer.
    pub(super) fn of_connection(error: &(dyn Error + 'static)) -> Self {
        let mut last = error;
        for cause in causes(error) {
            if let Some(error) = cause.downcast_ref::<rustls::Error>() {
                return Self::Tls(TlsProblem::of(error));
            }
            last = cause;
        }
        Self::Connection(last.to_string())
    }
}

/// An error and its causes. The payload of an `io::Error` is one, which `source` leaves out.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    })
}

impl TlsProblem {
    fn of(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(problem) => match problem {
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                    Self::NotYetValid
                }
                CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::Untrusted,
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                    Self::OtherName
                }
                other => Self::Other(other.to_string()),
            },
            other => Self::Other(other.to_string()),
        }
    }
}

const TAKE_JWKS_URI: &str = "take the `jwks_uri` of its /.well-known/openid-configuration";

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => write!(
                f,
                "it did not answer within {} ms; check the URL, and that the function has a way to it (in a VPC: a NAT \
                 gateway)",
                TIMEOUT.as_millis()
            ),
            Self::Connection(reason) => write!(
                f,
                "there is no connection ({reason}); check the URL, and that the function has a way to it (in a VPC: a \
                 NAT gateway)"
            ),
            Self::Tls(problem) => fmt::Display::fmt(problem, f),
            Self::Redirect(status) => write!(
                f,
                "it redirects (status {status}), and keys are taken from the given URL only; {TAKE_JWKS_URI}"
            ),
            Self::Status(status @ (404 | 410)) => {
                write!(f, "nothing is there (status {status}); {TAKE_JWKS_URI}")
            }
            Self::Status(status @ (401 | 403)) => write!(
                f,
                "it refuses to answer (status {status}), and no credentials are sent; publish the set, or {TAKE_JWKS_URI}"
            ),
            Self::Status(status) => write!(f, "it answers with status {status}; check that the issuer works"),
            Self::MediaType(Some(found)) => write!(
                f,
                "it answers with `{found}`, and `application/json` or `application/jwk-set+json` is needed; {TAKE_JWKS_URI}"
            ),
            Self::MediaType(None) => f.write_str(
                "it answers without a Content-Type, and `application/json` or `application/jwk-set+json` is needed; \
                 configure the server that publishes the set",
            ),
            Self::TooLarge => write!(
                f,
                "it answers with more than {} KiB, which is no JWK set; {TAKE_JWKS_URI}",
                MAX_BYTES / 1024
            ),
            Self::Interrupted => f.write_str("its answer breaks off; check that the issuer works"),
            Self::NoSet => write!(f, "it answers with JSON that has no `keys`; {TAKE_JWKS_URI}"),
            Self::Discovery => {
                f.write_str("it is the URL of the issuer's configuration, not of its keys; take the `jwks_uri` in it")
            }
            Self::Keys(error) => display_keys(error, f),
        }
    }
}

/// What [`KeyError`] says to whoever holds the text, said to whoever cannot change it.
fn display_keys(error: &KeyError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match error.problem() {
        Problem::BrokenJson => write!(
            f,
            "it answers with something that is not a JWK set in JSON with unique members; {TAKE_JWKS_URI}"
        ),
        Problem::EmptySet => write!(f, "its JWK set has no keys; {TAKE_JWKS_URI}"),
        Problem::TooMany(count) => write!(
            f,
            "its JWK set has {count} keys that can verify, and at most {} are taken; remove at the issuer those that no \
             longer sign",
            PublicKeys::MAX
        ),
        Problem::DuplicateId => f.write_str(
            "its JWK set has two keys with the same `kid`; give each a `kid` of its own at the issuer",
        ),
        Problem::PrivateKey => f.write_str(
            "its JWK set has a private key, so that anybody can sign; replace the key at the issuer, and publish public \
             keys only",
        ),
        Problem::SymmetricKey => f.write_str(
            "its JWK set has a symmetric key, so that anybody can sign; let the issuer sign with RS256, ES256, ES384 or \
             EdDSA, and publish public keys only",
        ),
        _ => write!(f, "no key of its JWK set can verify tokens: {error}"),
    }
}

impl fmt::Display for TlsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str(
                "its TLS certificate has expired; renew it at the issuer, and check the clock of this machine",
            ),
            Self::NotYetValid => f.write_str(
                "its TLS certificate is not valid yet; check it at the issuer, and the clock of this machine",
            ),
            Self::Untrusted => f.write_str(
                "its TLS certificate is signed by nobody whom this machine trusts; install the root certificates \
                 (`ca-certificates`, or SSL_CERT_FILE), or give yours by `Jwks::with_root_certificates`",
            ),
            Self::OtherName => f.write_str(
                "its TLS certificate is for another host; give the URL with the host that the certificate names",
            ),
            Self::Other(reason) => write!(f, "TLS failed ({reason}); check the issuer's certificate"),
        }
    }
}

impl Error for FetchError {}
