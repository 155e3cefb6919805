//! The map of CONTRIBUTING.md: no two files import each other, and imports only go down.

mod imports;
mod made_up;
mod order;
mod source;

use std::fs;
use std::path::Path;
use std::process::Command;

use imports::{circles, explain, imports};
use order::{Order, by_module};
use serde_json::Value;
use source::Texts;

/// The name of a crate and its root file, for every library and binary of the workspace.
fn crates() -> Vec<(String, String)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("the metadata is JSON");
    let packages = metadata["packages"]
        .as_array()
        .expect("the workspace has packages");
    let targets = packages
        .iter()
        .filter_map(|package| package["targets"].as_array())
        .flatten();
    targets
        .filter(|target| {
            ["lib", "proc-macro", "bin"]
                .iter()
                .any(|kind| target["kind"][0] == *kind)
        })
        .map(|target| {
            let text = |name: &str| {
                target[name]
                    .as_str()
                    .expect("a target has a name and a path")
                    .to_owned()
            };
            (text("name"), text("src_path"))
        })
        .collect()
}

/// Reads all Rust files below the folder of a root file.
fn texts(root: &Path) -> (Texts, String) {
    fn read(folder: &Path, below: &Path, texts: &mut Texts) {
        for entry in fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("an entry of a folder").path();
            if path.is_dir() {
                read(&path, below, texts);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(below).expect("a path below the folder");
                let text = fs::read_to_string(&path).expect("a source in UTF-8");
                texts.insert(name.to_str().expect("a name in UTF-8").to_owned(), text);
            }
        }
    }
    let folder = root.parent().expect("a file has a folder");
    let mut texts = Texts::new();
    read(folder, folder, &mut texts);
    let name = root.file_name().and_then(|name| name.to_str());
    (texts, name.expect("a name in UTF-8").to_owned())
}

#[test]
fn no_two_files_import_each_other() {
    let mut found = Vec::new();
    let crates = crates();
    for name in [
        "room_auth",
        "room_auth_macros",
        "room_auth_gateway",
        "chat",
        "connect",
        "idp",
        "demo",
    ] {
        assert!(
            crates.iter().any(|(found, _)| found == name),
            "{name} is not checked"
        );
    }
    for (name, root) in crates {
        let (texts, root) = texts(Path::new(&root));
        let imports = imports(&texts, &root);
        for circle in circles(&imports) {
            found.push(format!("{name}: {}", explain(&imports, &circle)));
        }
    }
    assert!(found.is_empty(), "files import each other:\n{}", found.join("\n"));
}

#[test]
fn imports_of_the_runtime_only_go_down() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let contributing = fs::read_to_string(workspace.join("CONTRIBUTING.md")).expect("CONTRIBUTING.md");
    let (texts, root) = texts(&workspace.join("runtime/src/lib.rs"));
    let imports = imports(&texts, &root);
    let mut mistakes = Order::read(&contributing, "runtime").mistakes(&imports);
    let modules = by_module(&imports);
    for circle in circles(&modules) {
        mistakes.push(format!("a circle of modules: {}", explain(&modules, &circle)));
    }
    assert!(
        mistakes.is_empty(),
        "runtime/src is not as the map in CONTRIBUTING.md draws it:\n{}",
        mistakes.join("\n")
    );
}
