//! The log of this test process, by database file.

use std::io;
use std::path::Path;
use std::sync::{Mutex, Once};

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Records the log from now on, for the whole process: a subscriber for one
/// thread can miss an event that another thread reaches first.
pub(crate) fn record_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt()
            .without_time()
            .with_ansi(false)
            .with_writer(|| Writer)
            .init();
    });
}

/// Returns the lines so far that contain `text` and name the file at `path`.
pub(crate) fn logged(path: &Path, text: &str) -> Vec<String> {
    let log = String::from_utf8(LOG.lock().unwrap().clone()).unwrap();
    let path = format!("path={} ", path.display());
    log.lines()
        .filter(|line| line.contains(text) && format!("{line} ").contains(&path))
        .map(str::to_owned)
        .collect()
}

struct Writer;

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
