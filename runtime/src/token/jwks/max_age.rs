//! How long a JWK set is good for: `Cache-Control: max-age` of the answer (RFC 9111 §5.2.2.1), within bounds.

use std::time::Duration;

use super::bounds::{DEFAULT_AGE, MAX_AGE, MIN_AGE};

/// Reads the values of all `Cache-Control` fields of an answer.
pub(super) fn read<'a>(fields: impl Iterator<Item = &'a str>) -> Duration {
    let mut max_age = None;
    for directive in fields.flat_map(|field| field.split(',')) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let name = name.trim();
        if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
            return MIN_AGE;
        }
        if name.eq_ignore_ascii_case("max-age") {
            let value = value.trim().trim_matches('"');
            let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            // What does not fit is very long.
            let seconds = is_number.then(|| value.parse().unwrap_or(u64::MAX));
            max_age = max_age.or(seconds);
        }
    }
    max_age.map_or(DEFAULT_AGE, |seconds| {
        Duration::from_secs(seconds).clamp(MIN_AGE, MAX_AGE)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn max_age_counts_within_its_bounds() {
        let minutes = Duration::from_mins;
        for (fields, expected) in [
            (&[][..], DEFAULT_AGE),
            (&["public"], DEFAULT_AGE),
            (&["public, max-age=1800, must-revalidate"], minutes(30)),
            (&["Max-Age = \"1800\""], minutes(30)),
            (&["public", "max-age=1800"], minutes(30)),
            (&["max-age=1800, max-age=7200"], minutes(30)),
            (&["s-maxage=1800"], DEFAULT_AGE),
            (&["max-age=0"], MIN_AGE),
            (&["max-age=299"], MIN_AGE),
            (&["max-age=300"], MIN_AGE),
            (&["max-age=86400"], MAX_AGE),
            (&["max-age=86401"], MAX_AGE),
            (&["max-age=31536000"], MAX_AGE),
            (&["max-age=99999999999999999999999"], MAX_AGE),
            (&["no-store"], MIN_AGE),
            (&["max-age=1800, no-cache"], MIN_AGE),
            (&["max-age=-1"], DEFAULT_AGE),
            (&["max-age=soon"], DEFAULT_AGE),
            (&["max-age"], DEFAULT_AGE),
            (&[",,=,"], DEFAULT_AGE),
        ] {
            assert_eq!(read(fields.iter().copied()), expected, "{fields:?}");
        }
    }
}
