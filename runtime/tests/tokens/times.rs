//! Steps 6 and 7: claims that are fine, at another time than now.

use room_auth::VerifyErrorKind::{self, Expired, NotYetValid};

use super::corpus::{Case, Verify, leeway_60, no_skew, plain, refused, with_payload};

pub(crate) fn cases() -> Vec<Case> {
    ROWS.iter()
        .map(|(name, payload, verify, kind)| refused(*name, with_payload(payload), *kind).by(*verify))
        .collect()
}

/// Now is 1,800,000,000.
#[rustfmt::skip]
const ROWS: &[(&str, &str, Verify, VerifyErrorKind)] = &[
    ("iat: one second past the skew", r#"{"sub":"lobby","iat":1800000061,"exp":1800000300}"#, plain, NotYetValid),
    ("iat: one second ahead without skew", r#"{"sub":"lobby","iat":1800000001,"exp":1800000300}"#, no_skew, NotYetValid),
    ("iat: the last date there is", r#"{"sub":"lobby","iat":9007199254740991,"exp":9007199254740992}"#, plain, NotYetValid),
    ("iat: a fraction past the skew", r#"{"sub":"lobby","iat":1800000060.001,"exp":1800000300}"#, plain, NotYetValid),
    ("iat: in milliseconds", r#"{"sub":"lobby","iat":1800000000000,"exp":1800000030000}"#, plain, NotYetValid),
    ("iat: leeway does not help", r#"{"sub":"lobby","iat":1800000061,"exp":1800000300}"#, leeway_60, NotYetValid),
    ("nbf: one second past the skew", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300,"nbf":1800000061}"#, plain, NotYetValid),
    ("nbf: one second ahead without skew", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300,"nbf":1800000001}"#, no_skew, NotYetValid),
    ("nbf: a fraction past the skew", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300,"nbf":1.800000060001e9}"#, plain, NotYetValid),
    ("nbf: 2^53", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300,"nbf":9007199254740992}"#, plain, NotYetValid),
    ("nbf: behind exp", r#"{"sub":"lobby","iat":1800000000,"exp":1800000300,"nbf":1800000400}"#, plain, NotYetValid),
    ("exp: now", r#"{"sub":"lobby","iat":1799999700,"exp":1800000000}"#, plain, Expired),
    ("exp: a second ago", r#"{"sub":"lobby","iat":1799999700,"exp":1799999999}"#, plain, Expired),
    ("exp: now, rounded down", r#"{"sub":"lobby","iat":1799999700,"exp":1800000000.999}"#, plain, Expired),
    ("exp: a second ago, lived a second", r#"{"sub":"lobby","iat":1799999998,"exp":1799999999}"#, plain, Expired),
    ("exp: clock skew does not help", r#"{"sub":"lobby","iat":1799999700,"exp":1799999990}"#, plain, Expired),
    ("exp: in 1970", r#"{"sub":"lobby","iat":0,"exp":1}"#, plain, Expired),
    ("exp: in 1970, with a negative exponent", r#"{"sub":"lobby","iat":0,"exp":12e-1}"#, plain, Expired),
    ("exp: where the leeway ends", r#"{"sub":"lobby","iat":1799999700,"exp":1799999940}"#, leeway_60, Expired),
    ("exp: past the leeway", r#"{"sub":"lobby","iat":1799999700,"exp":1799999939}"#, leeway_60, Expired),
];
