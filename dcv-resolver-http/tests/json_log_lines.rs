//! How lines are written, whatever the values in them do.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use dcv_resolver_http::json_log::JsonLines;
use serde_json::{Value, json};
use tracing::{Dispatch, info, info_span};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};

/// What was written, each call by itself.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<Vec<u8>>>>);

impl io::Write for Calls {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().push(bytes.to_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Calls {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Calls {
    /// It takes everything, as do those of the other tests: tracing remembers
    /// for all of them what one of them does not want.
    fn subscriber(&self) -> Dispatch {
        Dispatch::new(tracing_subscriber::registry().with(JsonLines::new(self.clone())))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Each call must have written one whole line.
    fn events(&self) -> Vec<Value> {
        let calls = std::mem::take(&mut *self.lock());
        let read = |line: &[u8]| {
            let line = line.strip_suffix(b"\n").unwrap();
            assert!(!line.contains(&b'\n'));
            serde_json::from_slice(line).unwrap()
        };
        calls.iter().map(|line| read(line)).collect()
    }
}

fn within<T>(calls: &Calls, leave: impl FnOnce() -> T) -> T {
    tracing::dispatcher::with_default(&calls.subscriber(), leave)
}

fn messages(events: &[Value]) -> Vec<&str> {
    let events = events.iter();
    events
        .map(|event| event["message"].as_str().unwrap())
        .collect()
}

#[test]
fn threads_write_whole_lines_side_by_side() {
    const EVENTS: usize = 500;
    let calls = Calls::default();
    let subscriber = calls.subscriber();
    thread::scope(|threads| {
        for number in 0..4 {
            let subscriber = &subscriber;
            threads.spawn(move || {
                tracing::dispatcher::with_default(subscriber, || {
                    let long = "x".repeat(number * 300);
                    for event in 0..EVENTS {
                        info!(number, event, long, "of a thread");
                    }
                });
            });
        }
    });
    let events = calls.events();
    for number in 0..4 {
        let of_thread = events.iter().filter(|event| event["number"] == number);
        let order: Vec<_> = of_thread
            .map(|event| event["event"].as_u64().unwrap())
            .collect();
        assert_eq!(order, (0..EVENTS as u64).collect::<Vec<_>>());
    }
}

struct Panicking;

impl fmt::Display for Panicking {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("no luck");
    }
}

#[test]
fn a_value_that_panics_costs_its_own_line_only() {
    let calls = Calls::default();
    within(&calls, || {
        info!("before");
        let leave = || info!(value = %Panicking, "never");
        catch_unwind(AssertUnwindSafe(leave)).unwrap_err();
        info!("after");
    });
    assert_eq!(messages(&calls.events()), ["before", "after"]);
}

#[test]
fn a_writer_that_fails_ends_nothing() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }
    let calls = Calls::default();
    let subscriber = tracing_subscriber::registry()
        .with(JsonLines::new(|| Full))
        .with(JsonLines::new(calls.clone()));
    tracing::subscriber::with_default(subscriber, || info!("told all the same"));
    assert_eq!(messages(&calls.events()), ["told all the same"]);
}

#[test]
fn an_event_without_a_parent_is_in_no_span() {
    let calls = Calls::default();
    within(&calls, || {
        info_span!("span").in_scope(|| info!(parent: None, "of nobody"));
    });
    assert_eq!(calls.events()[0].get("span"), None);
}

#[test]
fn a_span_that_the_layer_does_not_want_is_not_named() {
    let calls = Calls::default();
    let no_spans = Targets::new()
        .with_default(LevelFilter::TRACE)
        .with_target("unwanted", LevelFilter::OFF);
    let others = Calls::default();
    let subscriber = tracing_subscriber::registry()
        .with(JsonLines::new(calls.clone()).with_filter(no_spans))
        .with(JsonLines::new(others.clone()));
    tracing::subscriber::with_default(subscriber, || {
        let outer = info_span!("outer", session_id = "console");
        outer.in_scope(|| {
            info_span!(target: "unwanted", "inner").in_scope(|| info!("within both"));
        });
    });
    assert_eq!(
        calls.events()[0]["span"],
        json!({"name": "outer", "session_id": "console"})
    );
    assert_eq!(others.events()[0]["span"], json!({"name": "inner"}));
}
