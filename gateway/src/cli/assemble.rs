//! From the template, the configuration file and the options to a gateway that can be started.

use std::{collections::BTreeMap, path::Path};

use room_auth_gateway::{Function, Gateway, GatewayBuilder};

use super::{
    build,
    config::{self, Config},
    interface_client::Built,
    names::Names,
    options::Options,
    output::Output,
};
use crate::{
    plan::{Plan, PlannedAuthorizer, PlannedFunction, PlannedRoute, Program},
    template,
};

/// How the functions are run, by their names.
pub(super) type Bootstraps = BTreeMap<String, Built>;

/// Returns what the options say, and the files that they name. What is not understood of a template is printed.
///
/// # Errors
///
/// If a file cannot be read: what to do, for the person at the terminal.
pub(super) fn plan(options: &Options, output: &Output) -> Result<Plan, String> {
    let mut config = match &options.config {
        Some(path) => Config::read(path)?,
        None if Path::new(config::FILE).exists() => Config::read(Path::new(config::FILE))?,
        None => Config::default(),
    };
    let mut plan = Plan::default();
    let template = config.template.take();
    if let Some(path) = options.template.as_ref().or(template.as_ref()) {
        let mut parameters: Vec<_> = std::mem::take(&mut config.parameters).into_iter().collect();
        parameters.extend(options.parameters.iter().cloned());
        let address = format!("{}:{}", options.host, options.port);
        let choices = template::Choices {
            parameters: &parameters,
            api: options.api.as_deref(),
            stage: options.stage.as_deref(),
            region: &options.region,
            address: (options.port != 0).then_some(&address),
        };
        let (of_template, notes) = template::read(path, &choices)?;
        for note in notes {
            output.note(&note);
        }
        plan.overlay(of_template);
    }
    plan.overlay(config.into_plan()?);
    plan.overlay(of_options(options));
    for name in plan.drop_unused() {
        output.note(&format!("function {name} is not started: no route leads to it"));
    }
    if plan.routes.is_empty() {
        return Err(
            "there is no route; add --route KEY=FUNCTION, --template FILE or a room-auth-gateway.toml"
                .to_owned(),
        );
    }
    Ok(plan)
}

/// Returns what the options say by themselves. A function that none of the files knows is named after its path.
fn of_options(options: &Options) -> Plan {
    let mut names = Names::new(options.functions.clone());
    let mut plan = Plan {
        stage: options.stage.clone(),
        stage_variables: options.stage_variables.iter().cloned().collect(),
        route_selection: options.route_selection.clone(),
        ..Plan::default()
    };
    let routes = options.routes.iter().map(|route| (route, false));
    let with_response = options.routes_with_response.iter().map(|route| (route, true));
    for ((key, function), has_response) in routes.chain(with_response) {
        let function = names.name_of(function.clone());
        let route = PlannedRoute {
            function,
            has_response,
        };
        plan.routes.insert(key.clone(), route);
    }
    plan.authorizer = options.authorizer.clone().map(|function| PlannedAuthorizer {
        function: names.name_of(function),
        sources: options.identity_sources.clone().unwrap_or_default(),
    });
    for (name, path) in names.into_paths() {
        let program = match options.build.clone() {
            None => Program::Bootstrap(path.into()),
            Some(line) => Program::Command {
                dir: ".".into(),
                line,
                path: path.into(),
            },
        };
        let function = PlannedFunction {
            program: Some(program),
            ..PlannedFunction::default()
        };
        plan.functions.insert(name, function);
    }
    plan
}

/// Builds the functions, and returns the gateway and what was built. `artifacts` is a directory for what the builds make.
///
/// # Errors
///
/// If a function cannot be built: what to do, for the person at the terminal.
pub(super) async fn builder(
    plan: &Plan,
    options: &Options,
    output: &Output,
    artifacts: &Path,
) -> Result<(GatewayBuilder, Bootstraps), String> {
    let observer = output.clone();
    let mut builder = options
        .configure(Gateway::builder())
        .observe(move |observation| observer.observe(&observation))
        .logs(output.logs());
    if let Some(stage) = &plan.stage {
        builder = builder.stage(stage);
    }
    if let Some(selection) = &plan.route_selection {
        builder = builder.route_selection(selection.clone());
    }
    for (name, value) in &plan.stage_variables {
        builder = builder.stage_variable(name, value);
    }
    for (key, route) in &plan.routes {
        builder = if route.has_response {
            builder.route_with_response(key, &route.function)
        } else {
            builder.route(key, &route.function)
        };
    }
    if let Some(PlannedAuthorizer { function, sources }) = &plan.authorizer {
        builder = builder.authorizer(function, sources.clone());
    }
    let mut bootstraps = Bootstraps::new();
    for (name, planned) in &plan.functions {
        let bootstrap = build::build(name, planned.program.as_ref(), artifacts).await?;
        builder = builder.function(name, function(planned, &bootstrap, options));
        bootstraps.insert(name.clone(), bootstrap);
    }
    #[cfg(feature = "dynamodb")]
    for table in &plan.tables {
        builder = builder.table(table.to_string());
    }
    #[cfg(not(feature = "dynamodb"))]
    if !plan.tables.is_empty() {
        output.note("the tables are not created: this program was built without its feature `dynamodb`");
    }
    Ok((builder, bootstraps))
}

/// Returns the function that was built.
pub(super) fn function(planned: &PlannedFunction, built: &Built, options: &Options) -> Function {
    let mut function = Function::new(&built.path).envs(planned.env.clone());
    if let Some(handler) = &built.handler {
        function = function.task_root(&handler.dir).handler(&handler.name);
        for arg in &handler.args {
            function = function.arg(arg);
        }
    }
    if let Some(name) = &planned.name {
        function = function.name(name);
    }
    if let Some(timeout) = planned.timeout {
        function = function.timeout(timeout);
    }
    if let Some(megabytes) = planned.memory_mb {
        function = function.memory_size(megabytes);
    }
    if let Some(processes) = planned.concurrency {
        function = function.concurrency(processes);
    }
    options.configure_function(function)
}
