//! Only tests: see `tests/macros.rs`.
