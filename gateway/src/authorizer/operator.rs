//! The operators of conditions, and what they compare.

use std::net::IpAddr;

use ipnet::IpNet;
use time::{Date, OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

use super::pattern;

/// Compares a value of the request with a value of the policy. Returns `None` if the latter is of the wrong type.
pub(super) type Comparison = fn(&str, &str) -> Option<bool>;

pub(super) struct Operator {
    pub(super) compare: Comparison,
    pub(super) is_negated: bool,
}

impl Operator {
    /// Returns the operator of this name, without `IfExists`.
    pub(super) fn named(name: &str) -> Option<Self> {
        let (is_negated, compare): (bool, Comparison) = match name {
            "StringEquals" => (false, equals),
            "StringNotEquals" => (true, equals),
            "StringEqualsIgnoreCase" => (false, equals_ignoring_case),
            "StringNotEqualsIgnoreCase" => (true, equals_ignoring_case),
            "StringLike" => (false, like),
            "StringNotLike" => (true, like),
            "NumericEquals" => (false, |a, b| number(a, b, |a, b| a == b)),
            "NumericNotEquals" => (true, |a, b| number(a, b, |a, b| a == b)),
            "NumericLessThan" => (false, |a, b| number(a, b, |a, b| a < b)),
            "NumericLessThanEquals" => (false, |a, b| number(a, b, |a, b| a <= b)),
            "NumericGreaterThan" => (false, |a, b| number(a, b, |a, b| a > b)),
            "NumericGreaterThanEquals" => (false, |a, b| number(a, b, |a, b| a >= b)),
            "DateEquals" => (false, |a, b| date(a, b, |a, b| a == b)),
            "DateNotEquals" => (true, |a, b| date(a, b, |a, b| a == b)),
            "DateLessThan" => (false, |a, b| date(a, b, |a, b| a < b)),
            "DateLessThanEquals" => (false, |a, b| date(a, b, |a, b| a <= b)),
            "DateGreaterThan" => (false, |a, b| date(a, b, |a, b| a > b)),
            "DateGreaterThanEquals" => (false, |a, b| date(a, b, |a, b| a >= b)),
            "Bool" => (false, boolean),
            "IpAddress" => (false, ip_address),
            "NotIpAddress" => (true, ip_address),
            _ => return None,
        };
        Some(Self { compare, is_negated })
    }
}

#[expect(clippy::unnecessary_wraps, reason = "any text is a value for this operator")]
fn equals(actual: &str, expected: &str) -> Option<bool> {
    Some(actual == expected)
}

#[expect(clippy::unnecessary_wraps, reason = "any text is a value for this operator")]
fn equals_ignoring_case(actual: &str, expected: &str) -> Option<bool> {
    Some(actual.to_lowercase() == expected.to_lowercase())
}

#[expect(clippy::unnecessary_wraps, reason = "any text is a value for this operator")]
fn like(actual: &str, expected: &str) -> Option<bool> {
    Some(pattern::matches(expected, actual))
}

fn number(actual: &str, expected: &str, compare: fn(i64, i64) -> bool) -> Option<bool> {
    let expected = expected.parse().ok()?;
    Some(actual.parse().is_ok_and(|actual| compare(actual, expected)))
}

fn boolean(actual: &str, expected: &str) -> Option<bool> {
    let expected: bool = expected.parse().ok()?;
    Some(actual.parse() == Ok(expected))
}

fn date(actual: &str, expected: &str, compare: fn(OffsetDateTime, OffsetDateTime) -> bool) -> Option<bool> {
    let expected = parse_date(expected)?;
    Some(parse_date(actual).is_some_and(|actual| compare(actual, expected)))
}

/// Reads a date as IAM takes it: RFC 3339, a day, or the seconds since 1970.
fn parse_date(text: &str) -> Option<OffsetDateTime> {
    if let Ok(seconds) = text.parse() {
        return OffsetDateTime::from_unix_timestamp(seconds).ok();
    }
    let day = || Date::parse(text, format_description!("[year]-[month]-[day]")).ok();
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .or_else(|| Some(day()?.midnight().assume_utc()))
}

/// Compares with an address, or with a range in CIDR notation.
fn ip_address(actual: &str, expected: &str) -> Option<bool> {
    let range = expected
        .parse()
        .or_else(|_| expected.parse::<IpAddr>().map(IpNet::from))
        .ok()?;
    Some(
        actual
            .parse::<IpAddr>()
            .is_ok_and(|actual| range.contains(&actual)),
    )
}
