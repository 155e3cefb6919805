//! The bounds of fetching keys. [`Jwks`](super::Jwks), the README and SECURITY name them to users.

use std::time::Duration;

/// How long a fetch may take, from the name of the host to the last byte. A connection that waits for it is decided on
/// within a second.
pub(super) const TIMEOUT: Duration = Duration::from_millis(800);

/// The largest set that is read. Eight keys with certificate chains have about 40 KiB.
pub(super) const MAX_BYTES: usize = 256 * 1024;

/// The least time between two fetches, however many tokens ask for one. The fetch at the start does not count: a key
/// that is used for the first time just after it is found.
pub(super) const INTERVAL: Duration = Duration::from_secs(10);

/// How long a set is good for at least: an issuer that forbids caching is not asked at every connection.
pub(super) const MIN_AGE: Duration = Duration::from_mins(5);

/// How long a set is good for at most: a key that the issuer has withdrawn is then noticed.
pub(super) const MAX_AGE: Duration = Duration::from_hours(24);

/// How long a set is good for where the issuer does not say.
pub(super) const DEFAULT_AGE: Duration = Duration::from_hours(1);
