//! The configuration file, which says by hand what a template would say.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use room_auth_gateway::{IdentitySources, SelectionExpression};
use serde::Deserialize;

use crate::plan::{Language, Plan, PlannedAuthorizer, PlannedFunction, PlannedRoute, Program};

/// The file that is read if it lies in the current directory.
pub(super) const FILE: &str = "room-auth-gateway.toml";

/// A configuration file, as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Config {
    /// A template that says the rest.
    pub(super) template: Option<PathBuf>,
    /// The values of the template's parameters.
    pub(super) parameters: BTreeMap<String, String>,
    stage: Option<String>,
    stage_variables: BTreeMap<String, String>,
    route_selection: Option<String>,
    routes: BTreeMap<String, Route>,
    authorizer: Option<Authorizer>,
    functions: BTreeMap<String, Function>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Route {
    Function(String),
    #[serde(rename_all = "kebab-case")]
    WithResponse {
        function: String,
        response: bool,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Authorizer {
    function: String,
    #[serde(default)]
    identity_sources: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Function {
    /// A bootstrap, or with a `handler` the directory of its code.
    path: Option<PathBuf>,
    /// A command that makes the bootstrap.
    build: Option<String>,
    /// A directory in which `cargo build` makes it.
    cargo: Option<PathBuf>,
    binary: Option<String>,
    /// `file.function`, for a runtime of Node or Python.
    handler: Option<String>,
    /// As `nodejs22.x`.
    runtime: Option<String>,
    name: Option<String>,
    env: BTreeMap<String, String>,
    /// In seconds.
    timeout: Option<u64>,
    /// In MB.
    memory: Option<u32>,
    concurrency: Option<u16>,
    /// The directory of the file.
    #[serde(skip)]
    dir: PathBuf,
}

impl Config {
    /// Reads the file at `path`. Its own paths start from its directory.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or has something that is not known.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let in_file = |reason: String| format!("{}: {reason}", path.display());
        let text = fs::read_to_string(path).map_err(|error| in_file(error.to_string()))?;
        let mut config: Self = toml::from_str(&text).map_err(|error| in_file(error.to_string()))?;
        // The parent of a bare file name is empty, which is not a directory for a command.
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let dir = dir.unwrap_or(Path::new("."));
        for function in config.functions.values_mut() {
            dir.clone_into(&mut function.dir);
        }
        let functions = config.functions.values_mut();
        let paths = functions.flat_map(|function| [&mut function.path, &mut function.cargo]);
        for path in paths.chain([&mut config.template]).flatten() {
            *path = dir.join(&*path);
        }
        Ok(config)
    }

    /// Returns what is to be run, without what the template says.
    ///
    /// # Errors
    ///
    /// If an expression is not one, or a function has both a path and a build.
    pub(super) fn into_plan(self) -> Result<Plan, String> {
        let selection = self
            .route_selection
            .map(|text| text.parse::<SelectionExpression>());
        let functions = self.functions.into_iter().map(|(name, function)| {
            let planned = function.into_planned();
            let planned = planned.map_err(|reason| format!("function {name}: {reason}"))?;
            Ok((name, planned))
        });
        Ok(Plan {
            stage: self.stage,
            stage_variables: self.stage_variables,
            route_selection: selection.transpose().map_err(|error| error.to_string())?,
            routes: self
                .routes
                .into_iter()
                .map(|(key, route)| (key, route.into_planned()))
                .collect(),
            authorizer: self.authorizer.map(Authorizer::into_planned).transpose()?,
            functions: functions.collect::<Result<_, String>>()?,
            tables: Vec::new(),
        })
    }
}

impl Route {
    fn into_planned(self) -> PlannedRoute {
        let (function, has_response) = match self {
            Self::Function(function) => (function, false),
            Self::WithResponse { function, response } => (function, response),
        };
        PlannedRoute {
            function,
            has_response,
        }
    }
}

impl Authorizer {
    fn into_planned(self) -> Result<PlannedAuthorizer, String> {
        let sources = if self.identity_sources.is_empty() {
            IdentitySources::new()
        } else {
            let parsed = self.identity_sources.join(",").parse();
            parsed.map_err(|error| format!("authorizer: {error}"))?
        };
        Ok(PlannedAuthorizer {
            function: self.function,
            sources,
        })
    }
}

impl Function {
    fn into_planned(self) -> Result<PlannedFunction, String> {
        let language = self.runtime.as_deref().map(Language::of_runtime);
        let program = match (self.path, self.build, self.cargo) {
            (Some(_), _, Some(_)) => {
                return Err("it has both `path` and `cargo`; remove one of them".to_owned());
            }
            (None, Some(_), _) => {
                return Err("it has a `build` without a `path`; add the path of what it makes".to_owned());
            }
            (Some(path), Some(line), None) => Some(Program::Command {
                dir: self.dir,
                line,
                path,
            }),
            (Some(dir), None, None) if self.handler.is_some() || language.is_some() => {
                let (Some(Some(language)), Some(handler)) = (language, self.handler) else {
                    let text = "it takes both a `handler` and a `runtime`, of nodejs or python, to run code \
                                without a bootstrap";
                    return Err(text.to_owned());
                };
                Some(Program::Handler {
                    language,
                    dir,
                    handler,
                })
            }
            (Some(path), None, None) => Some(Program::Bootstrap(path)),
            (None, None, Some(dir)) => Some(Program::Cargo {
                dir,
                binary: self.binary,
            }),
            (None, None, None) => None,
        };
        Ok(PlannedFunction {
            name: self.name,
            program,
            env: self.env,
            timeout: self.timeout.map(Duration::from_secs),
            memory_mb: self.memory,
            concurrency: self.concurrency.map(usize::from).filter(|most| *most > 0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_a_template_would_say() {
        let text = r#"
            stage = "prod"
            route-selection = "$request.body.kind"

            [routes]
            "$connect" = "chat"
            ping = { function = "chat", response = true }

            [authorizer]
            function = "gate"
            identity-sources = ["route.request.querystring.token"]

            [functions.chat]
            cargo = "chat"
            binary = "chat"
            timeout = 10
            memory = 256
            env = { TABLE = "connections" }

            [functions.gate]
            path = "/gate"
        "#;
        let config: Config = toml::from_str(text).unwrap();
        let plan = config.into_plan().unwrap();
        assert_eq!(plan.stage.as_deref(), Some("prod"));
        assert!(plan.routes["ping"].has_response && !plan.routes["$connect"].has_response);
        assert_eq!(plan.authorizer.unwrap().function, "gate");
        let chat = &plan.functions["chat"];
        assert_eq!(
            (chat.timeout, chat.memory_mb, chat.env["TABLE"].as_str()),
            (Some(Duration::from_secs(10)), Some(256), "connections")
        );
        assert!(matches!(&chat.program, Some(Program::Cargo { binary: Some(name), .. }) if name == "chat"));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for text in ["stages = 1", "[functions.f]\ntime-out = 1", "[routes]\na = 1"] {
            assert!(toml::from_str::<Config>(text).is_err(), "{text}");
        }
        let half: Config = toml::from_str("[functions.f]\npath = 'a'\nhandler = 'index.handler'").unwrap();
        let error = half.into_plan().unwrap_err();
        assert!(
            error.starts_with("function f: it takes both a `handler` and a `runtime`"),
            "{error}"
        );
        let both: Config = toml::from_str("[functions.f]\npath = 'a'\ncargo = 'b'").unwrap();
        let error = both.into_plan().unwrap_err();
        assert_eq!(
            error,
            "function f: it has both `path` and `cargo`; remove one of them"
        );
    }
}
