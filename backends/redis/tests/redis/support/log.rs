use std::sync::{Arc, LazyLock, Mutex};

use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

/// While there is but one subscriber, an event is switched off for the whole
/// process when a thread without it is the first to come by. So there is always
/// another.
static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Log::new(Level::TRACE)));

/// The texts of all events of this thread, up to a level.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    level: Level,
    texts: Arc<Mutex<Vec<String>>>,
}

impl Log {
    pub(crate) fn of_this_thread(level: Level) -> (Self, DefaultGuard) {
        LazyLock::force(&ANOTHER);
        let log = Self::new(level);
        let guard = tracing::subscriber::set_default(log.clone());
        (log, guard)
    }

    fn new(level: Level) -> Self {
        Self {
            level,
            texts: Arc::default(),
        }
    }

    pub(crate) fn logged(&self) -> Vec<String> {
        self.texts.lock().unwrap().clone()
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level && metadata.target().starts_with("dcv_resolver")
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = String::new();
        event.record(
            &mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
                text.push_str(&format!("{field}={value:?} "));
            },
        );
        self.texts.lock().unwrap().push(text);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
