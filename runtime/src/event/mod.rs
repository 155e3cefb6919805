//! Events as they come in: unread, then looked at leniently, only as far as the decision needs.

mod incoming;
mod mask;
mod scan;
mod source;
mod view;

pub use incoming::Incoming;
pub(crate) use mask::mask;
pub use source::TokenSource;
pub(crate) use source::{SourceError, Sources};
pub(crate) use view::{EventType, View};
