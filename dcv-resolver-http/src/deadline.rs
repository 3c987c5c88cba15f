//! [`call_with_deadline`]: calls the resolver with a time limit, and catches a
//! panic in it.

use std::any::Any;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, sleep, sleep_until};

/// Why a call did not complete.
#[derive(Debug)]
pub(crate) enum Interrupted {
    /// The time budget ran out.
    TimedOut,
    /// It panicked, with this message.
    Panicked(String),
}

/// Returns the output of `call`, unless it panics or takes longer than
/// `time_budget`, counted from `started`.
pub(crate) async fn call_with_deadline<T>(
    started: Instant,
    time_budget: Duration,
    call: impl Future<Output = T>,
) -> Result<T, Interrupted> {
    // A panic cannot leave anything of this crate half changed. A store that
    // panics while it holds a lock of its own is responsible for that lock.
    let mut call = pin!(AssertUnwindSafe(call).catch_unwind());
    let mut timer = pin!(None);
    // Not `tokio::time::timeout`, which reads the clock and registers a timer
    // before it polls: a session in memory is there at the first poll.
    let output = poll_fn(|context| {
        if let Poll::Ready(output) = call.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        if timer.is_none() {
            let sleep = match started.checked_add(time_budget) {
                Some(deadline) => sleep_until(deadline),
                None => sleep(time_budget),
            };
            // A store that is always ready to run again must time out, too.
            timer.set(Some(unconstrained(sleep)));
        }
        (timer.as_mut().as_pin_mut())
            .map_or(Poll::Pending, |timer| timer.poll(context).map(|()| None))
    })
    .await;
    match output {
        Some(Ok(output)) => Ok(output),
        Some(Err(panic)) => Err(Interrupted::Panicked(message(&*panic))),
        None => Err(Interrupted::TimedOut),
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
    use std::future::pending;

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
