//! The environment variables that Lambda gives a function.

use std::{collections::BTreeMap, ffi::OsString, net::SocketAddr, path::Path};

use super::spec::{Function, Inherit};
use crate::ids;

/// What a process needs to run at all, and to be debugged.
const ESSENTIALS: [&str; 5] = ["PATH", "HOME", "TMPDIR", "RUST_LOG", "RUST_BACKTRACE"];

/// What the caller's environment overrides when all of it is inherited.
const CHOICES: [&str; 5] = [
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "TZ",
];

/// Returns all variables of a process of the function.
pub(super) fn variables(
    spec: &Function,
    name: &str,
    executable: &Path,
    runtime_api: SocketAddr,
) -> BTreeMap<OsString, OsString> {
    let mut all: BTreeMap<OsString, OsString> = std::env::vars_os()
        .filter(|(name, _)| {
            spec.inherit == Inherit::All || name.to_str().is_some_and(|n| ESSENTIALS.contains(&n))
        })
        .collect();
    let region = spec.region_or_default();
    let task_root = executable.parent().unwrap_or(Path::new("/"));
    let defaults: [(&str, OsString); 17] = [
        ("AWS_REGION", region.into()),
        ("AWS_DEFAULT_REGION", region.into()),
        ("AWS_ACCESS_KEY_ID", "local".into()),
        ("AWS_SECRET_ACCESS_KEY", "local".into()),
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
        ("LAMBDA_RUNTIME_DIR", task_root.into()),
        ("LANG", "en_US.UTF-8".into()),
        ("AWS_EC2_METADATA_DISABLED", "true".into()),
    ];
    for (name, value) in defaults {
        if !(CHOICES.contains(&name) && all.contains_key(&OsString::from(name))) {
            all.insert(name.into(), value);
        }
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
