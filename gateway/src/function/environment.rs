//! The environment variables that Lambda gives a function.

use std::{collections::BTreeMap, ffi::OsString, net::SocketAddr, path::Path};

use super::spec::{Function, Inherit};
use crate::ids;

/// What a process needs to run at all, and to be debugged.
const ESSENTIALS: [&str; 5] = ["PATH", "HOME", "TMPDIR", "RUST_LOG", "RUST_BACKTRACE"];

/// What the caller's environment overrides when all of it is inherited.
const CHOICES: [&str; 3] = ["AWS_REGION", "AWS_DEFAULT_REGION", "TZ"];

const CREDENTIALS: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/// The names that Lambda refuses in a function's configuration ("Defined runtime environment variables" in the
/// developer guide).
const RESERVED: [&str; 18] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

/// Returns the first variable of the function's own that Lambda would refuse.
pub(super) fn reserved(spec: &Function) -> Option<&'static str> {
    let mut names = RESERVED.iter().copied();
    names.find(|reserved| spec.env.iter().any(|(name, _)| name == reserved))
}

/// Returns all variables of a process of the function.
pub(super) fn variables(
    spec: &Function,
    name: &str,
    task_root: &Path,
    runtime_api: SocketAddr,
) -> BTreeMap<OsString, OsString> {
    let mut all: BTreeMap<OsString, OsString> = std::env::vars_os()
        .filter(|(name, _)| {
            spec.inherit == Inherit::All || name.to_str().is_some_and(|n| ESSENTIALS.contains(&n))
        })
        .collect();
    let region = spec.region_or_default();
    let defaults: [(&str, OsString); 15] = [
        ("AWS_REGION", region.into()),
        ("AWS_DEFAULT_REGION", region.into()),
        ("TZ", ":UTC".into()),
        ("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string().into()),
        ("AWS_LAMBDA_FUNCTION_NAME", name.into()),
        (
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            spec.memory_mb.to_string().into(),
        ),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".into()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".into()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}").into()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", ids::log_stream_name().into()),
        ("_HANDLER", spec.handler.clone().into()),
        ("LAMBDA_TASK_ROOT", task_root.into()),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime".into()),
        ("LANG", "en_US.UTF-8".into()),
        ("AWS_EC2_METADATA_DISABLED", "true".into()),
    ];
    for (name, value) in defaults {
        if !(CHOICES.contains(&name) && all.contains_key(&OsString::from(name))) {
            all.insert(name.into(), value);
        }
    }
    // Inherited credentials stay as they are: keys that last have no session token.
    if let Some(credentials) = &spec.credentials {
        all.extend(
            CREDENTIALS
                .map(OsString::from)
                .into_iter()
                .zip(credentials.clone()),
        );
    } else if !all.contains_key(&OsString::from(CREDENTIALS[0])) {
        all.extend(CREDENTIALS.map(|name| (name.into(), "local".into())));
    }
    if spec.invocations_per_process > 1 {
        all.insert(
            "AWS_LAMBDA_MAX_CONCURRENCY".into(),
            spec.invocations_per_process.to_string().into(),
        );
    }
    all.extend(spec.env.iter().cloned());
    all
}
