//! What is said to someone who wants to read claims or authenticated events from data, most often by forgetting
//! the layer in front of a service: without this, serde would advise to derive `Deserialize` for them.
//!
//! The implementations hold for no type at all, as `OnlyTheLayerMakesIt` does: it can't be named outside of this
//! file, and nothing implements it.

use serde::{Deserialize, Deserializer};

use crate::auth::Authenticated;
use crate::claims::RoomClaims;

#[diagnostic::on_unimplemented(
    message = "`{Self}` is made by `RoomAuthLayer` only, out of a verified token",
    label = "the layer is missing in front of what takes `{Self}`",
    note = "write `ServiceBuilder::new().layer(RoomAuthLayer::from_env()?).service_fn(handler)`, or put `#[room_auth]` on the handler",
    note = "in unit tests, `room_auth::testing` makes claims and authenticated events"
)]
pub trait OnlyTheLayerMakesIt: Sized {
    fn make() -> Self;
}

#[doc(hidden)]
impl<'de, E, T> Deserialize<'de> for Authenticated<E, T>
where
    Self: OnlyTheLayerMakesIt,
{
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self::make())
    }
}

#[doc(hidden)]
impl<'de, T> Deserialize<'de> for RoomClaims<T>
where
    Self: OnlyTheLayerMakesIt,
{
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self::make())
    }
}
