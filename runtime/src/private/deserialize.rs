//! What is said to someone who wants to read claims or authenticated events from data, most often by forgetting
//! the layer in front of a service.
//!
//! The implementations hold for no type at all: nothing implements [`Makes`]. The bound is on another type than the
//! one that is deserialized, so that the compiler puts this text first and not serde's advice to derive `Deserialize`.

use serde::{Deserialize, Deserializer};

use crate::auth::Authenticated;
use crate::claims::RoomClaims;

#[diagnostic::on_unimplemented(
    message = "`{T}` cannot be deserialized: only `RoomAuthLayer` makes it, from a verified token",
    label = "`{T}` comes from the layer, not from data",
    note = "write `ServiceBuilder::new().layer(RoomAuthLayer::from_env()?).service_fn(handler)`, or put `#[room_auth]` on the handler",
    note = "in unit tests, `room_auth::testing` (feature `testing`) makes claims and authenticated events"
)]
pub trait Makes<T> {
    fn make() -> T;
}

#[derive(Debug)]
pub enum FromData {}

#[doc(hidden)]
impl<'de, E, T> Deserialize<'de> for Authenticated<E, T>
where
    FromData: Makes<Authenticated<E, T>>,
{
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(FromData::make())
    }
}

#[doc(hidden)]
impl<'de, T> Deserialize<'de> for RoomClaims<T>
where
    FromData: Makes<RoomClaims<T>>,
{
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(FromData::make())
    }
}
