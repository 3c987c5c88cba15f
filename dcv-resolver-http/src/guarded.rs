//! Asks a store without being at its mercy.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use dcv_resolver_core::StoreError;
use futures_util::FutureExt;

use crate::problem::Problem;

/// What `asking` comes to, within the time budget. A panic in a store ends
/// here.
pub(crate) async fn guarded<T>(
    time_budget: Duration,
    asking: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, Problem> {
    // Nothing of ours is reached through a store and could be left half
    // changed; a store that panics under a lock of its own answers for it.
    let mut asking = pin!(AssertUnwindSafe(asking).catch_unwind());
    // What is in memory is there at once, and needs no timer.
    let at_once = std::future::poll_fn(|cx| Poll::Ready(asking.as_mut().poll(cx))).await;
    let answer = match at_once {
        Poll::Ready(answer) => Ok(answer),
        Poll::Pending => tokio::time::timeout(time_budget, asking).await,
    };
    match answer {
        Ok(Ok(Ok(answer))) => Ok(answer),
        Ok(Ok(Err(error))) => Err(Problem::Store(error)),
        Ok(Err(panic)) => Err(Problem::Panic(words_of(&*panic))),
        Err(_elapsed) => Err(Problem::Timeout),
    }
}

/// What a panic said, where it is text: `panic!` makes one of these two.
fn words_of(panic: &(dyn Any + Send)) -> String {
    if let Some(words) = panic.downcast_ref::<&str>() {
        (*words).to_owned()
    } else if let Some(words) = panic.downcast_ref::<String>() {
        words.clone()
    } else {
        "without words".to_owned()
    }
}
