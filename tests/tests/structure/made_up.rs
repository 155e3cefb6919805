//! Small made-up crates show what counts as an import.

use super::imports::{Imports, circles, imports};
use super::order::Order;
use super::source::Texts;

fn made_up(files: &[(&str, &str)]) -> Imports {
    let texts: Texts = files
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect();
    imports(&texts, "lib.rs")
}

/// The imports of a made-up crate, as `from -> to`.
fn arrows(files: &[(&str, &str)]) -> Vec<String> {
    let imports = made_up(files);
    let arrows = imports
        .iter()
        .flat_map(|(from, targets)| targets.keys().map(move |to| format!("{from} -> {to}")));
    arrows.collect()
}

fn found_circles(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    circles(&made_up(files)).into_iter().collect()
}

const LIB: (&str, &str) = ("lib.rs", "mod a; mod b; mod c; pub use a::A;");

#[test]
fn two_files_that_import_each_other_are_a_circle() {
    let found = found_circles(&[
        LIB,
        ("a.rs", "use crate::b::B; pub struct A;"),
        ("b.rs", "use crate::a::A; pub struct B;"),
        ("c.rs", ""),
    ]);
    assert_eq!(found, [["a.rs", "b.rs"]]);
}

#[test]
fn a_longer_circle_is_found_once() {
    let found = found_circles(&[
        LIB,
        ("a.rs", "use crate::b::B; pub struct A;"),
        ("b.rs", "use crate::c::C; pub struct B;"),
        ("c.rs", "use crate::a::A; pub struct C;"),
    ]);
    assert_eq!(found, [["a.rs", "b.rs", "c.rs"]]);
}

#[test]
fn imports_in_one_direction_are_no_circle() {
    let found = found_circles(&[
        LIB,
        ("a.rs", "use crate::{b::B, c::C}; pub struct A;"),
        ("b.rs", "use crate::c::C; pub struct B;"),
        ("c.rs", "pub struct C;"),
    ]);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn every_way_to_write_a_path_is_an_import() {
    for text in [
        "use crate::a::A;",
        "use crate::a::{self, A as Other};",
        "use super::a::*;",
        "use crate::A;",
        "use super::A;",
        "pub use crate::a::A;",
        "fn f(_: crate::a::A) {}",
        "fn f() { super::a::g() }",
        "fn f() { use crate::a::A; }",
        "fn f() { println!(\"{}\", crate::a::g()) }",
        "use crate::a; fn f() { a::g() }",
        "mod inner { impl super::super::a::T for X {} }",
        "impl X { fn f() { crate::a::g() } }",
        "#[cfg(feature = \"x\")] use crate::a::A;",
        "#[cfg(any(test, feature = \"x\"))] use crate::a::A;",
        "#[cfg(not(test))] use crate::a::A;",
    ] {
        let code = format!("{text} struct X;");
        let found = arrows(&[LIB, ("a.rs", "pub struct A;"), ("b.rs", &code), ("c.rs", "")]);
        assert_eq!(found, ["b.rs -> a.rs"], "{text}");
    }
}

#[test]
fn tests_other_crates_and_own_names_are_no_imports() {
    for text in [
        "#[cfg(test)] mod tests { use crate::a::A; }",
        "#[cfg(test)] use crate::a::A;",
        "#[cfg(all(test, feature = \"x\"))] fn f(_: crate::a::A) {}",
        "impl X { #[cfg(test)] fn f(_: crate::a::A) {} }",
        "use a_crate::a::A;",
        "/// See [`crate::a::A`].\nfn f() {}",
        "enum A { One } fn f() { A::One; }",
        "use self::X as Y;",
        "mod inner { use super::X; }",
    ] {
        let code = format!("{text} struct X;");
        let found = arrows(&[LIB, ("a.rs", "pub struct A;"), ("b.rs", &code), ("c.rs", "")]);
        assert!(found.is_empty(), "{text}: {found:?}");
    }
}

#[test]
fn an_import_through_a_map_is_one_of_the_file_behind_it() {
    let found = arrows(&[
        (
            "lib.rs",
            "mod folder; mod user; #[path = \"elsewhere.rs\"] mod placed;",
        ),
        (
            "folder/mod.rs",
            "mod one; mod two; pub use one::*; pub(crate) use self::two::Two;",
        ),
        ("folder/one.rs", "use super::Two; pub struct One;"),
        ("folder/two.rs", "pub struct Two;"),
        (
            "user.rs",
            "use crate::folder::{One, Two}; use crate::placed::Placed; struct X;",
        ),
        ("elsewhere.rs", "pub struct Placed;"),
    ]);
    assert_eq!(
        found,
        [
            "folder/one.rs -> folder/two.rs",
            "user.rs -> elsewhere.rs",
            "user.rs -> folder/one.rs",
            "user.rs -> folder/two.rs",
        ]
    );
}

#[test]
fn a_map_with_code_of_its_own_imports_what_the_code_uses() {
    let files = |code: &'static str| {
        [
            ("lib.rs", "mod folder;"),
            ("folder/mod.rs", code),
            ("folder/one.rs", "use super::Shared; pub struct One;"),
        ]
    };
    let shown = files("mod one; pub use one::One; pub struct Shared;");
    assert_eq!(found_circles(&shown), [[""; 0]; 0]);
    let used = files("mod one; pub use one::One; pub struct Shared(One);");
    assert_eq!(found_circles(&used), [["folder/mod.rs", "folder/one.rs"]]);
    let private = files("mod one; use one::One; pub struct Shared(One);");
    assert_eq!(found_circles(&private), [["folder/mod.rs", "folder/one.rs"]]);
}

#[test]
fn an_import_of_a_higher_layer_is_a_mistake() {
    let contributing =
        "# Map\n\n```text\nmacros  nothing\nruntime a  ◀  b,\n        c  ◀  lib\nother   x\n```\n";
    let order = Order::read(contributing, "runtime");
    let down = made_up(&[
        LIB,
        ("a.rs", "pub struct A;"),
        ("b.rs", "use crate::a::A; struct B;"),
        ("c.rs", "use crate::b::B; struct C;"),
    ]);
    assert!(order.mistakes(&down).is_empty(), "{:?}", order.mistakes(&down));
    let up = made_up(&[
        LIB,
        ("a.rs", "use crate::c::C; pub struct A;"),
        ("b.rs", ""),
        ("c.rs", "pub struct C;"),
    ]);
    assert_eq!(
        order.mistakes(&up),
        ["a.rs imports c.rs, which is above it (crate::c::C)"]
    );
    let other = made_up(&[
        ("lib.rs", "mod a; mod b; mod d;"),
        ("a.rs", ""),
        ("b.rs", ""),
        ("d.rs", ""),
    ]);
    assert_eq!(
        order.mistakes(&other),
        [
            "the map does not have the module d",
            "the map has c, which is no module"
        ]
    );
}
