//! What every registry and every transport must do, as tests that any of them can run.

mod registry;
mod transport;

pub use registry::registry_conformance;
pub use transport::{TestApi, transport_conformance};
