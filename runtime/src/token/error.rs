//! Why a token was refused, and why none was signed.

use std::fmt;

/// Why a token was refused. Holds no part of the token.
///
/// For logs, metrics and tests; the peer gets the same answer whatever the kind.
///
/// ```
/// use room_auth::{PublicKeys, Verifier, VerifyErrorKind};
/// # let pem = room_auth::testing::public_key_pem();
///
/// let verifier = Verifier::new(PublicKeys::from_pem(pem)?);
/// let error = verifier.verify::<()>("e30.e30.AAAA").unwrap_err();
/// assert_eq!(error.kind(), VerifyErrorKind::Algorithm);
/// assert_eq!(error.member(), Some("alg"));
/// # Ok::<_, room_auth::KeyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyError {
    kind: VerifyErrorKind,
    member: Option<&'static str>,
}

impl VerifyError {
    /// Returns which check failed.
    pub fn kind(&self) -> VerifyErrorKind {
        self.kind
    }

    /// Returns the name of the header member or claim that failed, such as `exp`, `aud` or `kid`; never its value.
    ///
    /// `None` where no single standard member is at fault: a token in another form, a part that is not a JSON object
    /// with unique members, a signature, or claims that do not fit the type that they are read into.
    pub fn member(&self) -> Option<&'static str> {
        self.member
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.kind, f)?;
        match self.member {
            Some(member) => write!(f, " (`{member}`)"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for VerifyError {}

impl From<VerifyErrorKind> for VerifyError {
    fn from(kind: VerifyErrorKind) -> Self {
        Self { kind, member: None }
    }
}

/// The checks of a token, in the order in which they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum VerifyErrorKind {
    /// Longer than 4,096 bytes, or not three non-empty parts of canonical, unpadded base64url.
    Malformed,
    /// The header is not a JSON object with unique members, its `typ` is neither `JWT` nor configured, its `kid` is
    /// not a string, or it has one of `crit`, `b64`, `zip`, `enc`.
    Header,
    /// `alg` is not the algorithm of a configured key, or not that of the key which `kid` names.
    Algorithm,
    /// No key verifies the signature, or the key that `kid` names does not.
    Signature,
    /// The payload is not a JSON object with unique members, or a claim is missing, of the wrong type or not the
    /// required one.
    Claims,
    /// `iat` or `nbf` lies further ahead than the clock skew allowed.
    NotYetValid,
    /// `exp` has passed.
    Expired,
}

impl VerifyErrorKind {
    /// Returns a stable name for logs and metrics, in `snake_case`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Header => "header",
            Self::Algorithm => "algorithm",
            Self::Signature => "signature",
            Self::Claims => "claims",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
        }
    }

    /// The error of this kind, for the member that failed.
    pub(crate) fn of(self, member: &'static str) -> VerifyError {
        VerifyError {
            kind: self,
            member: Some(member),
        }
    }
}

impl fmt::Display for VerifyErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the token is not three parts of base64url",
            Self::Header => "the token's header is not acceptable",
            Self::Algorithm => "the token's algorithm is not that of the key",
            Self::Signature => "the token's signature does not verify",
            Self::Claims => "the token's claims are not acceptable",
            Self::NotYetValid => "the token is not valid yet",
            Self::Expired => "the token has expired",
        })
    }
}

/// Why a text cannot be used as a private key: says what to do, and holds nothing of the text.
///
/// `Debug` prints the same line as `Display`, since `main` prints errors by `Debug`.
#[cfg(feature = "issuer")]
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SigningKeyError(pub(super) &'static str);

#[cfg(feature = "issuer")]
impl SigningKeyError {
    pub(super) const STRIPPED_ARMOUR: Self = Self(
        "the private key is the inside of a PEM block without its BEGIN and END lines; copy the whole text, with these lines",
    );
    pub(super) const LETTER_N: Self = Self(
        "the private key is a PEM block in which the line ends have become the letter n; a shell took the backslash of \
     each \\n: put the value in single quotes, or copy the whole text with real line ends",
    );
    pub(super) const BROKEN_PEM: Self = Self(
        "the private key is no PEM block, or one that is cut off; copy the whole text, with its BEGIN and END lines",
    );
    pub(super) const ENCRYPTED: Self =
        Self("the private key is encrypted; decrypt it with `openssl pkcs8 -in key.pem -out plain.pem`");
    pub(super) const PUBLIC: Self = Self("a public key was given; the issuer signs with the private one");
    pub(super) const OTHER_LABEL: Self = Self(
        "the PEM block is of another kind; `PRIVATE KEY`, `RSA PRIVATE KEY` or `EC PRIVATE KEY` is needed",
    );
    pub(super) const SEVERAL: Self = Self("several private keys were given; keep the one that signs");
    pub(super) const OTHER_KEY: Self = Self(
        "the private key is neither RSA of 2048 to 8192 bits nor on P-256, P-384 or Ed25519; make one with \
     `openssl genrsa -out private.pem 2048`",
    );
}

#[cfg(feature = "issuer")]
impl fmt::Debug for SigningKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Why no token was issued. Holds no key material and no claims.
#[cfg(feature = "issuer")]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// The signing key cannot be used.
    #[error(transparent)]
    Key(#[from] SigningKeyError),
    /// The lifetime is under one second, or ends at a date that no verifier takes.
    #[error("the lifetime of tokens must be at least one second, and end before 2^53 seconds after 1970")]
    Lifetime,
    /// The user's own claims are not an object, repeat a claim that the issuer sets, or have an invalid `nbf`, `jti` or `can`.
    #[error(
        "the claims must be an object without sub, iat and exp, which the issuer sets itself; an nbf is a number of \
         seconds since 1970, a jti a text of 1 to 255 bytes, a can an array of at most 32 names out of a-z 0-9 _ . : -"
    )]
    Claims,
    /// The token would have this many bytes.
    #[error("the token would have {0} bytes, a verifier reads at most 4096; put less into the claims")]
    TooLong(usize),
    /// Signing failed.
    #[error("the key did not sign")]
    Sign,
    /// The service that keeps the key refused to use it: says what was refused and what to do.
    #[error("{0}")]
    KeySource(String),
}
