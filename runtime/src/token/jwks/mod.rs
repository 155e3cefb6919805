//! Keys that an issuer publishes as a JWK set, fetched over HTTPS (feature `jwks`).
//!
//! What is trusted: whoever answers for the URL, by TLS and the root certificates of the machine. The set that was
//! fetched last is the truth until the next one; a fetch that fails changes nothing. No token causes more than one fetch
//! in ten seconds, and none waits for more than 800 ms.
//!
//! | file | job |
//! | --- | --- |
//! | `source.rs` | what is configured, and the verifier made of it |
//! | `shortcuts.rs` | what the verifier itself offers |
//! | `url.rs` | which URLs are taken |
//! | `published.rs` | the set in use: when it is fetched again, and by whom |
//! | `fetch.rs` | one request, and what its answer must be like |
//! | `max_age.rs` | how long an answer is good for |
//! | `bounds.rs` | sizes and times |
//! | `error.rs` | why a set was not taken |

mod bounds;
mod error;
mod fetch;
mod max_age;
mod published;
mod shortcuts;
mod source;
mod url;

pub(super) use published::PublishedKeys;
pub use source::{JWKS_URL_ENV, JWT_AUDIENCE_ENV, JWT_ISSUER_ENV, Jwks};
