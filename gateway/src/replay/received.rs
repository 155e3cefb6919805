//! What a client gets.

use std::fmt;

/// What a client gets once its socket is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// A message, with tokens masked.
    Message(String),
    /// A close frame with this code.
    Closed(u16),
    /// The connection has ended without a close frame.
    Broken,
}

impl Received {
    /// Returns whether nothing comes after it.
    pub(super) fn is_end(&self) -> bool {
        matches!(self, Self::Closed(_) | Self::Broken)
    }

    /// Returns it with the text of a message masked.
    pub(super) fn masked(self, mask: impl FnOnce(&str) -> String) -> Self {
        match self {
            Self::Message(text) => Self::Message(mask(&text)),
            end => end,
        }
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(text) => f.write_str(text),
            Self::Closed(code) => write!(f, "a close frame with {code}"),
            Self::Broken => f.write_str("the end of the connection"),
        }
    }
}
