//! Dates in claims: JSON numbers of seconds since 1970, with or without a fraction (RFC 7519 §2).

use serde_json::value::RawValue;

/// 2^53, the largest integer that every JSON implementation can hold (RFC 8259 §6).
pub(crate) const MAX_NUMERIC_DATE: u64 = 1 << 53;

/// A date in 0..=2^53, read from its decimal digits: no rounding by a binary fraction comes in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NumericDate {
    seconds: u64,
    has_fraction: bool,
}

impl NumericDate {
    /// Reads a JSON number; `None` for anything else, for a minus sign and for dates past 2^53.
    pub(crate) fn read(value: &RawValue) -> Option<Self> {
        let text = value.get();
        if !text.starts_with(|first: char| first.is_ascii_digit()) {
            return None;
        }
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)),
            None => (text, 0),
        };
        let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = || integer.bytes().chain(fraction.bytes()).map(|digit| digit - b'0');
        if digits().all(|digit| digit == 0) {
            return Some(Self {
                seconds: 0,
                has_fraction: false,
            });
        }
        // The point stands behind this many digits.
        let point = i64::try_from(integer.len()).ok()?.saturating_add(exponent);
        let mut date = Self {
            seconds: 0,
            has_fraction: false,
        };
        let mut position = 0;
        for digit in digits() {
            if position < point {
                date.seconds = date.push(digit)?;
            } else {
                date.has_fraction |= digit != 0;
            }
            position += 1;
        }
        // Trailing zeros that the exponent stands for: past 2^53 after sixteen of them.
        while position < point {
            date.seconds = date.push(0)?;
            position += 1;
        }
        (date.seconds < MAX_NUMERIC_DATE || !date.has_fraction).then_some(date)
    }

    fn push(self, digit: u8) -> Option<u64> {
        let seconds = self.seconds * 10 + u64::from(digit);
        (seconds <= MAX_NUMERIC_DATE).then_some(seconds)
    }

    /// Rounds to the second before: a token never lives longer than it says.
    pub(crate) fn floor(self) -> u64 {
        self.seconds
    }

    /// Rounds to the second after: a token is never valid earlier than it says.
    pub(crate) fn ceil(self) -> u64 {
        self.seconds + u64::from(self.has_fraction)
    }
}

/// An exponent; one that no date has counts as far away.
fn read_exponent(text: &str) -> i64 {
    const FAR: i64 = 1 << 32;
    let text = text.strip_prefix('+').unwrap_or(text);
    let far = if text.starts_with('-') { -FAR } else { FAR };
    text.parse()
        .map_or(far, |exponent: i64| exponent.clamp(-FAR, FAR))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(u64, u64)> {
        let value: &RawValue = serde_json::from_str(text).unwrap();
        NumericDate::read(value).map(|date| (date.floor(), date.ceil()))
    }

    #[test]
    fn a_date_is_read_exactly_and_rounded_both_ways() {
        for (text, floor, ceil) in [
            ("0", 0, 0),
            ("0.0", 0, 0),
            ("0e99999999999999999999", 0, 0),
            ("1800000300", 1_800_000_300, 1_800_000_300),
            ("1800000300.0", 1_800_000_300, 1_800_000_300),
            ("1800000300.000000000000000000001", 1_800_000_300, 1_800_000_301),
            ("1800000300.654321", 1_800_000_300, 1_800_000_301),
            ("1.8000003e9", 1_800_000_300, 1_800_000_300),
            ("1.8000003E+9", 1_800_000_300, 1_800_000_300),
            ("18000003e2", 1_800_000_300, 1_800_000_300),
            ("1.80000030065e9", 1_800_000_300, 1_800_000_301),
            ("18000003005e-1", 1_800_000_300, 1_800_000_301),
            ("18000003000e-1", 1_800_000_300, 1_800_000_300),
            ("0.00018e13", 1_800_000_000, 1_800_000_000),
            ("1e-400", 0, 1),
            ("1e-99999999999999999999", 0, 1),
            ("9007199254740992", MAX_NUMERIC_DATE, MAX_NUMERIC_DATE),
            ("9007199254740992.0", MAX_NUMERIC_DATE, MAX_NUMERIC_DATE),
            ("9007199254740991.5", MAX_NUMERIC_DATE - 1, MAX_NUMERIC_DATE),
        ] {
            assert_eq!(read(text), Some((floor, ceil)), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_in_range_is_refused() {
        for text in [
            "-1",
            "-0",
            "-0.5",
            "-1e-9",
            "null",
            "true",
            "\"1800000300\"",
            "[1]",
            "{}",
            "9007199254740993",
            "9007199254740992.1",
            "1e16",
            "1e400",
            "1e99999999999999999999",
            "18446744073709551616",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
