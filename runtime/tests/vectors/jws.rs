//! Wycheproof's `json_web_signature_test.json`, with its keys read as the JWK that they are.

use std::collections::{BTreeMap, BTreeSet};

use room_auth::testing::FixedClock;
use room_auth::{PublicKeys, Verifier, VerifyErrorKind};
use room_auth_forge::NOW;
use serde_json::Value;

use super::{keys_of, read};

/// One text, a MAC, called valid once and invalid twice: for us it is HS256, whatever else it is.
const MACS: [u64; 3] = [357, 367, 370];

/// Valid as a JWS, but no JWT: the payload is empty, and so is the second part.
const EMPTY_PAYLOADS: [u64; 1] = [259];

/// Good signatures by a key that must not be used for them, as its `alg`, `use` or `key_ops` say.
const INVALID_BY_JWK: [u64; 5] = [332, 353, 354, 355, 356];

struct Case {
    id: u64,
    comment: String,
    valid: bool,
    kind: VerifyErrorKind,
    /// Whether the JWK is a key of ours to verify with.
    has_key: bool,
}

fn cases() -> Vec<Case> {
    let file = read("wycheproof/json_web_signature_test.json");
    let groups = file["testGroups"].as_array().unwrap();
    // What is signed by a key that is refused meets one that did not sign it.
    let other = groups
        .iter()
        .find(|group| group["public"]["kid"] == "RS256_2048")
        .unwrap();
    let some_keys = keys_of(&other["public"]).unwrap();
    let cases: Vec<Case> = groups
        .iter()
        .flat_map(|group| {
            let keys = keys_of(&group["public"]);
            let has_key = keys.is_ok();
            let keys = keys.unwrap_or(some_keys.clone());
            let tests = group["tests"].as_array().unwrap();
            tests
                .iter()
                .map(move |test| decide(test, &keys, has_key))
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(cases.len() as u64, file["numberOfTests"].as_u64().unwrap());
    cases
}

fn decide(test: &Value, keys: &PublicKeys, has_key: bool) -> Case {
    let verifier = Verifier::new(keys.clone()).with_clock(FixedClock::at(NOW));
    let id = test["tcId"].as_u64().unwrap();
    // JSON serializations are objects; as text they are no compact token.
    let jws = test["jws"]
        .as_str()
        .map_or_else(|| test["jws"].to_string(), str::to_owned);
    let error = verifier
        .verify::<()>(&jws)
        .expect_err("a payload of claims in Wycheproof");
    Case {
        id,
        comment: test["comment"].as_str().unwrap().to_owned(),
        valid: test["result"] == "valid",
        kind: error.kind(),
        has_key,
    }
}

#[test]
#[ignore = "reads the vectors that ROOM_AUTH_VECTORS names"]
fn every_case_of_wycheproof_is_decided_by_its_signature() {
    let mut verified = BTreeSet::new();
    let mut kinds = BTreeMap::new();
    for case in cases() {
        let Case {
            id, comment, kind, ..
        } = &case;
        let passes = *kind == VerifyErrorKind::Claims;
        let expected = case.valid && case.has_key && !EMPTY_PAYLOADS.contains(id);
        assert_eq!(passes, expected, "tcId {id} ({comment}): {kind:?}");
        // Nothing of Wycheproof gets as far as the times.
        assert!(
            *kind <= VerifyErrorKind::Claims,
            "tcId {id} ({comment}): {kind:?}"
        );
        if MACS.contains(id) {
            assert_eq!(*kind, VerifyErrorKind::Algorithm, "tcId {id} ({comment})");
        }
        if EMPTY_PAYLOADS.contains(id) {
            assert_eq!(*kind, VerifyErrorKind::Malformed, "tcId {id} ({comment})");
        }
        if passes {
            verified.insert(*id);
        }
        *kinds.entry(*kind).or_insert(0_u32) += 1;
    }
    // ES256 and RS256 are among what passes, and each step before refuses something.
    assert!(
        [18, 33, 378].iter().all(|id| verified.contains(id)),
        "{verified:?}"
    );
    assert!(kinds.len() >= 4, "{kinds:?}");
}

#[test]
#[ignore = "reads the vectors that ROOM_AUTH_VECTORS names"]
fn the_exceptions_are_what_their_names_say() {
    let cases = cases();
    let find = |id: u64| cases.iter().find(|case| case.id == id).unwrap();
    for id in INVALID_BY_JWK {
        assert!(
            !find(id).valid && !find(id).has_key,
            "tcId {id} is refused for its JWK"
        );
    }
    assert_eq!(MACS.map(|id| find(id).valid), [true, false, false]);
    for id in EMPTY_PAYLOADS {
        assert!(find(id).valid && find(id).comment == "emptyPayload", "tcId {id}");
    }
}
