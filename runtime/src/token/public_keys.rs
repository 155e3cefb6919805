//! The public keys a verifier trusts: parsed and checked once, at start.

use std::env::VarError;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::der::read_block;
use super::jwk;
use super::key_error::{KeyError, MAX_KEYS, Problem};
use super::normalize::{BEGIN, Mangling, normalize_json, normalize_pem};
use super::public_key::PublicKey;

/// The environment variable that holds the public keys.
pub const PUBLIC_KEY_ENV: &str = "PUBLIC_KEY";

/// The SHA-256 thumbprint of the key of [`testing`](crate::testing), which everybody can sign with.
const TEST_KEY_ID: &str = "MJDCCfqIGrl7UmBGfRWn_tRif7LY3JJ0TK5xukglmuk";

/// One to eight public keys, any of which may have signed a token. Each fixes the [`Algorithm`](crate::Algorithm) of its tokens.
///
/// Several keys are for rotation: add the new one, let the issuer switch, remove the old one after the
/// longest token life. Cloning is cheap.
///
/// ```
/// use room_auth::PublicKeys;
///
/// let keys: PublicKeys = r#"{"kty":"OKP","crv":"Ed25519","kid":"2027",
///     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#.parse()?;
/// assert_eq!(keys.iter().next().map(|key| key.key_id()), Some("2027"));
///
/// let error = "not a key".parse::<PublicKeys>().unwrap_err();
/// assert!(error.to_string().contains("no PEM block"));
/// # Ok::<_, room_auth::KeyError>(())
/// ```
#[derive(Clone)]
pub struct PublicKeys(Arc<[PublicKey]>);

impl PublicKeys {
    /// The most keys that are taken; a token without a known `kid` is tried against each of its algorithm.
    pub const MAX: usize = MAX_KEYS;

    /// Reads the keys from the environment variable [`PUBLIC_KEY`](PUBLIC_KEY_ENV): PEM, a JWK or a JWK set.
    ///
    /// # Errors
    ///
    /// The variable is missing or not Unicode, or its text is refused by [`from_pem`](Self::from_pem) or
    /// [`from_jwk`](Self::from_jwk). The key of [`testing`](crate::testing) is refused too: its private half is
    /// public.
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
        let keys: Self = text.parse()?;
        if keys.iter().any(|key| key.has_thumbprint(TEST_KEY_ID)) {
            return Err(KeyError::new(Problem::TestKey));
        }
        Ok(keys)
    }

    /// Reads one or more PEM blocks: `PUBLIC KEY` (SPKI; RSA, P-256, P-384 or Ed25519), `RSA PUBLIC KEY` (PKCS#1) or
    /// `CERTIFICATE` (X.509, of which only the key is used).
    ///
    /// What consoles, environment files and CI systems do to a text is undone: CRLF, `\n` escaped once or more,
    /// quotes, the escapes of JSON strings, indents, base64 of the whole.
    ///
    /// Every block is a key that may sign tokens: of a certificate chain give the leaf only, or whoever holds the
    /// key of an issuing authority is trusted too. Dates and issuers of certificates are ignored.
    ///
    /// # Errors
    ///
    /// A block that is not a public key of these kinds; an RSA key that does not have 2,048 to 8,192 bits, an odd
    /// modulus and the exponent 65537; no block, or more than eight.
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
        let keys = blocks.iter().enumerate().map(|(index, block)| {
            read_block(block.tag(), block.contents())
                .and_then(|material| PublicKey::new(material, None))
                .map_err(|problem| match begun {
                    1 => KeyError::new(problem),
                    _ => KeyError::new(problem).in_block(index + 1),
                })
        });
        Self::of(keys.collect::<Result<_, _>>()?)
    }

    /// Reads a JWK or a JWK set (RFC 7517).
    ///
    /// Keys of a set that cannot verify tokens are skipped: of another kind or curve, weak, for another `alg`, for
    /// another `use`, without `verify` in `key_ops`. A key is named by its `kid`, or by its thumbprint where it has
    /// none.
    ///
    /// ```
    /// use room_auth::{Algorithm, PublicKeys};
    ///
    /// let keys = PublicKeys::from_jwk(
    ///     r#"{"keys":[{"kty":"EC","crv":"P-256","use":"sig","kid":"2027",
    ///         "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    ///         "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#,
    /// )?;
    /// assert!(keys.iter().all(|key| key.algorithm() == Algorithm::Es256));
    /// # Ok::<_, room_auth::KeyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A text that is not JSON with unique members, a private or a symmetric key, a `kid` that two keys have, more
    /// than eight keys, or no key that can verify.
    pub fn from_jwk(text: &str) -> Result<Self, KeyError> {
        match normalize_json(text) {
            Some(text) => Self::from_exact_jwk(&text),
            None => Err(KeyError::new(Problem::BrokenJson)),
        }
    }

    /// The same for a text that nobody has pasted anywhere.
    pub(super) fn from_exact_jwk(text: &str) -> Result<Self, KeyError> {
        Self::of(jwk::read_keys(text)?)
    }

    fn of(keys: Vec<PublicKey>) -> Result<Self, KeyError> {
        if keys.len() > Self::MAX {
            return Err(KeyError::new(Problem::TooMany(keys.len())));
        }
        let given: Vec<&str> = keys.iter().filter_map(PublicKey::given_id).collect();
        if given
            .iter()
            .enumerate()
            .any(|(index, id)| given[..index].contains(id))
        {
            return Err(KeyError::new(Problem::DuplicateId));
        }
        Ok(Self(keys.into()))
    }

    /// Returns the keys, in the order in which they stood.
    pub fn iter(&self) -> impl Iterator<Item = &PublicKey> {
        self.0.iter()
    }
}

/// Reads PEM, a JWK or a JWK set, whichever the text is.
impl FromStr for PublicKeys {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        // What begins like PEM is not searched for JSON first: reading the keys is most of a function's own start.
        if text.starts_with(BEGIN) || normalize_json(text).is_none() {
            Self::from_pem(text)
        } else {
            Self::from_jwk(text)
        }
    }
}

impl fmt::Debug for PublicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The environment belongs to the whole process, so the text is handed in here.
    #[test]
    fn the_key_of_the_testing_module_is_refused_from_the_environment() {
        let test_key = crate::testing::public_key_pem();
        let other = include_str!("../../../tests/fixtures/keys/other_public.pem");
        for text in [
            test_key.to_owned(),
            format!("{other}{test_key}"),
            test_key.replace('\n', "\\n"),
        ] {
            let error = PublicKeys::from_var(Ok(text)).unwrap_err().to_string();
            assert!(error.contains("holds the test key of room-auth"), "{error}");
        }
        assert!(PublicKeys::from_var(Ok(other.to_owned())).is_ok());
        assert!(PublicKeys::from_pem(test_key).is_ok(), "tests take it");
    }
}
