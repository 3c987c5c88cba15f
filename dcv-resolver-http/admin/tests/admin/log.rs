//! What this thread logs, one JSON object an event.

use std::cell::RefCell;
use std::io;
use std::sync::{Arc, Mutex, Once};

use serde_json::Value;
use tracing::Level;

thread_local! {
    static LOG: RefCell<Option<Log>> = const { RefCell::new(None) };
}

#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Text>>);

#[derive(Default)]
struct Text {
    bytes: Vec<u8>,
    /// How much of it was taken.
    taken: usize,
}

/// Ends the collecting when it is dropped.
pub(crate) struct Guard(());

impl Log {
    /// Collects what this thread logs, until the guard is dropped.
    ///
    /// One subscriber serves all threads: with one for each, an event that a
    /// thread without one leaves first may be taken for one that nobody wants.
    pub(crate) fn of_this_thread() -> (Self, Guard) {
        static SUBSCRIBER: Once = Once::new();
        SUBSCRIBER.call_once(|| {
            let subscriber = tracing_subscriber::fmt()
                .json()
                .flatten_event(true)
                .with_max_level(Level::TRACE)
                .with_writer(|| OfThisThread)
                .finish();
            tracing::subscriber::set_global_default(subscriber).unwrap();
        });
        let log = Self::default();
        LOG.set(Some(log.clone()));
        (log, Guard(()))
    }

    /// All of it, taken or not.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().bytes.clone()).unwrap()
    }

    /// The events since the last call.
    pub(crate) fn take(&self) -> Vec<Value> {
        let text = self.text();
        let taken = std::mem::replace(&mut self.0.lock().unwrap().taken, text.len());
        text[taken..]
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        LOG.set(None);
    }
}

struct OfThisThread;

impl io::Write for OfThisThread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.with_borrow(|log| {
            if let Some(log) = log {
                log.0.lock().unwrap().bytes.extend_from_slice(bytes);
            }
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
