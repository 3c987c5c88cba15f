//! [`Wakers`]: wakes every task that waits for a change of state.

use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

#[derive(Debug, Default)]
pub(super) struct Wakers(Mutex<Vec<Waker>>);

impl Wakers {
    /// Waits until `ready` returns a value. It is called again after each
    /// [`wake_all`](Self::wake_all).
    pub(super) async fn until<T>(&self, mut ready: impl FnMut() -> Option<T>) -> T {
        std::future::poll_fn(|context: &mut Context<'_>| {
            // Registered before the check, so that no change is missed.
            self.lock().push(context.waker().clone());
            ready().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    pub(super) fn wake_all(&self) {
        let wakers = std::mem::take(&mut *self.lock());
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Waker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
