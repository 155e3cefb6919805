//! Why a registry failed.

/// Why the registry could not do its work. The peer is not to blame: the request gets a 500.
#[derive(Debug, thiserror::Error)]
#[error("the registry could not {action}")]
pub struct RegistryError {
    kind: RegistryErrorKind,
    action: &'static str,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The kinds of a [`RegistryError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RegistryErrorKind {
    /// The store had no capacity left, after the registry's own retries. Trying again later may help.
    Throttled,
    /// The store did not answer in time.
    Timeout,
    /// Any other error. Retrying will not help.
    Failed,
}

impl RegistryError {
    /// Creates an error of what was attempted, in the infinitive ("record the connection").
    pub fn new(action: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            kind: RegistryErrorKind::Failed,
            action,
            source: Some(source.into()),
        }
    }

    /// Creates the error of a store without capacity.
    pub fn throttled(action: &'static str) -> Self {
        Self {
            kind: RegistryErrorKind::Throttled,
            action,
            source: None,
        }
    }

    /// Creates the error of a store that did not answer in time.
    pub fn timeout(action: &'static str) -> Self {
        Self {
            kind: RegistryErrorKind::Timeout,
            action,
            source: None,
        }
    }

    /// Returns what kind of error it is.
    pub fn kind(&self) -> RegistryErrorKind {
        self.kind
    }
}
