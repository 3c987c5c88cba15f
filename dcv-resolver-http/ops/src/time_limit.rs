//! [`call_with_time_limit`]: calls a store with a time limit, and catches a
//! panic in it.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::timeout;

/// Why a call did not complete.
#[derive(Debug)]
pub(crate) enum Interrupted {
    /// It took too long.
    TimedOut,
    /// It panicked, with this message.
    Panicked(String),
}

/// Returns the output of `call`, unless it panics or takes longer than `limit`.
pub(crate) async fn call_with_time_limit<T>(
    limit: Duration,
    call: impl Future<Output = T>,
) -> Result<T, Interrupted> {
    // A panic cannot leave anything of this crate half changed. A store that
    // panics while it holds a lock of its own is responsible for that lock.
    match timeout(limit, AssertUnwindSafe(call).catch_unwind()).await {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(panic)) => Err(Interrupted::Panicked(message(&*panic))),
        Err(_elapsed) => Err(Interrupted::TimedOut),
    }
}

/// Returns the message of a panic: `panic!` makes one of these two types.
fn message(panic: &(dyn Any + Send)) -> String {
    if let Some(message) = panic.downcast_ref::<&str>() {
        (*message).to_owned()
    } else if let Some(message) = panic.downcast_ref::<String>() {
        message.clone()
    } else {
        "no message".to_owned()
    }
}
