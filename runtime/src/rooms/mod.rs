//! Sending to rooms: a [`Registry`](crate::Registry) says who is there, a [`Transport`](crate::Transport) reaches
//! them.
//!
//! What the crate guarantees:
//!
//! * A frame reaches only connections that are recorded in the room and whose claims have not expired, each through the
//!   endpoint that is recorded with it.
//! * A member who is there when a broadcast begins gets the frame at least once, or is in the [`DeliveryReport`].
//! * Only the API that a connection belongs to can say that it is gone, and only once its `$connect` must have been
//!   answered.
//!
//! What it does not: that a frame was taken by API Gateway is no proof that the client has it, frames to one
//! connection may overtake each other, and a repeated attempt may deliver a frame twice (see [`FrameId`]).
//!
//! | file | job |
//! | --- | --- |
//! | `rooms.rs` | [`Rooms`]: what is configured |
//! | `one.rs` | sending to one connection, and ending one |
//! | `session.rs` | the connection that an event came from |
//! | `joined.rs`, `known.rs` | its rooms, as its session knows them |
//! | `membership.rs` | joining, leaving, renewing |
//! | `members.rs` | who is in a room |
//! | `broadcast.rs`, `delivery.rs` | a frame to everybody in a room |
//! | `users.rs` | all connections of a user |
//! | `revocation.rs` | putting a user or a token out for good |
//! | `send.rs` | a frame to one connection, tried again as long as it makes sense |
//! | `report.rs`, `error.rs` | what became of a frame |
//! | `frame.rs` | the size of a frame, and ids by which clients drop repeats |

mod broadcast;
mod delivery;
mod error;
mod frame;
mod joined;
mod known;
mod members;
mod membership;
mod one;
mod report;
mod revocation;
#[allow(clippy::module_inception)]
mod rooms;
mod send;
mod session;
mod users;

pub use broadcast::Broadcast;
pub use error::{FrameTooLarge, MembershipError, SendError};
pub use frame::FrameId;
pub use members::{Member, Members};
pub(crate) use one::EXPIRED_FRAME;
pub use report::{DeliveryReport, DisconnectReport, Undelivered, UndeliveredReason};
pub(crate) use revocation::Vetting;
pub use rooms::Rooms;
pub(crate) use send::CONNECT_GRACE;
pub use session::Session;
