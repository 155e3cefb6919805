//! The layer of the environment, which attributed functions use unless told otherwise.

use std::sync::{Arc, OnceLock};

use super::layer::RoomAuthLayer;
use super::session::Auth;
use crate::error::ConfigError;

static FROM_ENV: OnceLock<Result<Arc<Auth>, ConfigError>> = OnceLock::new();

/// Returns the layer of the environment, built at the first call.
pub(crate) fn from_env() -> Result<Arc<Auth>, ConfigError> {
    let layer = || RoomAuthLayer::<()>::from_env().map(|layer| layer.auth().clone());
    FROM_ENV.get_or_init(layer).clone()
}
