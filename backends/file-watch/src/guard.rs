//! [`guard`]: a panic does not end a watch.

use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;

/// Calls `reload`, and logs when it panics: a parser or a subscriber of the log
/// must not end a watch unnoticed.
pub(crate) fn guard<T>(paths: &[PathBuf], reload: impl FnOnce() -> T) -> Option<T> {
    let result = panic::catch_unwind(AssertUnwindSafe(reload));
    if result.is_err() {
        // The subscriber may be what panics.
        let _ = panic::catch_unwind(|| log_panic(paths));
    }
    result.ok()
}

fn log_panic(paths: &[PathBuf]) {
    let paths: Vec<_> = paths.iter().map(|path| path.to_string_lossy()).collect();
    tracing::error!(
        path = %paths.join(", "),
        "a watched file caused a panic; the next change is still noticed",
    );
}
