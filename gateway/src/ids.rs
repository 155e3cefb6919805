//! Identifiers and times in the formats of AWS.

use std::time::{Duration, SystemTime};

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

/// The common log format: `09/Feb/2024:18:23:28 +0000`.
const REQUEST_TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");

/// As in `2024-02-09T18:23:28.941Z`.
const ISO_8601: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

const LOG_STREAM_DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]/[month]/[day]");

/// Returns a new connection, message or request id of API Gateway: 11 bytes as base64url, which are 16 characters, the
/// last of them `=`.
pub(crate) fn api_gateway_id() -> String {
    URL_SAFE.encode(rand::random::<[u8; 11]>())
}

/// Returns whether `id` has the form of a connection id. @connections answers others with 400 instead of 410.
pub(crate) fn is_connection_id(id: &str) -> bool {
    URL_SAFE.decode(id).is_ok_and(|bytes| bytes.len() == 11)
}

/// Returns a new Lambda request id: a version 4 UUID.
pub(crate) fn lambda_request_id() -> String {
    uuid::Builder::from_random_bytes(rand::random())
        .into_uuid()
        .to_string()
}

/// Returns a new trace id as in `X-Amzn-Trace-Id`: version, seconds, 96 random bits.
pub(crate) fn trace_root(now: SystemTime) -> String {
    format!(
        "Root=1-{:08x}-{:024x}",
        millis(now) / 1000,
        rand::random::<u128>() >> 32
    )
}

/// Returns the trace header of one invocation, whose root is made of the request id: whoever sees the calls that a
/// function makes can tell which invocation made them.
pub(crate) fn trace_of(request_id: &str, now: SystemTime) -> String {
    let mut digits: Vec<char> = request_id.chars().filter(char::is_ascii_hexdigit).collect();
    let digits: String = digits
        .split_off(digits.len().saturating_sub(24))
        .into_iter()
        .collect();
    let parent = rand::random::<u64>();
    format!(
        "Root=1-{:08x}-{digits:0>24};Parent={parent:016x};Sampled=0",
        millis(now) / 1000
    )
}

/// Returns the name of a new log stream, which begins with today's date.
pub(crate) fn log_stream_name() -> String {
    let date = OffsetDateTime::now_utc()
        .format(LOG_STREAM_DATE)
        .expect("a date formats");
    format!("{date}/[$LATEST]{:032x}", rand::random::<u128>())
}

/// Returns the milliseconds since 1970.
pub(crate) fn millis(time: SystemTime) -> u64 {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Returns a time as in `requestTime`: `09/Feb/2024:18:23:28 +0000`.
pub(crate) fn request_time(time: SystemTime) -> String {
    let time = OffsetDateTime::from(time);
    time.format(REQUEST_TIME).expect("a year of four digits formats")
}

/// Returns a time as in the answers of @connections: ISO 8601 in UTC, with milliseconds.
pub(crate) fn iso8601(time: SystemTime) -> String {
    let time = OffsetDateTime::from(time);
    time.format(ISO_8601).expect("a year of four digits formats")
}

#[cfg(test)]
mod tests {
    use super::*;

    const A_TIME: Duration = Duration::from_millis(1_707_503_008_941);

    #[test]
    fn ids_look_like_those_of_api_gateway() {
        let id = api_gateway_id();
        assert_eq!(id.len(), 16);
        assert!(id.ends_with('=') && !id.ends_with("=="), "{id}");
        assert!(is_connection_id(&id));
        for wrong in [
            "",
            "abc",
            "ABCDEFGHIJKLMNO",
            "ABCDEFGHIJKLMNOPQRST",
            "../../../../etc=",
        ] {
            assert!(!is_connection_id(wrong), "{wrong}");
        }
    }

    #[test]
    fn request_ids_are_version_4_uuids() {
        let id = lambda_request_id();
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(&id[14..15], "4");
        assert!("89ab".contains(&id[19..20]), "{id}");
    }

    #[test]
    fn times_have_the_formats_of_aws() {
        let time = SystemTime::UNIX_EPOCH + A_TIME;
        assert_eq!(request_time(time), "09/Feb/2024:18:23:28 +0000");
        assert_eq!(iso8601(time), "2024-02-09T18:23:28.941Z");
        assert_eq!(millis(time), 1_707_503_008_941);
        assert!(
            trace_root(time).starts_with("Root=1-65c66da0-"),
            "{}",
            trace_root(time)
        );
        assert_eq!(trace_root(time).len(), 40);
        let trace = trace_of("01234567-89ab-4def-8123-456789abcdef", time);
        let parts: Vec<&str> = trace.split(';').collect();
        assert_eq!(parts[0], "Root=1-65c66da0-89ab4def8123456789abcdef");
        assert!(parts[1].starts_with("Parent=") && parts[1].len() == 23, "{trace}");
        assert_eq!(parts[2..], ["Sampled=0"]);
    }
}
