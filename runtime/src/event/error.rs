//! Why a handshake presents no token.

/// Why a handshake presents no token that could be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceError {
    /// Nowhere a token.
    Missing,
    /// More than one.
    Multiple,
    /// Something that is not of the form of its source.
    Malformed,
    /// A cookie from a page of an origin that is not allowed.
    Origin,
}
