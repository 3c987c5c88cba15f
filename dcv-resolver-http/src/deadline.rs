//! [`call_with_deadline`]: calls third-party code with a time limit, and catches
//! a panic in it.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, timeout, timeout_at};

/// The reason why a call did not complete.
// Exhaustive: a future ends either with a value or in one of these two ways.
#[derive(Debug)]
pub enum Interrupted {
    /// The time budget ran out.
    TimedOut,
    /// The call panicked, with this message.
    Panicked(String),
}

/// Returns the output of `call`, unless the call panics or takes longer than
/// `time_budget`, counted from `started`. The call may be to any third-party
/// code, such as a store, or an `Authorize` of `dcv-resolver-authorize`.
///
/// # Errors
///
/// [`Interrupted`], when the call panicked or took too long.
pub async fn call_with_deadline<T>(
    started: Instant,
    time_budget: Duration,
    call: impl Future<Output = T>,
) -> Result<T, Interrupted> {
    // A panic cannot leave anything of this crate in an inconsistent state. A
    // store that panics while it holds a lock of its own is responsible for
    // that lock.
    let call = AssertUnwindSafe(call).catch_unwind();
    let output = match started.checked_add(time_budget) {
        Some(deadline) => timeout_at(deadline, call).await,
        None => timeout(time_budget, call).await,
    };
    match output {
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

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn};
    use std::task::Poll;

    use tokio::task::coop::consume_budget;
    use tokio::time::advance;

    use super::*;

    const BUDGET: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn pending_call_is_polled_again_only_when_woken() {
        let mut polled = 0;
        let call = poll_fn(|context| {
            polled += 1;
            if polled > 1 {
                return Poll::Ready(());
            }
            // It is woken after this.
            let waker = context.waker().clone();
            tokio::spawn(async move { waker.wake() });
            Poll::Pending
        });
        call_with_deadline(Instant::now(), Duration::MAX, call)
            .await
            .unwrap();
        assert_eq!(polled, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn budget_counts_from_the_start_of_the_request() {
        let started = Instant::now();
        advance(BUDGET / 2).await;
        let interrupted = call_with_deadline(started, BUDGET, pending::<()>()).await;
        assert!(matches!(interrupted, Err(Interrupted::TimedOut)));
        assert_eq!(started.elapsed(), BUDGET);
    }

    #[tokio::test]
    async fn call_that_is_always_ready_to_run_times_out() {
        let busy = async {
            // Far beyond the budget on any machine, but bounded.
            for _ in 0..50_000_000 {
                consume_budget().await;
            }
        };
        let interrupted = call_with_deadline(Instant::now(), BUDGET, busy).await;
        assert!(matches!(interrupted, Err(Interrupted::TimedOut)));
    }

    #[tokio::test]
    async fn panic_is_caught_with_its_message() {
        let call = async { panic!("out of {}", "cheese") };
        let interrupted: Result<(), _> = call_with_deadline(Instant::now(), BUDGET, call).await;
        assert!(
            matches!(&interrupted, Err(Interrupted::Panicked(message)) if message == "out of cheese"),
            "{interrupted:?}"
        );
    }
}
