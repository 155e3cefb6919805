//! The lines that functions print, and where they go.

use std::{
    fmt,
    io::{self, Write},
    sync::Arc,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader},
    sync::mpsc,
};

/// The standard stream that a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One line that a function has printed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LogLine {
    /// The function's name.
    pub function: Arc<str>,
    /// The operating system's id of the process. 0 for a line that the gateway itself writes about the function.
    pub process: u32,
    /// The stream it was printed to.
    pub stream: LogStream,
    /// The line, without its end.
    pub text: String,
}

/// Receives the lines that functions print. Cheap to clone.
#[derive(Clone)]
pub struct LogSink(Arc<dyn Fn(LogLine) + Send + Sync>);

impl LogSink {
    /// Writes each line to this process's standard error, after the function's name in brackets (the default).
    pub fn stderr() -> Self {
        Self::callback(|line| {
            // A closed standard error is no reason to stop a function.
            let _ = writeln!(io::stderr().lock(), "[{}] {}", line.function, line.text);
        })
    }

    /// Drops every line.
    pub fn discard() -> Self {
        Self::callback(drop)
    }

    /// Calls `sink` with each line. It must not block.
    pub fn callback(sink: impl Fn(LogLine) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }

    /// Sends each line to an unbounded channel. Read it, or choose another sink.
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<LogLine>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let sink = Self::callback(move |line| {
            // The receiver may have been dropped.
            let _ = sender.send(line);
        });
        (sink, receiver)
    }

    pub(crate) fn write(&self, line: LogLine) {
        (self.0)(line);
    }
}

impl Default for LogSink {
    fn default() -> Self {
        Self::stderr()
    }
}

impl fmt::Debug for LogSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogSink")
    }
}

/// The longest line, in bytes: `CloudWatch`'s limit of a log event. A longer line is cut into several.
const LINE_LIMIT: u64 = 256 * 1024;

/// Calls `each` with each line of `stream`, until the stream ends.
pub(super) async fn read_lines(stream: impl AsyncRead + Unpin, mut each: impl FnMut(String)) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut reader).take(LINE_LIMIT).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                let text = String::from_utf8_lossy(&line);
                each(text.trim_end_matches(['\n', '\r']).to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_split_cut_at_the_limit_and_the_last_needs_no_end() {
        let long = "x".repeat(usize::try_from(LINE_LIMIT).unwrap() + 10);
        let input = format!("one\r\n\n{long}\nlast");
        let mut lines = Vec::new();
        read_lines(input.as_bytes(), |line| lines.push(line)).await;
        let lengths: Vec<usize> = lines.iter().map(String::len).collect();
        assert_eq!(lengths, [3, 0, usize::try_from(LINE_LIMIT).unwrap(), 10, 4]);
        assert_eq!((lines[0].as_str(), lines[4].as_str()), ("one", "last"));
    }
}
