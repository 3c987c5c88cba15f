//! Asks a store without being at its mercy.

use std::any::Any;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use dcv_resolver_core::StoreError;
use futures_util::FutureExt;
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, sleep, sleep_until};

use crate::problem::Problem;

/// What `asking` comes to, within the time budget since `started`. A panic in a
/// store ends here.
pub(crate) async fn guarded<T>(
    started: Instant,
    time_budget: Duration,
    asking: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, Problem> {
    // Nothing of ours is reached through a store and could be left half
    // changed; a store that panics under a lock of its own answers for it.
    let mut asking = pin!(AssertUnwindSafe(asking).catch_unwind());
    let mut time_out = pin!(None);
    // Not `timeout`, which reads the clock before it asks: what is in memory is
    // there at once.
    let answer = poll_fn(|context| {
        if let Poll::Ready(answer) = asking.as_mut().poll(context) {
            return Poll::Ready(Some(answer));
        }
        if time_out.is_none() {
            let timer = match started.checked_add(time_budget) {
                Some(deadline) => sleep_until(deadline),
                None => sleep(time_budget),
            };
            // Also for a store that always has something to do.
            time_out.set(Some(unconstrained(timer)));
        }
        (time_out.as_mut().as_pin_mut())
            .map_or(Poll::Pending, |timer| timer.poll(context).map(|()| None))
    })
    .await;
    match answer {
        Some(Ok(Ok(answer))) => Ok(answer),
        Some(Ok(Err(error))) => Err(Problem::Store(error)),
        Some(Err(panic)) => Err(Problem::Panic(words_of(&*panic))),
        None => Err(Problem::Timeout),
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

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::task::coop::consume_budget;
    use tokio::time::advance;

    use super::*;

    const BUDGET: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn what_is_not_there_at_once_is_asked_again_only_when_it_says_so() {
        let mut polled = 0;
        let asking = poll_fn(|context| {
            polled += 1;
            if polled > 1 {
                return Poll::Ready(Ok(()));
            }
            // It is woken after this.
            let waker = context.waker().clone();
            tokio::spawn(async move { waker.wake() });
            Poll::Pending
        });
        guarded(Instant::now(), Duration::MAX, asking)
            .await
            .unwrap();
        assert_eq!(polled, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_come_in_time_is_given_up() {
        let started = Instant::now();
        // What came before counts as well.
        advance(BUDGET / 2).await;
        let given_up = guarded(started, BUDGET, pending::<Result<(), _>>()).await;
        assert!(matches!(given_up, Err(Problem::Timeout)), "{given_up:?}");
        assert_eq!(started.elapsed(), BUDGET);
    }

    #[tokio::test]
    async fn what_is_always_busy_is_given_up_too() {
        let busy = async {
            // Long beyond the budget on any machine, and not for ever.
            for _ in 0..50_000_000 {
                consume_budget().await;
            }
            Ok(())
        };
        let given_up = guarded(Instant::now(), BUDGET, busy).await;
        assert!(matches!(given_up, Err(Problem::Timeout)), "{given_up:?}");
    }
}
