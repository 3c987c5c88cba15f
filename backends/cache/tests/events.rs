//! What is logged while records are served stale. In a process of its own:
//! tracing caches for each event whether a subscriber wants it, and a test that
//! reaches it first on another thread would disable it.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

use std::fmt;
use std::iter;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dcv_resolver_cache::{CacheConfig, CachedStore};
use dcv_resolver_core::testing::{Reply, ScriptedStore};
use dcv_resolver_core::{Expiry, SessionId, SessionRecord, SessionStore, StoreErrorKind};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// An event: of one record, or of those that were not logged.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Logged {
    stale_ms: u64,
    error: String,
    suppressed: u64,
}

#[derive(Debug, Clone, Default)]
struct Record(Arc<Mutex<Vec<Logged>>>);

impl Record {
    fn take(&self) -> Vec<Logged> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl<S: Subscriber> Layer<S> for Record {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "dcv_resolver::cache" {
            assert_eq!(*event.metadata().level(), Level::WARN);
            let mut logged = Logged::default();
            event.record(&mut logged);
            self.0.lock().unwrap().push(logged);
        }
    }
}

impl Visit for Logged {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "stale_ms" => self.stale_ms = value,
            "suppressed" => self.suppressed = value,
            _ => {}
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "error" {
            value.clone_into(&mut self.error);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

fn served(stale_ms: u64) -> Logged {
    Logged {
        stale_ms,
        error: "scripted: the store cannot be reached".to_owned(),
        suppressed: 0,
    }
}

fn suppressed(suppressed: u64) -> Logged {
    Logged {
        suppressed,
        ..Logged::default()
    }
}

#[tokio::test(start_paused = true)]
async fn first_stale_record_is_logged_and_the_others_are_counted_for_ten_seconds() {
    let record = Record::default();
    let subscriber = tracing_subscriber::registry().with(record.clone());
    let _guard = tracing::subscriber::set_default(subscriber);

    let console: SessionId = "console".parse().unwrap();
    let host = "ws-17.dcv.example".parse().unwrap();
    let session = SessionRecord::builder(console.clone(), host, Expiry::Never)
        .http_port(8443)
        .build()
        .unwrap();
    let found = || Reply::Record(session.clone());
    let fails = Reply::Fail(StoreErrorKind::Unavailable);
    let script = iter::once(found())
        .chain(iter::repeat_n(fails.clone(), 12))
        .chain([found(), found()]);
    let store = CachedStore::new(
        ScriptedStore::sequence(script, fails),
        CacheConfig::default().stale_if_error(Duration::from_secs(600)),
    );
    let ask_after = async |ms| {
        tokio::time::advance(Duration::from_millis(ms)).await;
        // The timer that ends a window fires, and then its task runs.
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        let answer = store.lookup(&console).await.unwrap();
        assert_eq!(answer.as_ref(), Some(&session));
    };

    ask_after(0).await;
    ask_after(30_000).await;
    assert_eq!(record.take(), [served(30_000)]);
    for _ in 0..9 {
        ask_after(1_000).await;
    }
    assert_eq!(record.take(), []);
    ask_after(1_000).await;
    assert_eq!(record.take(), [suppressed(9), served(40_000)]);

    // A store that answers in between makes no more lines than that.
    ask_after(1_000).await;
    ask_after(0).await;
    assert_eq!(record.take(), []);
    ask_after(30_000).await;
    assert_eq!(record.take(), [suppressed(1)]);

    // What has not been logged is logged when the cache is dropped.
    ask_after(30_000).await;
    assert_eq!(record.take(), [served(30_000)]);
    ask_after(0).await;
    assert_eq!(record.take(), []);
    drop(store);
    assert_eq!(record.take(), [suppressed(1)]);
}
