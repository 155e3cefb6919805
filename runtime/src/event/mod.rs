//! Events as they come in: unread, then looked at leniently, only as far as the decision needs.
//!
//! | file | job |
//! | --- | --- |
//! | `incoming.rs` | the event before anybody has looked at it |
//! | `context.rs` | what it is about |
//! | `view.rs` | reading what decides |
//! | `handshake.rs`, `source.rs`, `subprotocol.rs` | finding the token of a `$connect` |
//! | `mask.rs` | taking the token out |
//! | `websocket.rs` | the event as the handler sees it |
//! | `scan.rs` | walking over the JSON |

mod context;
mod error;
mod handshake;
mod incoming;
mod mask;
mod scan;
mod source;
mod subprotocol;
mod view;
mod websocket;

pub use context::{EventContext, EventType};
pub(crate) use error::SourceError;
pub(crate) use handshake::Handshake;
pub use incoming::Incoming;
pub(crate) use mask::mask;
pub(crate) use source::Sources;
pub use source::TokenSource;
pub(crate) use view::{UnreadableMember, View};
pub use websocket::{BodyError, WebSocketEvent};
