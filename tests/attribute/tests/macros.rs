//! The attribute as its users meet it: functions that compile and behave, and the messages for those that don't.

/// Linted as users lint their own code, by the workspace's `-D warnings` with clippy's pedantic group.
#[path = "macros/linted.rs"]
mod linted;

/// The messages are part of the interface: read them before overwriting one (`TRYBUILD=overwrite`).
#[test]
fn handlers_run_and_mistakes_are_explained() {
    // One set of cases: with two, every dependency is built once to run and once more to check.
    let cases = trybuild::TestCases::new();
    cases.pass("tests/macros/pass/*.rs");
    cases.compile_fail("tests/macros/fail/*.rs");
}
