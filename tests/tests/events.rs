//! Hostile events against the layer: each is refused with the same bytes, the handler is not called, nothing of a
//! token is shown, and the next event is served.
#![allow(clippy::unwrap_used)]

#[path = "events/behind.rs"]
mod behind;
#[path = "events/configured.rs"]
mod configured;
#[path = "events/fields.rs"]
mod fields;
#[path = "events/inner.rs"]
mod inner;
#[path = "events/masked.rs"]
mod masked;
#[path = "events/places.rs"]
mod places;
#[path = "events/runtimes.rs"]
mod runtimes;
#[path = "events/sizes.rs"]
mod sizes;
