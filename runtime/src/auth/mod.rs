//! Authentication as a tower layer: [`RoomAuthLayer`] makes [`RoomAuth`] services, whose futures decide.
//!
//! What the layer guarantees:
//!
//! * The inner service is called with verified claims, or not at all; a refusal tells the peer nothing but that.
//! * The claims are of the connection that the event came from, have not expired (a `$disconnect` excepted), and are
//!   those of its newest token.
//! * The token does not occur in what the handler gets.
//! * `poll_ready` is the inner service's: it never fails for reasons of authentication.
//!
//! What it does not: a token is a bearer token, and whoever holds it may connect until it expires. Registries and
//! trusted authorizers are believed. See "What it does not protect against" in the README.
//!
//! | file | job |
//! | --- | --- |
//! | `authenticator.rs` | how the token of a `$connect` is found and verified |
//! | `decision.rs` | the rule: pure, without registry, transport or log |
//! | `future.rs` | the way of a request |
//! | `session.rs` | what happens before and after the handler |
//! | `ending.rs` | what a refused connection is told, and how one is ended |
//! | `service.rs`, `layer.rs` | tower's traits |
//! | `authenticated.rs` | what the handler gets |
//! | `env.rs` | the layer of the environment |

mod authenticated;
mod authenticator;
mod decision;
mod ending;
mod env;
mod future;
mod layer;
mod service;
mod session;

pub use authenticated::Authenticated;
pub(crate) use authenticator::Admission;
pub use authenticator::Authenticator;
pub(crate) use decision::required;
pub use decision::{CONTEXT_KEY, ROOM_CONTEXT_KEY};
pub(crate) use env::from_env;
pub use future::ResponseFuture;
pub use layer::RoomAuthLayer;
pub use service::RoomAuth;
pub(crate) use session::Auth;
