use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

/// JSON lines, warnings and worse (refusals are warnings); `RUST_LOG=info` shows who comes and goes.
pub(crate) fn json() {
    let levels = std::env::var("RUST_LOG")
        .ok()
        .and_then(|levels| levels.parse().ok());
    tracing_subscriber::registry()
        .with(levels.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN)))
        .with(tracing_subscriber::fmt::layer().json().flatten_event(true))
        .init();
}
