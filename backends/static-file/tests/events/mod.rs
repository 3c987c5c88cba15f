//! What was logged, by file.

use std::fmt;
use std::path::Path;
use std::sync::{Mutex, Once};
use std::thread;
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

static EVENTS: Mutex<Vec<Recorded>> = Mutex::new(Vec::new());

/// An event about a file whose path ends in this panics after it is recorded.
pub(crate) const PANICS: &str = "panics.toml";

#[derive(Default)]
struct Recorded {
    level: Option<Level>,
    path: String,
    message: String,
    error: Option<String>,
    sessions: u64,
}

/// Records events from now on, of all threads: watchers have their own.
pub(crate) fn record_events() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing_subscriber::registry().with(Record).init());
}

/// Returns what was logged about the file at `path` at `level`: the error, or
/// the message and the number of sessions.
pub(crate) fn events(path: &Path, level: Level) -> Vec<String> {
    let path = path.display().to_string();
    let events = EVENTS.lock().unwrap();
    events
        .iter()
        .filter(|event| event.path == path && event.level == Some(level))
        .map(|event| match &event.error {
            Some(error) => error.clone(),
            None => format!("{}: {} sessions", event.message, event.sessions),
        })
        .collect()
}

/// Waits until `condition` holds, and panics after ten seconds: far more than the
/// two that are promised, since the machine may be busy.
pub(crate) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(10), "{what}: not yet");
        thread::sleep(Duration::from_millis(2));
    }
}

struct Record;

impl<S: Subscriber> Layer<S> for Record {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if !event.metadata().target().starts_with("dcv_resolver_") {
            return;
        }
        let mut recorded = Recorded {
            level: Some(*event.metadata().level()),
            ..Recorded::default()
        };
        event.record(&mut recorded);
        let panics = recorded.path.ends_with(PANICS);
        EVENTS.lock().unwrap().push(recorded);
        assert!(!panics, "as the test asks for");
    }
}

impl Visit for Recorded {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let value = format!("{value:?}");
        match field.name() {
            "path" => self.path = value,
            "message" => self.message = value,
            "error" => self.error = Some(value),
            _ => {}
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "sessions" {
            self.sessions = value;
        }
    }
}
