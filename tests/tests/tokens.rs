//! Every rule for tokens, by a corpus of hostile and of valid ones: each row has a name and the step that decides.
#![allow(clippy::unwrap_used)]

#[path = "tokens/accepted.rs"]
mod accepted;
#[path = "tokens/claims.rs"]
mod claims;
#[path = "tokens/corpus.rs"]
mod corpus;
#[path = "tokens/form.rs"]
mod form;
#[path = "tokens/header.rs"]
mod header;
#[path = "tokens/issued.rs"]
mod issued;
#[path = "tokens/order.rs"]
mod order;
#[path = "tokens/signatures.rs"]
mod signatures;
#[path = "tokens/times.rs"]
mod times;

use std::collections::{BTreeMap, HashSet};

use corpus::Case;
use room_auth::VerifyErrorKind;

fn hostile() -> Vec<Case> {
    [
        form::cases(),
        header::cases(),
        signatures::cases(),
        claims::cases(),
        times::cases(),
        order::cases(),
    ]
    .concat()
}

#[test]
fn every_hostile_token_is_refused_by_the_step_that_its_row_names() {
    let cases = hostile();
    report(&cases);
    assert!(cases.len() >= 150, "only {} hostile tokens", cases.len());
    assert!(cases.iter().all(|case| case.expected.is_err()));
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
