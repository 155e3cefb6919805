//! Ending a process together with its children.

use tokio::process::Child;
#[cfg(unix)]
use {
    rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid},
    tokio::sync::oneshot,
};

/// A process and its children; dropping it kills all of them.
///
/// Spawn the process with [`process_group(0)`](tokio::process::Command::process_group), so that it leads a group of
/// its own. Elsewhere than on Unix there are no process groups, and this does nothing.
#[derive(Debug)]
pub struct ProcessGroup {
    #[cfg(unix)]
    id: Option<Pid>,
}

impl ProcessGroup {
    /// Returns the group that `child` leads.
    #[cfg(unix)]
    pub fn of(child: &Child) -> Self {
        Self { id: id(child) }
    }

    /// Returns the group that `child` leads.
    #[cfg(not(unix))]
    pub fn of(_: &Child) -> Self {
        Self {}
    }

    /// Stops all processes of the group until [`thaw`](Self::thaw), as if time stood still for them.
    pub(super) fn freeze(&self) {
        #[cfg(unix)]
        self.signal(Signal::STOP);
    }

    /// Lets the processes of the group go on.
    pub(super) fn thaw(&self) {
        #[cfg(unix)]
        self.signal(Signal::CONT);
    }

    #[cfg(unix)]
    fn signal(&self, signal: Signal) {
        if let Some(id) = self.id {
            // All of it may have ended already.
            let _ = kill_process_group(id, signal);
        }
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
        self.signal(Signal::KILL);
    }
}

#[cfg(unix)]
fn id(child: &Child) -> Option<Pid> {
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    id.and_then(Pid::from_raw)
}

/// Waits until the process has ended, and does not reap it: until somebody does, its id cannot belong to another
/// process, and its group can be killed.
#[cfg(unix)]
pub(super) async fn ended(child: &mut Child) {
    let Some(id) = id(child) else { return };
    let (ended, has_ended) = oneshot::channel::<()>();
    let wait = move || {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while matches!(waitid(WaitId::Pid(id), options), Err(rustix::io::Errno::INTR)) {}
        drop(ended);
    };
    let thread = std::thread::Builder::new()
        .name("wait for process".to_owned())
        .stack_size(128 * 1024);
    match thread.spawn(wait) {
        // The thread sends nothing; that it is over is all.
        Ok(_) => drop(has_ended.await),
        Err(_) => drop(child.wait().await),
    }
}

/// Waits until the process has ended.
#[cfg(not(unix))]
pub(super) async fn ended(child: &mut Child) {
    let _ = child.wait().await;
}
