//! Which file of a crate imports which, and where the imports go in a circle.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{self, Module, Texts, Use};

/// For each file, the files that it imports, each with one path that does so.
pub(super) type Imports = BTreeMap<String, BTreeMap<String, String>>;

/// Follows the paths of all files to the files that define what they name.
pub(super) fn imports(texts: &Texts, root: &str) -> Imports {
    let tree = Tree(source::modules(texts, root));
    let mut imports = Imports::new();
    for (index, module) in tree.0.iter().enumerate() {
        let from = imports.entry(module.file.clone()).or_default();
        for path in tree.imported_paths(index) {
            if let Some(file) = tree.file_behind(index, path).filter(|file| *file != module.file) {
                from.entry(file).or_insert_with(|| path.join("::"));
            }
        }
    }
    imports
}

/// Returns the shortest circle through each file that is on one, without repetitions.
pub(super) fn circles(imports: &Imports) -> BTreeSet<Vec<String>> {
    imports
        .keys()
        .filter_map(|start| circle(imports, start))
        .collect()
}

fn circle(imports: &Imports, start: &String) -> Option<Vec<String>> {
    let mut ways = vec![vec![start]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in &ways {
            for next in imports
                .get(way[way.len() - 1])
                .into_iter()
                .flat_map(BTreeMap::keys)
            {
                if next == start {
                    // Begins with the first name, so that the same circle is the same list.
                    let first = (0..way.len()).min_by_key(|at| way[*at]).unwrap_or(0);
                    return Some(
                        (0..way.len())
                            .map(|at| way[(first + at) % way.len()].clone())
                            .collect(),
                    );
                }
                if seen.insert(next) {
                    longer.push(way.iter().copied().chain([next]).collect());
                }
            }
        }
        ways = longer;
    }
    None
}

/// Formats a circle with the paths that close it.
pub(super) fn explain(imports: &Imports, circle: &[String]) -> String {
    let steps = circle.iter().zip(circle.iter().cycle().skip(1));
    steps
        .map(|(from, to)| format!("{from} -> {to} ({})", imports[from][to]))
        .collect::<Vec<_>>()
        .join(", ")
}

struct Tree(Vec<Module>);

/// What a path leads to, and in which module that is.
enum Found {
    Module(usize),
    Item(usize),
    /// Another crate's, re-exported here.
    Foreign(usize),
}

impl Tree {
    /// Returns the paths by which a module depends on others. A re-export of something below the module is an entry
    /// of its map, and no import unless its own code uses the name.
    fn imported_paths(&self, index: usize) -> impl Iterator<Item = &Vec<String>> {
        let module = &self.0[index];
        let uses = module.uses.iter().filter(move |import| {
            let is_entry = import.is_public && self.is_below(index, &import.path);
            let is_used = import
                .name
                .as_ref()
                .is_some_and(|name| module.words.contains(name));
            !module.is_map() && (!is_entry || is_used)
        });
        uses.map(|import| &import.path).chain(&module.paths)
    }

    fn is_below(&self, index: usize, path: &[String]) -> bool {
        let path = path.strip_prefix(&["self".to_owned()]).unwrap_or(path);
        path.first()
            .is_some_and(|first| self.0[index].children.contains_key(first))
    }

    fn file_behind(&self, from: usize, path: &[String]) -> Option<String> {
        let module = match self.find(from, path, 0)? {
            Found::Module(index) | Found::Foreign(index) => {
                Some(&self.0[index]).filter(|module| !module.is_map())
            }
            Found::Item(index) => Some(&self.0[index]),
        };
        module.map(|module| module.file.clone())
    }

    /// Follows a path as the compiler does: `crate`, `self`, `super`, a child module, or a name that is in scope.
    fn find(&self, from: usize, path: &[String], depth: usize) -> Option<Found> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.find_in(0, rest, depth),
            "self" => self.find_in(from, rest, depth),
            "super" => {
                let mut module = self.0[from].parent?;
                let mut rest = rest;
                while let Some((_, further)) = rest.split_first().filter(|(next, _)| *next == "super") {
                    module = self.0[module].parent?;
                    rest = further;
                }
                self.find_in(module, rest, depth)
            }
            name => {
                let module = &self.0[from];
                let is_in_scope = module.children.contains_key(name)
                    || module
                        .uses
                        .iter()
                        .any(|import| import.name.as_deref() == Some(name) && import.path != path);
                if is_in_scope {
                    self.find_in(from, path, depth)
                } else {
                    None
                }
            }
        }
    }

    fn find_in(&self, mut module: usize, path: &[String], depth: usize) -> Option<Found> {
        // A glob that imports itself, through others.
        if depth > 16 {
            return None;
        }
        for (at, name) in path.iter().enumerate() {
            if let Some(child) = self.0[module].children.get(name) {
                module = *child;
                continue;
            }
            if self.0[module].items.contains(name) {
                return Some(Found::Item(module));
            }
            let named = self.0[module]
                .uses
                .iter()
                .find(|import| import.name.as_ref() == Some(name));
            match named.map(|import| self.find(module, &import.path, depth + 1)) {
                Some(Some(Found::Module(next))) if at + 1 < path.len() => module = next,
                Some(Some(found)) => return Some(found),
                Some(None) => return Some(Found::Foreign(module)),
                None => {
                    return self
                        .find_by_glob(module, name, depth)
                        .or(Some(Found::Foreign(module)));
                }
            }
        }
        Some(Found::Module(module))
    }

    fn find_by_glob(&self, module: usize, name: &String, depth: usize) -> Option<Found> {
        let globs = self.0[module].uses.iter().filter(|import| import.name.is_none());
        let mut found = globs.filter_map(|Use { path, .. }| match self.find(module, path, depth + 1)? {
            Found::Module(target) => match self.find_in(target, std::slice::from_ref(name), depth + 1)? {
                Found::Foreign(_) => None,
                found => Some(found),
            },
            // The variants of an enum.
            found => Some(found),
        });
        found.next()
    }
}
