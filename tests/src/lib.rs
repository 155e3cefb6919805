//! What the tests that cross the crates have in common.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

pub mod capture;
pub mod fixture;
pub mod forge;
pub mod program;
pub mod secret;

/// The examples of the README compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
