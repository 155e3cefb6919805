//! Building and restarting functions when their sources change.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher, event::ModifyKind};
use room_auth_gateway::Gateway;
use tokio::{
    sync::mpsc::{self, UnboundedReceiver},
    time::timeout,
};

use super::{
    assemble::{self, Bootstraps},
    build,
    interface_client::Built,
    options::Options,
    output::Output,
    sources,
};
use crate::plan::Plan;

/// How long nothing may change until a build begins: editors and compilers write in several steps.
const QUIET: Duration = Duration::from_millis(150);

/// The sources of all functions, watched.
pub(super) struct Watch {
    watcher: RecommendedWatcher,
    changes: UnboundedReceiver<PathBuf>,
    functions: Vec<Watched>,
    env_files: Vec<PathBuf>,
    /// The directories that are watched.
    watched: BTreeSet<PathBuf>,
}

struct Watched {
    name: String,
    roots: Vec<PathBuf>,
    /// When the bootstrap that runs was made.
    made: Option<SystemTime>,
}

impl Watch {
    /// Begins to watch what the functions are made of, which are built.
    ///
    /// # Errors
    ///
    /// If the system does not allow to watch so much.
    pub(super) fn new(plan: &Plan, bootstraps: &Bootstraps, options: &Options) -> Result<Self, String> {
        let (sender, changes) = mpsc::unbounded_channel();
        let send = move |event: notify::Result<Event>| {
            for path in event
                .ok()
                .filter(|event| is_change(event.kind))
                .into_iter()
                .flat_map(|event| event.paths)
            {
                // Nobody listens at the end.
                let _ = sender.send(path);
            }
        };
        let watcher = notify::recommended_watcher(send);
        let watcher = watcher.map_err(|error| format!("cannot watch files: {error}"))?;
        let functions = plan.functions.iter().map(|(name, function)| Watched {
            name: name.clone(),
            roots: function.program.iter().flat_map(sources::of).collect(),
            made: bootstraps.get(name).and_then(made),
        });
        let env_files = options
            .env_files
            .iter()
            .filter_map(|file| file.path.canonicalize().ok());
        let mut watch = Self {
            watcher,
            changes,
            functions: functions.collect(),
            env_files: env_files.collect(),
            watched: BTreeSet::new(),
        };
        watch.watch()?;
        Ok(watch)
    }

    /// Watches the directories that are there now. Those that are watched already are left alone: to watch them again
    /// would lose what changes meanwhile.
    fn watch(&mut self) -> Result<(), String> {
        let roots = self.functions.iter().flat_map(|function| &function.roots);
        let roots = roots.chain(&self.env_files);
        let directories: BTreeSet<PathBuf> = roots.flat_map(|root| sources::directories(root)).collect();
        self.watched.retain(|directory| directories.contains(directory));
        for directory in directories {
            if !self.watched.contains(&directory) {
                let watched = self.watcher.watch(&directory, RecursiveMode::NonRecursive);
                watched.map_err(|error| format!("cannot watch {}: {error}", directory.display()))?;
                self.watched.insert(directory);
            }
        }
        Ok(())
    }

    /// Builds and restarts what has changed, for ever.
    pub(super) async fn run(
        mut self,
        gateway: &Gateway,
        plan: &Plan,
        options: &mut Options,
        output: &Output,
        artifacts: &Path,
    ) {
        while let Some(first) = self.changes.recv().await {
            let mut changed = BTreeSet::from([first]);
            while let Ok(Some(next)) = timeout(QUIET, self.changes.recv()).await {
                changed.insert(next);
            }
            let mut env_has_changed = false;
            for file in &mut options.env_files {
                if file.path.canonicalize().is_ok_and(|path| changed.contains(&path)) {
                    match file.read_again() {
                        Ok(()) => env_has_changed = true,
                        Err(error) => output.kept(&error),
                    }
                }
            }
            for function in &mut self.functions {
                let is_made_of =
                    |path: &PathBuf| function.roots.iter().any(|root| sources::is_below(root, path));
                if env_has_changed || changed.iter().any(is_made_of) {
                    let restarted =
                        restart(function, gateway, plan, options, artifacts, env_has_changed).await;
                    match restarted {
                        Ok(true) => output.note(&format!("function {} was restarted", function.name)),
                        Ok(false) => {}
                        Err(reason) => output.kept(&reason),
                    }
                }
            }
            if let Err(error) = self.watch() {
                output.note(&error);
            }
        }
    }
}

/// Builds a function, and restarts it if that has made another bootstrap. Returns whether it was restarted.
async fn restart(
    function: &mut Watched,
    gateway: &Gateway,
    plan: &Plan,
    options: &Options,
    artifacts: &Path,
    anyway: bool,
) -> Result<bool, String> {
    let planned = &plan.functions[&function.name];
    let bootstrap = build::build(&function.name, planned.program.as_ref(), artifacts).await?;
    let made = made(&bootstrap);
    // Code without a build is itself what has changed.
    if made == function.made && bootstrap.handler.is_none() && !anyway {
        return Ok(false);
    }
    let replacement = assemble::function(planned, &bootstrap, options);
    let replaced = gateway.replace_function(&function.name, replacement).await;
    replaced.map_err(|error| error.to_string())?;
    function.made = made;
    Ok(true)
}

/// Returns when a bootstrap was made.
fn made(built: &Built) -> Option<SystemTime> {
    let file = std::fs::metadata(sources::executable(&built.path)).ok()?;
    file.modified().ok()
}

fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Create(_) | EventKind::Remove(_) => true,
        EventKind::Modify(kind) => !matches!(kind, ModifyKind::Metadata(_)),
        EventKind::Any | EventKind::Access(_) | EventKind::Other => false,
    }
}
