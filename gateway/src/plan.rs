//! What is to be run, whoever says so: a template, a configuration file, or the options.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use room_auth_gateway::{IdentitySources, SelectionExpression};

/// An API with its functions, as far as something was said about it.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) stage: Option<String>,
    pub(crate) stage_variables: BTreeMap<String, String>,
    pub(crate) route_selection: Option<SelectionExpression>,
    /// The routes by their keys.
    pub(crate) routes: BTreeMap<String, PlannedRoute>,
    pub(crate) authorizer: Option<PlannedAuthorizer>,
    /// The functions by the names that routes use.
    pub(crate) functions: BTreeMap<String, PlannedFunction>,
    /// The `CreateTable` requests of the tables.
    pub(crate) tables: Vec<serde_json::Value>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlannedRoute {
    pub(crate) function: String,
    pub(crate) has_response: bool,
}

#[derive(Debug)]
pub(crate) struct PlannedAuthorizer {
    pub(crate) function: String,
    pub(crate) sources: IdentitySources,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PlannedFunction {
    /// `AWS_LAMBDA_FUNCTION_NAME`, if it is another than the name that routes use.
    pub(crate) name: Option<String>,
    pub(crate) program: Option<Program>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) memory_mb: Option<u32>,
    pub(crate) concurrency: Option<usize>,
}

/// Where the program of a function comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// An executable, or a directory with a `bootstrap` in it.
    Bootstrap(PathBuf),
    /// `cargo build` in a directory makes it.
    Cargo {
        dir: PathBuf,
        /// The name of the binary, if there is more than one.
        binary: Option<String>,
    },
    /// `make` in a directory makes it, as a `bootstrap` in `ARTIFACTS_DIR`.
    Make { dir: PathBuf, target: String },
    /// A command in a directory makes what lies at the path.
    Command {
        dir: PathBuf,
        line: String,
        path: PathBuf,
    },
    /// The runtime interface client of its language runs it.
    Handler {
        language: Language,
        /// The directory of the code.
        dir: PathBuf,
        /// `file.function`.
        handler: String,
    },
    /// It cannot be run, for this reason.
    Unknown(String),
}

/// A language in which Lambda functions have no bootstrap of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Node,
    Python,
}

impl Language {
    /// Returns the language of a runtime such as `nodejs22.x`, if it is one of these.
    pub(crate) fn of_runtime(runtime: &str) -> Option<Self> {
        if runtime.starts_with("nodejs") {
            Some(Self::Node)
        } else if runtime.starts_with("python") {
            Some(Self::Python)
        } else {
            None
        }
    }
}

impl Plan {
    /// Takes over what `other` says. Where both say something, `other` counts.
    pub(crate) fn overlay(&mut self, other: Self) {
        let Self {
            stage,
            stage_variables,
            route_selection,
            routes,
            authorizer,
            functions,
            tables,
        } = other;
        replace(&mut self.stage, stage);
        replace(&mut self.route_selection, route_selection);
        replace(&mut self.authorizer, authorizer);
        self.stage_variables.extend(stage_variables);
        self.routes.extend(routes);
        self.tables.extend(tables);
        for (name, function) in functions {
            self.functions.entry(name).or_default().overlay(function);
        }
    }

    /// Leaves out the functions that neither a route nor the authorizer uses, and returns their names.
    pub(crate) fn drop_unused(&mut self) -> Vec<String> {
        let by_routes = self.routes.values().map(|route| &route.function);
        let by_authorizer = self.authorizer.iter().map(|authorizer| &authorizer.function);
        let used: Vec<String> = by_routes.chain(by_authorizer).cloned().collect();
        let is_unused = |name: &String, _: &mut PlannedFunction| !used.contains(name);
        self.functions
            .extract_if(.., is_unused)
            .map(|(name, _)| name)
            .collect()
    }
}

impl PlannedFunction {
    fn overlay(&mut self, other: Self) {
        replace(&mut self.name, other.name);
        replace(&mut self.program, other.program);
        replace(&mut self.timeout, other.timeout);
        replace(&mut self.memory_mb, other.memory_mb);
        replace(&mut self.concurrency, other.concurrency);
        self.env.extend(other.env);
    }
}

fn replace<T>(old: &mut Option<T>, new: Option<T>) {
    if new.is_some() {
        *old = new;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(program: &str, env: &[(&str, &str)]) -> PlannedFunction {
        PlannedFunction {
            program: Some(Program::Bootstrap(program.into())),
            env: env
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            ..PlannedFunction::default()
        }
    }

    #[test]
    fn what_is_said_later_counts_and_the_rest_stays() {
        let mut plan = Plan {
            stage: Some("dev".into()),
            functions: BTreeMap::from([("f".into(), function("a", &[("A", "1"), ("B", "1")]))]),
            ..Plan::default()
        };
        plan.overlay(Plan {
            functions: BTreeMap::from([("f".into(), function("b", &[("B", "2")]))]),
            ..Plan::default()
        });
        assert_eq!(plan.stage.as_deref(), Some("dev"));
        assert_eq!(plan.functions["f"], function("b", &[("A", "1"), ("B", "2")]));
    }

    #[test]
    fn a_function_that_nobody_uses_is_left_out_and_named() {
        let route = PlannedRoute {
            function: "f".into(),
            has_response: false,
        };
        let mut plan = Plan {
            routes: BTreeMap::from([("$connect".into(), route)]),
            functions: BTreeMap::from([("f".into(), function("a", &[])), ("g".into(), function("b", &[]))]),
            ..Plan::default()
        };
        assert_eq!(plan.drop_unused(), ["g"]);
        assert_eq!(plan.functions.len(), 1);
    }
}
