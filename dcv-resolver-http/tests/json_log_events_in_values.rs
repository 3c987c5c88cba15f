//! A value may leave an event while it is shown. By itself, since only the
//! subscriber of a whole process is told of such an event.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fmt;
use std::io;
use std::sync::Mutex;

use dcv_resolver_http::json_log::JsonLines;
use serde_json::{Value, json};
use tracing::field::{self, Empty};
use tracing::{info, info_span, warn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

static WRITTEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Written;

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        WRITTEN.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Leaves an event whenever it is shown.
struct Chatty;

impl fmt::Display for Chatty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        warn!("while a value was shown");
        f.write_str("chatty")
    }
}

#[test]
fn both_events_are_written_and_the_inner_one_first() {
    tracing_subscriber::registry()
        .with(JsonLines::new(|| Written))
        .init();
    info!(first = 1, value = %Chatty, last = 2, "of an event");
    let span = info_span!("span", value = %Chatty, later = Empty);
    let _entered = span.enter();
    span.record("later", field::display(Chatty));
    info!("within the span");

    let written = WRITTEN.lock().unwrap();
    let events: Vec<Value> = serde_json::Deserializer::from_slice(&written)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let messages: Vec<_> = events.iter().map(|event| &event["message"]).collect();
    let inner = "while a value was shown";
    assert_eq!(
        messages,
        [inner, "of an event", inner, inner, "within the span"]
    );
    assert_eq!(events[1]["first"], 1);
    assert_eq!(events[1]["value"], "chatty");
    assert_eq!(events[1]["last"], 2);
    assert_eq!(
        events[4]["span"],
        json!({"name": "span", "value": "chatty", "later": "chatty"})
    );
}
