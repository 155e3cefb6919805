//! Every rule for tokens, by a corpus of hostile and of valid ones: each row has a name and the step that decides.
#![allow(clippy::unwrap_used)]

mod accepted;
mod algorithms;
mod claims;
mod configured;
mod corpus;
mod header;
mod issued;
mod malformed;
mod order;
mod room_sources;
mod signatures;
mod times;

use std::collections::{BTreeMap, HashSet};

use corpus::Case;
use room_auth::VerifyErrorKind;

/// One fault each.
fn single_faults() -> Vec<Case> {
    [
        malformed::cases(),
        header::cases(),
        signatures::cases(),
        claims::cases(),
        times::cases(),
    ]
    .concat()
}

fn hostile() -> Vec<Case> {
    [single_faults(), order::cases()].concat()
}

/// Decides all rows that the step `kind` must refuse, and counts them.
fn refused_as(kind: VerifyErrorKind, at_least: usize) {
    let mut cases = single_faults();
    cases.retain(|case| case.expected == Err(kind));
    report(&cases);
    assert!(cases.len() >= at_least, "only {} rows for {kind:?}", cases.len());
}

#[test]
fn malformed() {
    refused_as(VerifyErrorKind::Malformed, 58);
}

#[test]
fn header() {
    refused_as(VerifyErrorKind::Header, 66);
}

#[test]
fn algorithm() {
    refused_as(VerifyErrorKind::Algorithm, 33);
}

#[test]
fn signature() {
    refused_as(VerifyErrorKind::Signature, 49);
}

#[test]
fn claims() {
    refused_as(VerifyErrorKind::Claims, 120);
}

#[test]
fn not_yet_valid() {
    refused_as(VerifyErrorKind::NotYetValid, 8);
}

#[test]
fn expired() {
    refused_as(VerifyErrorKind::Expired, 7);
}

#[test]
fn order_of_the_steps() {
    let cases = order::cases();
    report(&cases);
    assert_eq!(cases.len(), 120);
}

#[test]
fn every_valid_token_is_accepted_for_its_room() {
    let cases = accepted::cases();
    report(&cases);
    assert!(cases.len() >= 40, "only {} valid tokens", cases.len());
    assert!(cases.iter().all(|case| case.expected.is_ok()));
}

#[test]
fn every_kind_of_refusal_is_reached() {
    let mut reached = BTreeMap::new();
    for case in hostile() {
        *reached.entry(case.expected.unwrap_err()).or_insert(0) += 1;
    }
    let kinds: Vec<_> = reached.into_keys().collect();
    assert_eq!(kinds, order::STEPS);
}

#[test]
fn rows_have_names_of_their_own() {
    let mut names = HashSet::new();
    for case in hostile().iter().chain(&accepted::cases()) {
        assert!(names.insert(case.name.clone()), "{}", case.name);
    }
}

/// A row's name starts with the member that it is about, where it is about one.
#[test]
fn the_member_that_failed_is_named_and_nothing_of_its_value() {
    const MEMBERS: [&str; 10] = [
        "typ", "kid", "alg", "sub", "iat", "exp", "nbf", "iss", "aud", "lifetime",
    ];
    let mut named = 0;
    for case in single_faults() {
        let error = (case.verify)(&case.token).unwrap_err();
        let (group, _) = case.name.split_once(':').unwrap();
        match error.kind() {
            VerifyErrorKind::Malformed | VerifyErrorKind::Signature => {
                assert_eq!(error.member(), None, "{}", case.name);
            }
            // A text that is no Unicode makes the whole object unreadable.
            _ if case.name.contains("lone surrogate") => assert_eq!(error.member(), None, "{}", case.name),
            _ if MEMBERS.contains(&group) => {
                let member = if group == "lifetime" { "exp" } else { group };
                // An `iat` that lies behind `exp`, or too far before it, makes the life impossible.
                let found = error.member().unwrap_or_else(|| panic!("{}", case.name));
                assert!(
                    found == member || (group, found) == ("iat", "exp"),
                    "{}: {found}",
                    case.name
                );
                assert!(error.to_string().ends_with(&format!(" (`{found}`)")), "{error}");
                named += 1;
            }
            _ => {}
        }
    }
    assert!(named >= 120, "{named}");
}

#[test]
fn an_error_holds_nothing_of_the_token() {
    for case in hostile() {
        let Err(error) = (case.verify)(&case.token) else {
            continue;
        };
        let shown = format!("{error} {error:?} {:?}", error.kind());
        for part in case.token.split('.').filter(|part| part.len() >= 8) {
            for window in part.as_bytes().windows(8) {
                let window = String::from_utf8_lossy(window);
                assert!(!shown.contains(&*window), "{}: {shown}", case.name);
            }
        }
        assert_eq!(shown.lines().count(), 1, "{}", case.name);
    }
}

/// Shows all rows that were decided otherwise, not only the first.
fn report(cases: &[Case]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let decided = (case.verify)(&case.token).map_err(|error| error.kind());
            let expected = case
                .expected
                .as_ref()
                .map(ToString::to_string)
                .map_err(|kind| *kind);
            (decided != expected).then(|| format!("{}: expected {expected:?}, got {decided:?}", case.name))
        })
        .collect();
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_kinds_are_ordered_as_the_steps_are() {
    assert!(order::STEPS.is_sorted());
    assert_eq!(order::STEPS[0], VerifyErrorKind::Malformed);
}

#[test]
fn every_kind_says_something_of_its_own() {
    let texts: HashSet<String> = order::STEPS.iter().map(ToString::to_string).collect();
    let names: HashSet<&str> = order::STEPS.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(
        (texts.len(), names.len()),
        (order::STEPS.len(), order::STEPS.len())
    );
    assert!(
        texts.iter().all(|text| text.starts_with("the token")),
        "{texts:?}"
    );
}
