//! The private key that tokens are signed with.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use signature::Signer as _;
use zeroize::Zeroizing;

use super::algorithm::Algorithm;
use super::error::SigningKeyError;
use super::normalize::{Mangling, normalize_pem};
use super::prepared::SigningPair;
use super::public_keys::PublicKeys;

/// A private key: RSA of 2,048 to 8,192 bits, P-256, P-384 or Ed25519. It signs with the one [`Algorithm`] of its kind.
/// Cloning is cheap; `Debug` shows the key id and the algorithm only.
///
/// ```
/// use room_auth::{PublicKeys, SigningKey};
///
/// let key = SigningKey::generate()?;
/// let public = PublicKeys::from_pem(&key.public_key_pem())?;
/// assert_eq!(public.iter().next().map(|key| key.key_id()), Some(key.key_id()));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SigningKey {
    pair: Arc<SigningPair>,
    key_id: Arc<str>,
    public_pem: Arc<str>,
}

impl SigningKey {
    /// Makes a new RSA key of 2,048 bits. Takes about a tenth of a second.
    ///
    /// # Errors
    ///
    /// The operating system has no randomness to give.
    pub fn generate() -> Result<Self, SigningKeyError> {
        Self::generate_for(Algorithm::Rs256)
    }

    /// Makes a new key that signs with `algorithm`.
    ///
    /// ```
    /// use room_auth::{Algorithm, SigningKey};
    ///
    /// let key = SigningKey::generate_for(Algorithm::EdDsa)?;
    /// assert_eq!(key.algorithm(), Algorithm::EdDsa);
    /// # Ok::<_, room_auth::SigningKeyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The operating system has no randomness to give.
    pub fn generate_for(algorithm: Algorithm) -> Result<Self, SigningKeyError> {
        SigningPair::generate(algorithm)
            .ok_or(SigningKeyError(
                "no key could be generated: the random source failed",
            ))
            .and_then(Self::from_pair)
    }

    /// Reads a PEM block `PRIVATE KEY` (PKCS#8), `RSA PRIVATE KEY` (PKCS#1) or `EC PRIVATE KEY` (RFC 5915), as OpenSSL
    /// and Terraform's `tls_private_key` write them.
    ///
    /// What consoles, environment files and CI systems do to a text is undone, as in
    /// [`PublicKeys::from_pem`](crate::PublicKeys::from_pem). Blocks that are not private keys are ignored.
    ///
    /// # Errors
    ///
    /// Says what was found instead, and holds nothing of the text.
    pub fn from_pem(text: &str) -> Result<Self, SigningKeyError> {
        let text = normalize_pem(text);
        match Mangling::of(&text) {
            Some(Mangling::StrippedArmour) => return Err(SigningKeyError::STRIPPED_ARMOUR),
            Some(Mangling::LetterN) => return Err(SigningKeyError::LETTER_N),
            None => {}
        }
        if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
            return Err(SigningKeyError::ENCRYPTED);
        }
        let blocks = pem::parse_many(&*text).map_err(|_| SigningKeyError::BROKEN_PEM)?;
        let blocks: Vec<(String, Zeroizing<Vec<u8>>)> = blocks
            .into_iter()
            .map(|block| (block.tag().to_owned(), Zeroizing::new(block.into_contents())))
            .collect();
        let mut private = blocks.iter().filter(|(label, _)| label.contains("PRIVATE KEY"));
        let Some((label, der)) = private.next() else {
            return Err(match blocks.first() {
                None => SigningKeyError::BROKEN_PEM,
                Some((label, _)) if label.contains("PUBLIC KEY") || label.contains("CERTIFICATE") => {
                    SigningKeyError::PUBLIC
                }
                Some(_) => SigningKeyError::OTHER_LABEL,
            });
        };
        if private.next().is_some() {
            return Err(SigningKeyError::SEVERAL);
        }
        let pair = match label.as_str() {
            "PRIVATE KEY" => SigningPair::from_pkcs8(der),
            "RSA PRIVATE KEY" => SigningPair::from_pkcs1(der),
            "EC PRIVATE KEY" => SigningPair::from_sec1(der),
            _ => return Err(SigningKeyError::OTHER_LABEL),
        };
        pair.ok_or(SigningKeyError::OTHER_KEY).and_then(Self::from_pair)
    }

    /// Reads the JSON `{"private_key": "<PEM>", "public_key": "<PEM>"}` as it is kept in AWS Secrets Manager.
    ///
    /// Raw line ends inside the strings are accepted, although JSON forbids them: Terraform templates write
    /// such secrets.
    ///
    /// # Errors
    ///
    /// No such JSON, an unusable private key, or a `public_key` that belongs to another private key. Holds
    /// nothing of the text.
    pub fn from_secret_json(text: &str) -> Result<Self, SigningKeyError> {
        #[derive(Deserialize)]
        struct Secret {
            private_key: Zeroizing<String>,
            public_key: Option<String>,
        }
        let escaped = escape_line_ends(text);
        let secret: Secret = serde_json::from_str(&escaped).map_err(|_| {
            SigningKeyError(
                r#"the secret is not JSON of the form {"private_key": "<PEM>", "public_key": "<PEM>"}"#,
            )
        })?;
        let key = Self::from_pem(&secret.private_key)?;
        if let Some(public_key) = secret.public_key {
            let belongs = PublicKeys::from_pem(&public_key)
                .is_ok_and(|keys| keys.iter().any(|public| public.key_id() == key.key_id()));
            if !belongs {
                return Err(SigningKeyError(
                    "the secret's public_key does not belong to its private_key",
                ));
            }
        }
        Ok(key)
    }

    /// Returns the key id: the SHA-256 JWK thumbprint of RFC 7638, as
    /// [`PublicKey::key_id`](crate::PublicKey::key_id).
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Returns the public key as PEM (`PUBLIC KEY`, SPKI): what `PUBLIC_KEY` is set to.
    pub fn public_key_pem(&self) -> String {
        self.public_pem.to_string()
    }

    /// Returns the private key as PEM (`PRIVATE KEY`, PKCS#8), to be kept secret. Wiped from memory when dropped.
    ///
    /// # Errors
    ///
    /// The key cannot be encoded.
    pub fn private_key_pem(&self) -> Result<Zeroizing<String>, SigningKeyError> {
        let der = self
            .pair
            .private_der()
            .ok_or(SigningKeyError("the private key cannot be encoded"))?;
        Ok(encode_pem("PRIVATE KEY", &der))
    }

    /// Signs `message` with the key's algorithm.
    ///
    /// For signatures of other things than room tokens; an [`Issuer`](crate::Issuer) makes those.
    ///
    /// # Errors
    ///
    /// The operating system has no randomness to give.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningKeyError> {
        self.pair
            .try_sign(message)
            .map_err(|_| SigningKeyError("the key did not sign: the random source failed"))
    }

    /// Returns the one algorithm that this key signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.pair.algorithm()
    }

    fn from_pair(pair: SigningPair) -> Result<Self, SigningKeyError> {
        const UNENCODABLE: SigningKeyError = SigningKeyError("the public key cannot be encoded");
        let public_pem = encode_pem("PUBLIC KEY", &pair.public_der().ok_or(UNENCODABLE)?);
        let keys = PublicKeys::from_pem(&public_pem).map_err(|_| SigningKeyError::OTHER_KEY)?;
        let key_id = keys.iter().map(|key| Arc::from(key.key_id())).next();
        Ok(Self {
            pair: Arc::new(pair),
            key_id: key_id.ok_or(UNENCODABLE)?,
            public_pem: public_pem.as_str().into(),
        })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("key_id", &self.key_id)
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}

