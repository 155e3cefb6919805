//! Authentication as a tower layer: [`RoomAuthLayer`] makes [`RoomAuth`] services, whose futures decide.
//!
//! `decision` is the pure rule; `start` and `future` are the two halves of a request's way; `session` asks the
//! registry and ends connections; `renewal` replaces claims in band; `rejection` is what the refused get.

mod authenticated;
mod decision;
mod future;
mod layer;
mod rejection;
mod renewal;
mod report;
mod service;
mod session;
mod start;

pub use authenticated::Authenticated;
pub use future::{Handle, ResponseFuture};
pub use layer::RoomAuthLayer;
pub use rejection::{Rejection, RejectionKind};
pub use renewal::RenewError;
pub(crate) use report::refuse;
pub use service::{Ready, RoomAuth};
pub(crate) use start::Start;

#[cfg(all(test, feature = "issuer"))]
#[allow(clippy::unwrap_used, clippy::unimplemented)]
mod tests;
