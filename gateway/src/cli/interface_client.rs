//! Running functions that have no bootstrap: the runtime interface clients of AWS, from npm and pip.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::Command;

use crate::plan::Language;

/// Where the client for Node is, below a directory of packages.
const NODE_CLIENT: &str = "aws-lambda-ric/bin/index.mjs";

/// How a function is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Built {
    /// A bootstrap, or an interpreter.
    pub(super) path: PathBuf,
    pub(super) handler: Option<Handler>,
}

/// What an interpreter is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Handler {
    pub(super) args: Vec<OsString>,
    /// The directory of the code.
    pub(super) dir: PathBuf,
    pub(super) name: String,
}

/// Returns how the handler in `dir` is run.
///
/// # Errors
///
/// If the interpreter or the client is not there: what to do, for the person at the terminal.
pub(super) async fn find(language: Language, dir: &Path, handler: &str) -> Result<Built, String> {
    let dir = dir
        .canonicalize()
        .map_err(|error| format!("{}: {error}", dir.display()))?;
    let (path, mut args) = match language {
        Language::Node => node(&dir).await?,
        Language::Python => (python(&dir).await?, vec!["-m".into(), "awslambdaric".into()]),
    };
    args.push(handler.into());
    let name = handler.to_owned();
    Ok(Built {
        path,
        handler: Some(Handler { args, dir, name }),
    })
}

/// Returns Node, and as its argument the client: from the packages of the code, or of a directory above it, or from the
/// global ones.
async fn node(dir: &Path) -> Result<(PathBuf, Vec<OsString>), String> {
    let node = in_path("node").ok_or("there is no `node` in PATH; install Node")?;
    let own = dir
        .ancestors()
        .map(|above| above.join("node_modules").join(NODE_CLIENT));
    let client = match own.into_iter().find(|client| client.exists()) {
        Some(client) => Some(client),
        None => global_packages().await.map(|packages| packages.join(NODE_CLIENT)),
    };
    match client.filter(|client| client.exists()) {
        Some(client) => Ok((node, vec![client.into()])),
        None => Err(format!(
            "the runtime interface client is not there; run `npm install aws-lambda-ric` in {}",
            dir.display()
        )),
    }
}

async fn global_packages() -> Option<PathBuf> {
    let mut npm = Command::new(in_path("npm")?);
    let output = npm
        .args(["root", "--global"])
        .stdin(Stdio::null())
        .output()
        .await
        .ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

/// Returns the first Python that has the client: of a virtual environment beside the code, or above it, or that is
/// active, or in `PATH`.
async fn python(dir: &Path) -> Result<PathBuf, String> {
    let beside = dir
        .ancestors()
        .flat_map(|above| [above.join(".venv"), above.join("venv")]);
    let active = env::var_os("VIRTUAL_ENV").map(PathBuf::from);
    let environments = beside
        .chain(active)
        .map(|environment| environment.join("bin/python"));
    for python in environments
        .filter(|python| python.exists())
        .chain(in_path("python3"))
    {
        let mut check = Command::new(&python);
        check
            .args(["-c", "import awslambdaric"])
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        if check.status().await.is_ok_and(|status| status.success()) {
            return Ok(python);
        }
    }
    Err(format!(
        "the runtime interface client is not there; run `python3 -m venv .venv && .venv/bin/pip install \
         awslambdaric` in {}",
        dir.display()
    ))
}

fn in_path(program: &str) -> Option<PathBuf> {
    let name = format!("{program}{}", env::consts::EXE_SUFFIX);
    let paths = env::var_os("PATH")?;
    env::split_paths(&paths)
        .map(|dir| dir.join(&name))
        .find(|path| path.is_file())
}
