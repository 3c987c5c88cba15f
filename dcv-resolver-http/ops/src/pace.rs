//! [`at_half_speed`]: leaves half of a processor to the others.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long work runs between two pauses.
const BURST: Duration = Duration::from_micros(500);
/// The resolution of tokio's timer.
const MIN_PAUSE: Duration = Duration::from_millis(1);

/// Runs `work`, and pauses after each burst for at least as long as the burst
/// took.
///
/// Yielding alone lets the runtime answer gateways in between, but keeps a
/// processor busy. On a machine with few, the operating system then suspends
/// the threads that answer gateways for whole time slices.
pub(crate) async fn at_half_speed<T>(work: impl Future<Output = T>) -> T {
    at_half_speed_by(Instant::now, work).await
}

async fn at_half_speed_by<T>(mut now: impl FnMut() -> Instant, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    loop {
        let mut busy = Duration::ZERO;
        let burst = poll_fn(|context| {
            let started = now();
            let polled = work.as_mut().poll(context);
            busy += now().duration_since(started);
            match polled {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                Poll::Pending if busy < BURST => Poll::Pending,
                Poll::Pending => Poll::Ready(None),
            }
        });
        if let Some(output) = burst.await {
            return output;
        }
        sleep(busy.max(MIN_PAUSE)).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::yield_now;

    use super::*;

    /// Runs work of `steps` steps that take `step` each, and returns for how
    /// long it paused.
    async fn pauses(steps: usize, step: Duration) -> Duration {
        let mut time = Instant::now();
        // Called before and after each step.
        let now = || {
            time += step / 2;
            time
        };
        let started = Instant::now();
        let work = async {
            for _ in 1..steps {
                yield_now().await;
            }
            "done"
        };
        assert_eq!(at_half_speed_by(now, work).await, "done");
        started.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn work_pauses_after_each_burst_for_as_long() {
        let short = Duration::from_micros(100);
        assert_eq!(pauses(1, BURST).await, Duration::ZERO);
        assert_eq!(pauses(10, short).await, Duration::ZERO);
        assert!(pauses(11, short).await >= MIN_PAUSE);
        let long = Duration::from_millis(20);
        assert_eq!(pauses(4, 2 * long).await, 3 * long);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_is_not_work() {
        let wait = Duration::from_secs(1);
        let started = Instant::now();
        at_half_speed(sleep(wait)).await;
        assert_eq!(started.elapsed(), wait);
    }
}
