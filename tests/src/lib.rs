//! What the tests that cross the crates have in common.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

pub mod program;

pub use room_auth_forge::{self as forge, fixture, secret};

/// The examples of the README compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// The examples of the page on identity providers compile.
#[cfg(doctest)]
#[doc = include_str!("../../docs/identity-providers.md")]
pub struct IdentityProviders;
