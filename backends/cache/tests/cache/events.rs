//! What is logged while records are served stale.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dcv_resolver_cache::CacheConfig;
use dcv_resolver_core::StoreErrorKind;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::support::{Backend, advance_ms, cached, console, console_of};

/// How many were served stale, the age of the oldest in ms, and the error.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Told(u64, u64, String);

#[derive(Debug, Clone, Default)]
struct Record(Arc<Mutex<Vec<Told>>>);

impl Record {
    fn take(&self) -> Vec<Told> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl<S: Subscriber> Layer<S> for Record {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "dcv_resolver::cache" {
            assert_eq!(*event.metadata().level(), Level::WARN);
            let mut told = Told::default();
            event.record(&mut told);
            self.0.lock().unwrap().push(told);
        }
    }
}

impl Visit for Told {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "stale" => self.0 = value,
            "oldest_age_ms" => self.1 = value,
            _ => {}
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "error" {
            value.clone_into(&mut self.2);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

fn told(served: u64, oldest_age_ms: u64) -> Told {
    let error = "backend: the store cannot be reached: connection refused";
    Told(served, oldest_age_ms, error.to_owned())
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_told_at_once_and_then_in_one_line_each_ten_seconds() {
    let record = Record::default();
    let subscriber = tracing_subscriber::registry().with(record.clone());
    let _guard = tracing::subscriber::set_default(subscriber);

    let backend = Backend::new();
    let config = CacheConfig::default().stale_for(Duration::from_secs(600));
    let store = cached(&backend, config);
    backend.put(console(1));
    assert_eq!(console_of(&store).await, Some(1));
    advance_ms(30_000).await;
    backend.fail(Some(StoreErrorKind::Unavailable));

    assert_eq!(console_of(&store).await, Some(1));
    assert_eq!(record.take(), [told(1, 30_000)]);
    for _ in 0..9 {
        advance_ms(1_000).await;
        assert_eq!(console_of(&store).await, Some(1));
    }
    assert_eq!(record.take(), []);
    advance_ms(1_000).await;
    assert_eq!(console_of(&store).await, Some(1));
    assert_eq!(record.take(), [told(10, 40_000)]);

    // A store that fails and answers in turn makes no more lines than that.
    advance_ms(1_000).await;
    assert_eq!(console_of(&store).await, Some(1));
    backend.fail(None);
    assert_eq!(console_of(&store).await, Some(1));
    backend.fail(Some(StoreErrorKind::Unavailable));
    advance_ms(30_000).await;
    backend.fail(None);
    assert_eq!(console_of(&store).await, Some(1));
    assert_eq!(record.take(), [told(1, 41_000)]);

    // What nobody has been told of at the end is told then.
    backend.fail(Some(StoreErrorKind::Unavailable));
    advance_ms(30_000).await;
    assert_eq!(console_of(&store).await, Some(1));
    assert_eq!(record.take(), [told(1, 30_000)]);
    assert_eq!(console_of(&store).await, Some(1));
    assert_eq!(record.take(), []);
    drop(store);
    assert_eq!(record.take(), [told(1, 30_000)]);
}
