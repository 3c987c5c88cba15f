//! Drops a future before it has completed.

use std::pin::pin;
use std::task::Poll;

/// Polls `future` at most `polls` times, each time it wakes, then drops it.
/// Returns its output if it has completed.
pub(crate) async fn drop_after<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            // No poll follows the last one.
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn future_of_three_polls_completes_with_the_third() {
        async fn two_yields() {
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
        }
        for polls in 0..3 {
            assert_eq!(drop_after(polls, two_yields()).await, None);
        }
        assert_eq!(drop_after(3, two_yields()).await, Some(()));
    }
}
