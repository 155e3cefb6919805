//! A token taken apart: compact serialization (RFC 7515 §7.1) and its header.

use std::borrow::Cow;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::NO_PAD;

use super::error::{VerifyError, VerifyErrorKind};
use crate::json::{self, Object};

/// base64url without padding, canonical; with the vector instructions of the machine where it has some.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
static BASE64URL: LazyLock<base64::engine::Simd> = LazyLock::new(|| base64::engine::Simd::url_safe(NO_PAD));
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
static BASE64URL: LazyLock<base64::engine::GeneralPurpose> =
    LazyLock::new(|| base64::engine::GeneralPurpose::new(&base64::alphabet::URL_SAFE, NO_PAD));

/// A token in compact serialization, decoded.
pub(super) struct CompactJws<'a> {
    /// Header and payload as they stand in the token: what was signed (RFC 7515 §2, "JWS Signing Input").
    pub(super) signing_input: &'a [u8],
    pub(super) header: Vec<u8>,
    pub(super) payload: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

impl<'a> CompactJws<'a> {
    /// Decodes `token`, unless it is longer than `max_len` bytes or in another form.
    pub(super) fn decode(token: &'a str, max_len: usize) -> Option<Self> {
        if token.len() > max_len {
            return None;
        }
        let (signing_input, signature) = token.rsplit_once('.')?;
        let (header, payload) = signing_input.split_once('.')?;
        // The alphabet has no dot, so a fourth part fails to decode; trailing bits must be zero, so each token has
        // one spelling.
        let decode = |part: &str| {
            if part.is_empty() {
                None
            } else {
                BASE64URL.decode(part).ok()
            }
        };
        Some(Self {
            signing_input: signing_input.as_bytes(),
            header: decode(header)?,
            payload: decode(payload)?,
            signature: decode(signature)?,
        })
    }
}

/// What a header says, everything in it checked but `alg`.
pub(super) struct Header<'a> {
    /// Absent, or not a string: no key has such an algorithm.
    pub(super) algorithm: Option<Cow<'a, str>>,
    pub(super) key_id: Option<Cow<'a, str>>,
}

impl<'a> Header<'a> {
    /// Reads a header; `types` are accepted as `typ` beside `JWT`.
    pub(super) fn read(header: &'a [u8], types: &[String]) -> Result<Self, VerifyError> {
        let header = Object::parse(header).ok_or(VerifyErrorKind::Header)?;
        if let Some(kind) = header.get("typ") {
            let kind = json::string(kind).ok_or(VerifyErrorKind::Header.of("typ"))?;
            // A media type may leave `application/` out (RFC 7515 §4.1.9).
            let is_one_of_ours = || {
                let short = match kind.get(..12) {
                    Some(prefix) if prefix.eq_ignore_ascii_case("application/") => &kind[12..],
                    _ => &*kind,
                };
                types.iter().any(|ours| short.eq_ignore_ascii_case(ours))
            };
            if !kind.eq_ignore_ascii_case("JWT") && !is_one_of_ours() {
                return Err(VerifyErrorKind::Header.of("typ"));
            }
        }
        // `crit` names extensions that must be understood (RFC 7515 §4.1.11): none is. `b64` and `zip` change what
        // is signed, `enc` makes it a JWE.
        if let Some(name) = ["crit", "b64", "zip", "enc"]
            .into_iter()
            .find(|name| header.contains(name))
        {
            return Err(VerifyErrorKind::Header.of(name));
        }
        // `"kid": null` is refused like any other value that is not a string: an absent `kid` is left out.
        let key_id = match header.get("kid") {
            Some(id) => Some(json::string(id).ok_or(VerifyErrorKind::Header.of("kid"))?),
            None => None,
        };
        Ok(Self {
            algorithm: header.get("alg").and_then(json::string),
            key_id,
        })
    }
}
