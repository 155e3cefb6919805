//! Printing without making anybody wait.
//!
//! What happens in the gateway is printed where it happens, and a terminal that is held (Ctrl-S) or a pipe that nobody
//! reads must not hold the gateway. So a thread of its own prints, and what it cannot keep up with is left out.

use std::{
    io::Write,
    iter,
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, channel, sync_channel},
    thread,
    time::Duration,
};

use parking_lot::Mutex;

/// How many lines may wait to be printed.
const WAITING: usize = 10_000;

/// How long the printing thread does not wake after it has printed. Lines come in bursts, and to be woken for each of them
/// would slow down what they tell of.
const PAUSE: Duration = Duration::from_millis(5);

/// How long the end of the program waits for the last lines.
const LAST_LINES: Duration = Duration::from_secs(2);

enum Line {
    Out(String),
    Error(String),
}

/// Prints lines, in their order, on a thread of its own. Colours are left out where there is no terminal for them.
pub(super) struct Printer {
    lines: Mutex<Option<SyncSender<Line>>>,
    left_out: Mutex<u64>,
    printed: Mutex<Receiver<()>>,
}

impl Printer {
    pub(super) fn new() -> Self {
        let (lines, waiting) = sync_channel::<Line>(WAITING);
        let (done, printed) = channel();
        thread::spawn(move || {
            // Dropped at the end, which is all it says.
            let _done = done;
            let (mut out, mut error) = (anstream::stdout(), anstream::stderr());
            while let Ok(first) = waiting.recv() {
                for line in iter::once(first).chain(waiting.try_iter()) {
                    // A closed stream is no reason to stop.
                    let _ = match line {
                        Line::Out(text) => writeln!(out, "{text}"),
                        Line::Error(text) => writeln!(error, "{text}"),
                    };
                }
                thread::sleep(PAUSE);
            }
        });
        Self {
            lines: Mutex::new(Some(lines)),
            left_out: Mutex::default(),
            printed: Mutex::new(printed),
        }
    }

    /// Prints a line to standard output.
    pub(super) fn out(&self, text: String) {
        self.print(Line::Out(text));
    }

    /// Prints a line to standard error.
    pub(super) fn error(&self, text: String) {
        self.print(Line::Error(text));
    }

    fn print(&self, line: Line) {
        let lines = self.lines.lock();
        let Some(lines) = lines.as_ref() else { return };
        let mut left_out = self.left_out.lock();
        if *left_out > 0
            && lines
                .try_send(Line::Error(format!("({left_out} lines were left out)")))
                .is_ok()
        {
            *left_out = 0;
        }
        if let Err(TrySendError::Full(_)) = lines.try_send(line) {
            *left_out += 1;
        }
    }

    /// Waits for a moment until all lines are printed.
    pub(super) fn finish(&self) {
        drop(self.lines.lock().take());
        let end = self.printed.lock().recv_timeout(LAST_LINES);
        debug_assert!(matches!(
            end,
            Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout)
        ));
    }
}
