//! The functions of a template.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{reader::Reader, resource::Resource};
use crate::plan::{Language, PlannedFunction, Program};

/// The properties that are read here, and those of which nothing is seen here.
const KNOWN: [&str; 21] = [
    "Code",
    "CodeUri",
    "Environment",
    "FunctionName",
    "Handler",
    "MemorySize",
    "PackageType",
    "ReservedConcurrentExecutions",
    "Runtime",
    "Timeout",
    "Architectures",
    "AutoPublishAlias",
    "Description",
    "LoggingConfig",
    "Policies",
    "PropagateTags",
    "Role",
    "RuntimeManagementConfig",
    "Tags",
    "Tracing",
    "TracingConfig",
];

/// Reads a function.
pub(super) fn read(reader: &Reader<'_>, id: &str, resource: &Resource) -> PlannedFunction {
    let properties = &resource.properties;
    reader.unread(id, properties, &KNOWN);
    let env = properties.get("Environment").and_then(|env| env.get("Variables"));
    let mut env = reader.map(id, "the environment variable", env);
    for (name, value) in &mut env {
        local_endpoint(reader, id, name, value);
    }
    let timeout = reader.number(id, properties, "Timeout");
    let concurrency = reader.number(id, properties, "ReservedConcurrentExecutions");
    PlannedFunction {
        name: reader.text(id, properties, "FunctionName"),
        program: Some(program(reader, id, resource)),
        env,
        timeout: timeout.map(|seconds| Duration::from_secs(seconds.into())),
        memory_mb: reader.number(id, properties, "MemorySize"),
        concurrency: concurrency.and_then(|most| usize::try_from(most).ok().filter(|most| *most > 0)),
    }
}

/// Replaces the URL that the API would have on AWS by the one that it has here.
fn local_endpoint(reader: &Reader<'_>, id: &str, name: &str, value: &mut String) {
    let host = reader.resolver.api_host();
    if !value.contains(&host) {
        return;
    }
    let Some(address) = reader.address else {
        let text = format!(
            "the environment variable {name} has the API's URL on AWS, and the one here is not known before the \
             start; choose a --port other than 0"
        );
        return reader.note(id, &text);
    };
    for (on_aws, here) in [("https://", "http://"), ("wss://", "ws://")] {
        *value = value.replace(&format!("{on_aws}{host}"), &format!("{here}{address}"));
    }
    *value = value.replace(&host, address);
}

fn program(reader: &Reader<'_>, id: &str, resource: &Resource) -> Program {
    let Resource {
        kind,
        properties,
        metadata,
    } = resource;
    let runtime = reader.text(id, properties, "Runtime").unwrap_or_default();
    if properties.get("PackageType").is_some_and(|kind| kind == "Image") {
        return Program::Unknown("its package is an image".to_owned());
    }
    let language = Language::of_runtime(&runtime);
    if language.is_none() && !runtime.starts_with("provided") {
        return Program::Unknown(format!("its Runtime is `{runtime}`"));
    }
    let code = if kind == "AWS::Serverless::Function" {
        "CodeUri"
    } else {
        "Code"
    };
    let dir = match reader.value(id, properties, code) {
        Some(Value::String(path)) if path.starts_with("s3://") => {
            return Program::Unknown(format!("its {code} is {path}"));
        }
        Some(Value::String(path)) => reader.path(&path),
        Some(_) => return Program::Unknown(format!("its {code} is not a path of this machine")),
        // SAM takes the template's directory.
        None => reader.path("."),
    };
    match metadata.get("BuildMethod").and_then(Value::as_str) {
        Some("rust-cargolambda") => Program::Cargo {
            dir,
            binary: binary(metadata),
        },
        Some("makefile") => Program::Make {
            dir,
            target: format!("build-{id}"),
        },
        Some(other) => Program::Unknown(format!("its BuildMethod is `{other}`")),
        None => match (language, reader.text(id, properties, "Handler")) {
            (Some(language), Some(handler)) => Program::Handler {
                language,
                dir,
                handler,
            },
            (Some(_), None) => Program::Unknown("it has no Handler".to_owned()),
            (None, _) => Program::Bootstrap(dir),
        },
    }
}

fn binary(metadata: &Map<String, Value>) -> Option<String> {
    let binary = metadata.get("BuildProperties")?.get("Binary")?;
    binary.as_str().map(str::to_owned)
}
