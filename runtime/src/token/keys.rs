//! What a verifier verifies with: keys that were given, or those that an issuer publishes.

use std::borrow::Cow;
#[cfg(feature = "jwks")]
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::future::BoxFuture;

use super::error::VerifyError;
#[cfg(feature = "jwks")]
use super::jwks::PublishedKeys;
use super::public_keys::PublicKeys;

/// The keys of a verifier. Its clones share those that are published.
#[derive(Clone, Debug)]
pub(super) enum Keys {
    Given(PublicKeys),
    #[cfg(feature = "jwks")]
    Published(Arc<PublishedKeys>),
}

impl Keys {
    /// Returns the keys that are trusted now.
    pub(super) fn current(&self) -> Cow<'_, PublicKeys> {
        match self {
            Self::Given(keys) => Cow::Borrowed(keys),
            #[cfg(feature = "jwks")]
            Self::Published(published) => Cow::Owned(published.current()),
        }
    }

    /// Returns what to wait for before a token is decided on, which is never needed for keys that were given. `key_id`
    /// reads the token's `kid`; a token whose header is refused is not worth a fetch.
    #[cfg_attr(
        not(feature = "jwks"),
        expect(unused_variables, reason = "given keys are not awaited")
    )]
    pub(super) fn awaited(
        &self,
        now: SystemTime,
        key_id: impl FnOnce() -> Result<Option<String>, VerifyError>,
    ) -> Option<BoxFuture<'static, ()>> {
        match self {
            Self::Given(_) => None,
            #[cfg(feature = "jwks")]
            Self::Published(published) => published.awaited(key_id().ok()?.as_deref(), now),
        }
    }
}
