//! The names of the functions that the options give by path or by name.

use std::path::Path;

/// The functions by name. A function given by its path is named after its file.
pub(super) struct Names(Vec<(String, String)>);

impl Names {
    /// Takes the functions that have a name, each with its path.
    pub(super) fn new(named: Vec<(String, String)>) -> Self {
        Self(named)
    }

    /// Returns the name of a function that is given by its name or by its path.
    pub(super) fn name_of(&mut self, function: String) -> String {
        if let Some((name, _)) = self
            .0
            .iter()
            .find(|(name, path)| *name == function || *path == function)
        {
            return name.clone();
        }
        let file = Path::new(&function)
            .file_stem()
            .map_or(function.clone(), |stem| stem.to_string_lossy().into());
        let taken = |name: &str| self.0.iter().any(|(other, _)| other == name);
        let numbered = (2..).map(|number| format!("{file}-{number}"));
        let name = std::iter::once(file.clone())
            .chain(numbered)
            .find(|name| !taken(name))
            .expect("an endless list");
        self.0.push((name.clone(), function));
        name
    }

    /// Returns all functions, each with its path.
    pub(super) fn into_paths(self) -> Vec<(String, String)> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_named_for_their_files_and_shared_between_routes() {
        let mut names = Names::new(vec![("chat".into(), "target/chat".into())]);
        let found = [
            "chat",
            "target/chat",
            "a/connect",
            "b/connect",
            "a/connect",
            "c/connect.sh",
        ]
        .map(|function| names.name_of(function.to_owned()));
        assert_eq!(
            found,
            ["chat", "chat", "connect", "connect-2", "connect", "connect-3"]
        );
    }
}
