//! How long a JWK set is good for: `Cache-Control: max-age` of the answer (RFC 9111 §5.2.2.1), within bounds.

use std::time::Duration;

/// The least: an issuer that forbids caching is not asked at every connection.
pub(super) const LEAST: Duration = Duration::from_mins(5);
/// The most: a key that the issuer has withdrawn is trusted no longer than this.
pub(super) const MOST: Duration = Duration::from_hours(24);
/// How long where the issuer does not say.
pub(super) const DEFAULT: Duration = Duration::from_hours(1);

/// Reads the values of all `Cache-Control` fields of an answer.
pub(super) fn read<'a>(fields: impl Iterator<Item = &'a str>) -> Duration {
    let mut max_age = None;
    for directive in fields.flat_map(|field| field.split(',')) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let name = name.trim();
        if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
            return LEAST;
        }
        if name.eq_ignore_ascii_case("max-age") {
            let value = value.trim().trim_matches('"');
            let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            // What does not fit is very long.
            let seconds = is_number.then(|| value.parse().unwrap_or(u64::MAX));
            max_age = max_age.or(seconds);
        }
    }
    max_age.map_or(DEFAULT, |seconds| Duration::from_secs(seconds).clamp(LEAST, MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn max_age_counts_within_its_bounds() {
        let minutes = Duration::from_mins;
        for (fields, expected) in [
            (&[][..], DEFAULT),
            (&["public"], DEFAULT),
            (&["public, max-age=1800, must-revalidate"], minutes(30)),
            (&["Max-Age = \"1800\""], minutes(30)),
            (&["public", "max-age=1800"], minutes(30)),
            (&["max-age=1800, max-age=7200"], minutes(30)),
            (&["s-maxage=1800"], DEFAULT),
            (&["max-age=0"], LEAST),
            (&["max-age=299"], LEAST),
            (&["max-age=300"], LEAST),
            (&["max-age=86400"], MOST),
            (&["max-age=86401"], MOST),
            (&["max-age=31536000"], MOST),
            (&["max-age=99999999999999999999999"], MOST),
            (&["no-store"], LEAST),
            (&["max-age=1800, no-cache"], LEAST),
            (&["max-age=-1"], DEFAULT),
            (&["max-age=soon"], DEFAULT),
            (&["max-age"], DEFAULT),
            (&[",,=,"], DEFAULT),
        ] {
            assert_eq!(read(fields.iter().copied()), expected, "{fields:?}");
        }
    }
}
