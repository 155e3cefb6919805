//! What a client gets.

use std::fmt;

use super::matching::Matching;

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

    /// Returns whether it is what was recorded, and pairs the ids if it is.
    pub(super) fn fits(&self, recorded: &Self, matching: &mut Matching) -> bool {
        match (recorded, self) {
            (Self::Message(recorded), Self::Message(replayed)) => matching.fits(recorded, replayed),
            (recorded, replayed) => recorded == replayed,
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