/// Encodes one PEM block (RFC 7468), in a buffer that is wiped and does not move.
pub(in crate::token) fn encode_pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    let mut body = Zeroizing::new(String::with_capacity(der.len().div_ceil(3) * 4));
    STANDARD.encode_string(der, &mut body);
    let lines = body.len().div_ceil(64);
    let mut text = Zeroizing::new(String::with_capacity(body.len() + lines + 2 * (label.len() + 17)));
    text.extend(["-----BEGIN ", label, "-----\n"]);
    for start in (0..body.len()).step_by(64) {
        text.extend([&body[start..body.len().min(start + 64)], "\n"]);
    }
    text.extend(["-----END ", label, "-----\n"]);
    text
}

/// Escapes the control characters that stand raw inside JSON strings.
fn escape_line_ends(text: &str) -> Zeroizing<String> {
    // The buffer does not move: each character becomes two at most.
    let mut escaped = Zeroizing::new(String::with_capacity(2 * text.len()));
    let (mut in_string, mut after_backslash) = (false, false);
    for character in text.chars() {
        match character {
            '\n' if in_string => escaped.push_str("\\n"),
            '\r' if in_string => escaped.push_str("\\r"),
            '\t' if in_string => escaped.push_str("\\t"),
            other => escaped.push(other),
        }
        if character == '"' && !after_backslash {
            in_string = !in_string;
        }
        after_backslash = character == '\\' && !after_backslash;
    }
    escaped
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_pem_and_both_spellings_of_the_secret() {
        let key = SigningKey::generate().unwrap();
        let private = key.private_key_pem().unwrap();
        let read = SigningKey::from_pem(&private).unwrap();
        assert_eq!(read.key_id(), key.key_id());

        let proper =
            serde_json::json!({"private_key": *private, "public_key": key.public_key_pem()}).to_string();
        assert_eq!(
            SigningKey::from_secret_json(&proper).unwrap().key_id(),
            key.key_id()
        );

        let heredoc = format!(
            "{{\n  \"private_key\": \"{}\",\n  \"public_key\": \"{}\"\n}}\n",
            *private,
            key.public_key_pem()
        );
        assert!(
            serde_json::from_str::<serde_json::Value>(&heredoc).is_err(),
            "it is not JSON"
        );
        assert_eq!(
            SigningKey::from_secret_json(&heredoc).unwrap().key_id(),
            key.key_id()
        );
        let crlf = heredoc.replace('\n', "\r\n");
        assert_eq!(
            SigningKey::from_secret_json(&crlf).unwrap().key_id(),
            key.key_id()
        );
    }

    #[test]
    fn what_is_no_private_key_is_named_without_being_shown() {
        let key = SigningKey::generate().unwrap();
        let other = SigningKey::generate().unwrap();
        let private = key.private_key_pem().unwrap();
        let mixed =
            serde_json::json!({"private_key": *private, "public_key": other.public_key_pem()}).to_string();
        for (error, expected) in [
            (SigningKey::from_pem("").unwrap_err(), "no PEM block"),
            (SigningKey::from_pem(&private[..200]).unwrap_err(), "cut off"),
            (
                SigningKey::from_pem(&key.public_key_pem()).unwrap_err(),
                "public key was given",
            ),
            (SigningKey::from_secret_json("{}").unwrap_err(), "private_key"),
            (
                SigningKey::from_secret_json(&mixed).unwrap_err(),
                "does not belong",
            ),
        ] {
            assert!(error.to_string().contains(expected), "{error}");
            assert!(!format!("{error:?}").contains("MII"));
        }
        assert!(!format!("{key:?}").contains("MII"));
    }
}
