//! Giving up on a future half-way.

use std::pin::pin;
use std::task::Poll;

/// Polls `future` at most `polls` times, each time that it asks for it, then
/// drops it; whether it had ended.
pub(crate) async fn give_up_after<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            // Nobody would poll again: the last poll was for the future's work.
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
    async fn a_future_that_needs_three_polls_ends_with_the_third() {
        async fn two_yields() {
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
        }
        for polls in 0..3 {
            assert_eq!(give_up_after(polls, two_yields()).await, None);
        }
        assert_eq!(give_up_after(3, two_yields()).await, Some(()));
    }
}
