//! The subscriber of the ready binary, with what it writes thrown away.

use std::io;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt, reload};

/// Installs it for the process. Events that `directives` want become lines of
/// JSON.
pub fn install(directives: &str) {
    // A filter that can be reloaded, as in the binary: it costs a lock an event.
    let (filter, _handle) = reload::Layer::new(EnvFilter::new(directives));
    tracing_subscriber::registry()
        .with(filter)
        .with(
            fmt::layer()
                .json()
                .flatten_event(true)
                .with_span_list(false)
                .with_writer(io::sink),
        )
        .init();
}
