//! Templates of CloudFormation and SAM: the WebSocket API in them, its functions and their tables.
//!
//! What is not understood is never guessed: it is left out and noted, or, where that would let somebody in who must
//! stay out, it is an error.

mod api;
mod condition;
mod function;
mod plain_api;
mod reader;
mod resolve;
mod resource;
mod resources;
mod sam_api;
mod table;
mod yaml;

use std::{cell::RefCell, fs, path::Path};

use self::{reader::Reader, resolve::Resolver, resource::Resource};
use crate::plan::Plan;

/// What decides how a template is read.
pub(crate) struct Choices<'a> {
    /// The values of parameters.
    pub(crate) parameters: &'a [(String, String)],
    /// The logical id of the API, if there is more than one.
    pub(crate) api: Option<&'a str>,
    /// The stage, if there is more than one.
    pub(crate) stage: Option<&'a str>,
    pub(crate) region: &'a str,
    /// Where the API is reached here, in place of its host name on AWS: `127.0.0.1:3001`.
    pub(crate) address: Option<&'a str>,
}

/// Reads a template. Returns what is to be run, and notes about what is not understood.
///
/// # Errors
///
/// If the file is not a template with a WebSocket API: what to do, for the person at the terminal.
pub(crate) fn read(path: &Path, choices: &Choices<'_>) -> Result<(Plan, Vec<String>), String> {
    let in_file = |reason: String| format!("{}: {reason}", path.display());
    let text = fs::read_to_string(path).map_err(|error| in_file(error.to_string()))?;
    // The parent of a bare file name is empty, which is not a directory for a command.
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let dir = dir.unwrap_or(Path::new("."));
    let (plan, notes) = parse(&text, dir, choices).map_err(in_file)?;
    Ok((plan, notes.into_iter().map(in_file).collect()))
}

fn parse(text: &str, dir: &Path, choices: &Choices<'_>) -> Result<(Plan, Vec<String>), String> {
    let template = yaml::read(text)?;
    let parameters = resources::parameters(&template, choices.parameters)?;
    let resources = resources::read(&template, &parameters, choices.region)?;
    let reader = Reader {
        dir,
        address: choices.address,
        resources: &resources,
        resolver: Resolver {
            resources: &resources,
            conditions: resources::conditions(&template),
            parameters,
            region: choices.region,
            open: RefCell::default(),
        },
        notes: RefCell::default(),
    };
    let mut plan = read_api(&reader, choices)?;
    for (id, resource) in &resources {
        match resource.kind.as_str() {
            "AWS::Serverless::Function" | "AWS::Lambda::Function" => {
                let function = function::read(&reader, id, resource);
                plan.functions.insert(id.clone(), function);
            }
            "AWS::DynamoDB::Table" => plan.tables.push(table::read(&reader, id, resource)?),
            "AWS::Serverless::SimpleTable" => plan.tables.push(table::read_simple(&reader, id, resource)?),
            kind if is_without_effect(kind) => {}
            kind => reader.note(id, &format!("the type {kind} is not run here")),
        }
    }
    Ok((plan, reader.notes.into_inner()))
}

/// Reads the WebSocket API, in either of its two forms: routes, authorizer, stage.
///
/// # Errors
///
/// If there is none, or more than one, or its authorizer is not understood.
fn read_api(reader: &Reader<'_>, choices: &Choices<'_>) -> Result<Plan, String> {
    let is_chosen = |id: &str| choices.api.is_none_or(|api| api == id);
    let all = reader.resources.iter();
    let mut apis = all.filter(|(id, resource)| is_web_socket_api(resource) && is_chosen(id));
    let (id, api) = apis.next().ok_or_else(|| match choices.api {
        Some(api) => format!("it has no WebSocket API `{api}`; correct --api"),
        None => "it has no WebSocket API: neither an AWS::Serverless::WebSocketApi, nor an \
                 AWS::ApiGatewayV2::Api of the ProtocolType WEBSOCKET"
            .to_owned(),
    })?;
    if let Some((other, _)) = apis.next() {
        return Err(format!(
            "it has more than one WebSocket API; choose one, by --api {id} or --api {other}"
        ));
    }
    if api.kind == "AWS::Serverless::WebSocketApi" {
        sam_api::read(reader, id, api)
    } else {
        plain_api::read(reader, id, api, choices.stage)
    }
}

fn is_web_socket_api(resource: &Resource) -> bool {
    match resource.kind.as_str() {
        "AWS::Serverless::WebSocketApi" => true,
        "AWS::ApiGatewayV2::Api" => resource
            .properties
            .get("ProtocolType")
            .is_some_and(|kind| kind == "WEBSOCKET"),
        _ => false,
    }
}

/// Returns whether a resource changes nothing of what can be seen here, or is read together with another one.
fn is_without_effect(kind: &str) -> bool {
    let parts = [
        "AWS::ApiGatewayV2::",
        "AWS::Serverless::WebSocketApi",
        "AWS::IAM::",
        "AWS::Lambda::Permission",
        "AWS::Logs::",
        "AWS::CloudWatch::",
    ];
    parts.iter().any(|part| kind.starts_with(part))
}

#[cfg(test)]
mod tests;
