//! What is logged, as JSON.

use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::Value;
use tracing::Dispatch;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer, SubscriberExt};

/// While there is one subscriber in a process, tracing asks that of the thread
/// which comes to an event first, and takes its answer for all threads: a test
/// without a log would silence the others.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(tracing_subscriber::registry()));

#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Collects what this thread logs at INFO and above, until the guard is
    /// dropped.
    pub(crate) fn of_this_thread() -> (Self, DefaultGuard) {
        LazyLock::force(&SECOND);
        let log = Self::default();
        let writer = log.clone();
        let subscriber = fmt().json().with_writer(move || writer.clone()).finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    /// Collects what this thread logs, until the guard is dropped, twice over:
    /// what `filter` lets through, and everything at INFO and above.
    pub(crate) fn filtered_and_all_of_this_thread(filter: Targets) -> (Self, Self, DefaultGuard) {
        LazyLock::force(&SECOND);
        let (filtered, all) = (Self::default(), Self::default());
        let (to_filtered, to_all) = (filtered.clone(), all.clone());
        let subscriber = tracing_subscriber::registry()
            .with(
                fmt::layer()
                    .json()
                    .with_writer(move || to_filtered.clone())
                    .with_filter(filter),
            )
            .with(
                fmt::layer()
                    .json()
                    .with_writer(move || to_all.clone())
                    .with_filter(LevelFilter::INFO),
            );
        (filtered, all, tracing::subscriber::set_default(subscriber))
    }

    /// The events since the last call.
    pub(crate) fn take(&self) -> Vec<Value> {
        let written = std::mem::take(&mut *self.0.lock().unwrap());
        let written = String::from_utf8(written).unwrap();
        let lines = written.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
