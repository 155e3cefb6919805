use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use crate::function::lock;

/// What API Gateway limits, each with its documented value ("Quotas for configuring and running a WebSocket
/// API" and "API Gateway account-level quotas" in the developer guide), and each settable.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// A connection is closed with 1001 after this time, whatever it does. 2 hours.
    pub connection_duration: Duration,
    /// A connection on which nothing was sent in either direction for this time is closed with 1001.
    /// 10 minutes.
    pub idle_timeout: Duration,
    /// How long a function may take to answer; the client gets an error then, and the function goes on.
    /// 29 seconds.
    pub integration_timeout: Duration,
    /// The largest frame a client may send, in bytes; a larger one closes the connection with 1009. Larger
    /// messages to a client are split into frames of this size. 32 KB.
    pub frame_bytes: usize,
    /// The largest message, in bytes: a larger one from a client closes the connection with 1009, a larger
    /// one to a client is refused with 413. 128 KB.
    pub message_bytes: usize,
    /// The largest answer of an authorizer, in bytes. 8 KB.
    pub authorizer_result_bytes: usize,
    /// The longest URL a client may connect to, in characters. 4096.
    pub url_chars: usize,
    /// New connections a second (and at once); more are refused with 429. 500. `None`: no limit.
    pub connections_per_second: Option<u32>,
    /// Messages, handshakes and @connections calls a second; what is more gets 429, or an error frame.
    /// 10,000, with bursts of 5,000. `None`: no limit.
    pub requests_per_second: Option<RequestRate>,
    /// What a slow client may leave unread before posting to it fails with 429, in bytes. API Gateway has
    /// such a buffer and does not document its size; 1 MB here.
    pub client_buffer_bytes: usize,
    /// Messages of one connection that are worked on at once; further ones wait unread. API Gateway
    /// documents none; 100 here.
    pub messages_in_flight: usize,
}

/// A token bucket: so many a second, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestRate {
    /// Requests a second.
    pub rate: u32,
    /// Requests at once.
    pub burst: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connection_duration: Duration::from_hours(2),
            idle_timeout: Duration::from_mins(10),
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

/// Counts against a [`RequestRate`]; without one, everything passes.
#[derive(Debug)]
pub(crate) struct Throttle(Option<(RequestRate, Mutex<Bucket>)>);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Throttle {
    pub(crate) fn new(rate: Option<RequestRate>, now: Instant) -> Self {
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

    pub(crate) fn allows(&self, now: Instant) -> bool {
        let Some((rate, bucket)) = &self.0 else {
            return true;
        };
        let mut bucket = lock(bucket);
        let gained = now.saturating_duration_since(bucket.filled).as_secs_f64() * f64::from(rate.rate);
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
        let start = Instant::now();
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
        let throttle = Throttle::new(None, Instant::now());
        assert!((0..10_000).all(|_| throttle.allows(Instant::now())));
    }
}
