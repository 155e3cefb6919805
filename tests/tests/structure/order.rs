//! The order of a crate's modules, as the map in CONTRIBUTING.md draws it.

use std::collections::BTreeSet;

use super::imports::Imports;

/// The modules of each layer, the lowest first. Only a higher layer may import a lower one.
pub(super) struct Order(Vec<Vec<String>>);

impl Order {
    /// Reads the entry of `name` in the map: lists of modules, separated by `◀`, over several indented lines.
    pub(super) fn read(contributing: &str, name: &str) -> Self {
        let map = contributing
            .split("```text\n")
            .nth(1)
            .and_then(|rest| rest.split("```").next());
        let mut lines = map.expect("CONTRIBUTING.md has a map").lines();
        let first = lines
            .find_map(|line| line.strip_prefix(name))
            .expect("the map has an entry of the crate");
        let more = lines.take_while(|line| line.starts_with(' '));
        let entry: Vec<&str> = std::iter::once(first).chain(more).collect();
        let layers = entry.join(" ");
        let modules = |layer: &str| layer.split(',').map(|module| module.trim().to_owned()).collect();
        Self(layers.split('◀').map(modules).collect())
    }

    fn layer(&self, module: &str) -> Option<usize> {
        self.0
            .iter()
            .position(|layer| layer.iter().any(|name| name == module))
    }

    /// Returns what is wrong: modules that are only in the sources or only on the map, and imports that go up.
    pub(super) fn mistakes(&self, imports: &Imports) -> Vec<String> {
        let modules: BTreeSet<&str> = imports.keys().map(|file| module(file)).collect();
        let mapped: BTreeSet<&str> = self.0.iter().flatten().map(String::as_str).collect();
        let unmapped = modules
            .difference(&mapped)
            .map(|name| format!("the map does not have the module {name}"));
        let gone = mapped
            .difference(&modules)
            .map(|name| format!("the map has {name}, which is no module"));
        let upward = imports.iter().flat_map(|(from, targets)| {
            targets.iter().filter_map(move |(to, path)| {
                let (lower, higher) = (self.layer(module(from))?, self.layer(module(to))?);
                (lower < higher).then(|| format!("{from} imports {to}, which is above it ({path})"))
            })
        });
        unmapped.chain(gone).chain(upward).collect()
    }
}

/// Joins the imports of all files of a module.
pub(super) fn by_module(imports: &Imports) -> Imports {
    let mut joined = Imports::new();
    for (from, targets) in imports {
        let from = module(from);
        let joined = joined.entry(from.to_owned()).or_default();
        for (to, path) in targets {
            if module(to) != from {
                joined
                    .entry(module(to).to_owned())
                    .or_insert_with(|| path.clone());
            }
        }
    }
    joined
}

/// Returns the module of the crate's root that a file belongs to.
fn module(file: &str) -> &str {
    let first = file.split('/').next().unwrap_or(file);
    first.strip_suffix(".rs").unwrap_or(first)
}
