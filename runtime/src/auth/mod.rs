//! Authentication as a tower layer: [`RoomAuthLayer`] makes [`RoomAuth`] services, whose futures decide.
//!
//! `decision` is the pure rule, `future` the way of one request, `rejection` what the refused get.

mod authenticated;
mod decision;
mod future;
mod layer;
mod rejection;
mod service;

pub use authenticated::Authenticated;
pub use future::ResponseFuture;
pub(crate) use future::{Request, refuse};
pub use layer::RoomAuthLayer;
pub use rejection::{Rejection, RejectionKind};
pub use service::RoomAuth;
