//! [`Log`]: what a test logs.

use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::Value;
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Level, Subscriber};
use tracing_subscriber::fmt::MakeWriter;

/// While a process has one subscriber, tracing asks that of the thread which
/// reaches an event first, and caches its answer for all threads: a test without
/// a log would silence the others.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(tracing_subscriber::registry()));

/// Captures what a subscriber writes.
#[derive(Debug, Clone)]
pub struct Log(Arc<Mutex<Written>>);

#[derive(Debug, Default)]
struct Written {
    bytes: Vec<u8>,
    /// How many of them were taken.
    taken_bytes: usize,
}

impl Log {
    /// Creates a log for a subscriber that the test builds: pass it as the
    /// writer.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "it has an effect on the process"
    )]
    pub fn new() -> Self {
        LazyLock::force(&SECOND);
        Self(Arc::default())
    }

    /// Captures what this thread logs at `level` and above as JSON, until the
    /// guard is dropped.
    #[must_use]
    pub fn of_this_thread(level: Level) -> (Self, DefaultGuard) {
        let (log, subscriber) = Self::with_subscriber(level);
        (log, tracing::subscriber::set_default(subscriber))
    }

    /// Captures what this thread logs at `level` and above as text, until the
    /// guard is dropped.
    #[must_use]
    pub fn text_of_this_thread(level: Level) -> (Self, DefaultGuard) {
        let log = Self::new();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .with_writer(log.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    /// Returns a log and the subscriber that writes to it as JSON.
    #[must_use]
    pub fn with_subscriber(level: Level) -> (Self, impl Subscriber + Send + Sync + 'static) {
        let log = Self::new();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_max_level(level)
            .with_writer(log.clone())
            .finish();
        (log, subscriber)
    }

    /// Returns everything since the start, taken or not.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().bytes.clone()).unwrap()
    }

    /// Takes the lines since the last call.
    #[must_use]
    pub fn take_lines(&self) -> Vec<String> {
        let mut written = self.0.lock().unwrap();
        let end = written.bytes.len();
        let start = std::mem::replace(&mut written.taken_bytes, end);
        let lines = String::from_utf8(written.bytes[start..].to_vec()).unwrap();
        assert!(lines.is_empty() || lines.ends_with('\n'), "{lines}");
        lines.lines().map(str::to_owned).collect()
    }

    /// Takes the JSON events since the last call.
    #[must_use]
    pub fn take(&self) -> Vec<Value> {
        let lines = self.take_lines();
        lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
