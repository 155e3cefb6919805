//! Ending a process together with its children.

use tokio::process::Child;

/// A process and its children; dropping it kills all of them.
///
/// Spawn the process with [`process_group(0)`](tokio::process::Command::process_group), so that it leads a group of
/// its own. Elsewhere than on Unix there are no process groups, and this does nothing.
#[derive(Debug)]
pub struct ProcessGroup {
    #[cfg(unix)]
    id: Option<rustix::process::Pid>,
}

impl ProcessGroup {
    /// Returns the group that `child` leads.
    #[cfg(unix)]
    pub fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self {
            id: id.and_then(rustix::process::Pid::from_raw),
        }
    }

    /// Returns the group that `child` leads.
    #[cfg(not(unix))]
    pub fn of(_: &Child) -> Self {
        Self {}
    }

    /// Kills all processes of the group.
    pub fn kill(self) {
        drop(self);
    }

    /// Lets go of the group without killing it. Call this when its leader has been waited for: its id may belong to
    /// another process then.
    pub fn has_ended(self) {
        std::mem::forget(self);
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(id) = self.id.take() {
            // All of it may have ended already.
            let _ = rustix::process::kill_process_group(id, rustix::process::Signal::KILL);
        }
    }
}
