//! Files of real shape under `tests/fixtures`.

use std::path::{Path, PathBuf};

/// The path of a fixture.
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures")
        .join(name)
}

/// The text of a fixture.
pub fn text(name: &str) -> String {
    let path = path(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text of a key of `fixtures/keys`, by its name without `.pem`.
pub fn key(name: &str) -> String {
    text(&format!("keys/{name}.pem"))
}
