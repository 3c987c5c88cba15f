//! What a test logs.

use dcv_resolver_test_support::log::Log;
use tracing::Level;
use tracing::subscriber::DefaultGuard;

/// Captures what this thread logs until the guard is dropped, as JSON with the
/// fields of an event beside its level and target.
pub(crate) fn log_of_this_thread() -> (Log, DefaultGuard) {
    let log = Log::new();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(Level::TRACE)
        .with_writer(log.clone())
        .finish();
    (log, tracing::subscriber::set_default(subscriber))
}
