//! The limits of API Gateway.

use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

/// The limits of API Gateway. The defaults are the documented values ("Quotas for configuring and running a WebSocket
/// API" and "API Gateway account-level quotas" in the developer guide).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The longest time that a connection lasts; then it is closed with 1001 (default: 2 hours).
    pub connection_duration: Duration,
    /// How long a connection may be idle in both directions; then it is closed with 1001 (default: 10 minutes).
    pub idle_timeout: Duration,
    /// Whether pings and pongs keep a connection from being idle (default: false). AWS does not document it, so the
    /// default is the stricter reading: only messages count.
    pub pings_keep_alive: bool,
    /// How long a client waits for a function (default: 29 seconds). Then the client gets an error, and the function
    /// goes on.
    pub integration_timeout: Duration,
    /// The largest frame from a client, in bytes; a larger one closes the connection with 1009 (default: 32 KB).
    /// Larger messages to a client are split into frames of this size.
    pub frame_bytes: usize,
    /// The largest message, in bytes (default: 128 KB). A larger one from a client closes the connection with 1009, and
    /// a larger post to a client is refused with 413. In place of a larger response of a route the client gets the frame
    /// `Internal server error`; AWS documents the limit, but not what the client gets.
    pub message_bytes: usize,
    /// The largest answer of an authorizer, in bytes (default: 8 KB).
    pub authorizer_result_bytes: usize,
    /// The longest URL that a client may connect to, in characters (default: 4096).
    pub url_chars: usize,
    /// New connections per second, and at once; more are refused with 429 (default: 500). `None` is no limit.
    pub connections_per_second: Option<u32>,
    /// Messages, handshakes and @connections calls per second; more get 429, or an error frame (default: 10,000, with
    /// bursts of 5,000). `None` is no limit.
    pub requests_per_second: Option<RequestRate>,
    /// How much a slow client may leave unread before posts to it fail with 429, in bytes (default: 1 MB); a message
    /// counts as at least 64. API Gateway has such a buffer and does not document its size.
    pub client_buffer_bytes: usize,
    /// How many messages of one connection are worked on at once; further ones wait unread (default: 100). API Gateway
    /// does not document such a limit.
    pub messages_in_flight: usize,
}

/// The rate and the burst of a token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestRate {
    /// The requests per second.
    pub rate: u32,
    /// The requests at once.
    pub burst: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connection_duration: Duration::from_hours(2),
            idle_timeout: Duration::from_mins(10),
            pings_keep_alive: false,
            integration_timeout: Duration::from_secs(29),
            frame_bytes: 32 * 1024,
            message_bytes: 128 * 1024,
            authorizer_result_bytes: 8 * 1024,
            url_chars: 4096,
            connections_per_second: Some(500),
            requests_per_second: Some(RequestRate {
                rate: 10_000,
                burst: 5_000,
            }),
            client_buffer_bytes: 1024 * 1024,
            messages_in_flight: 100,
        }
    }
}

/// Counts requests against a [`RequestRate`], and without one allows everything.
#[derive(Debug)]
pub(crate) struct Throttle(Option<(RequestRate, Mutex<Bucket>)>);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: SystemTime,
}

impl Throttle {
    pub(crate) fn new(rate: Option<RequestRate>, now: SystemTime) -> Self {
        Self(rate.map(|rate| {
            (
                rate,
                Mutex::new(Bucket {
                    tokens: f64::from(rate.burst),
                    filled: now,
                }),
            )
        }))
    }

    pub(crate) fn allows(&self, now: SystemTime) -> bool {
        let Some((rate, bucket)) = &self.0 else {
            return true;
        };
        let mut bucket = bucket.lock();
        // Nothing is gained by a clock that was set back.
        let passed = now.duration_since(bucket.filled).unwrap_or_default();
        let gained = passed.as_secs_f64() * f64::from(rate.rate);
        bucket.tokens = (bucket.tokens + gained).min(f64::from(rate.burst));
        bucket.filled = now;
        if bucket.tokens < 1.0 {
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_throttle_allows_its_burst_then_its_rate() {
        let start = SystemTime::UNIX_EPOCH;
        let throttle = Throttle::new(Some(RequestRate { rate: 2, burst: 3 }), start);
        let allowed = |at: f64| throttle.allows(start + Duration::from_secs_f64(at));
        assert_eq!(
            [allowed(0.0), allowed(0.0), allowed(0.0), allowed(0.0)],
            [true, true, true, false]
        );
        assert_eq!([allowed(0.4), allowed(0.5), allowed(0.5)], [false, true, false]);
        assert_eq!(
            [allowed(100.0), allowed(100.0), allowed(100.0), allowed(100.0)],
            [true, true, true, false]
        );
    }

    #[test]
    fn no_throttle_allows_everything() {
        let throttle = Throttle::new(None, SystemTime::UNIX_EPOCH);
        assert!((0..10_000).all(|_| throttle.allows(SystemTime::UNIX_EPOCH)));
    }
}
